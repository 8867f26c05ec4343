"""``joulesplit measure``: what any command costs on this device."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from joulesplit.cli._number_range import ABOVE_ZERO, COUNT_FROM_ONE, NOT_BELOW_ZERO
from joulesplit.cli._options import gathered, sensor_options
from joulesplit.cli._output import emit_page, note, require_free, shown_options

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import KeptRuns, MeasuredProgram, RunPlan
    from joulesplit.calibrate.windows import WindowRecord
    from joulesplit.cli._choices import SensorChoice
    from joulesplit.cli._output import Shown

COMMAND_ENERGY_SCHEMA = "joulesplit/command-energy"
COMMAND_ENERGY_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """How often COMMAND is run, and how long it is idle around each run.

    Attributes:
        runs: How often.
        idle_s: Before and after each run, s.
        settle_s: From the end of a run until the device counts as idle again, s.
    """

    runs: int
    idle_s: float
    settle_s: float


@click.command("measure", context_settings={"allow_interspersed_args": False})
@sensor_options
@click.option("--runs", type=COUNT_FROM_ONE, default=3, show_default=True, help="Runs of COMMAND.")
@click.option(
    "--idle-s",
    type=ABOVE_ZERO,
    default=2.0,
    show_default=True,
    help="Idle before and after each run, s.",
)
@click.option(
    "--settle-s",
    type=NOT_BELOW_ZERO,
    default=0.2,
    show_default=True,
    help="From the end of a run until the device counts as idle again, s.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write everything as JSON to a file.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Go on with the finished runs of a --output FILE that was broken off.",
)
@click.option("--force", is_flag=True, help="Replace an existing file.")
@gathered(RunTimes, "times")
@shown_options
@click.argument("arguments", nargs=-1, required=True, metavar="-- COMMAND [ARG]...")
def command(
    *,
    choice: SensorChoice,
    arguments: tuple[str, ...],
    output: Path | None,
    resume: Path | None,
    force: bool,
    shown: Shown,
    times: RunTimes,
) -> int:
    """Run COMMAND under the sensor, each time between idle: its joules, gross and net above idle.

    COMMAND runs without a shell, in the foreground, with this terminal; with --json its standard
    output goes to standard error. A run that fails ends the measurement with exit code 6, and so
    does a verdict of rejected. What goes on after COMMAND has ended counts for --settle-s. A
    simulated board's power does not follow COMMAND.

    With --output each run is kept as it ends; --resume FILE goes on after a kill. A sensor that
    fails for a moment is opened again, and the run is done again.
    """
    from joulesplit.calibrate import require_writable
    from joulesplit.calibrate.instrument import require_program
    from joulesplit.cli._wiring import require_live, try_sensor

    require_live(choice)
    require_program(arguments[0])
    kept = _kept(output, resume, force=force)
    output = output or resume
    if output is not None:
        require_writable(output)
    try_sensor(choice)
    with _telling_what_is_kept(kept, output):
        measured = _measure(_plan(arguments, times, as_json=shown.as_json), choice, kept)
    code = _finish(measured, output, shown=shown)
    if kept is not None:
        kept.discard()
    return code


def _kept(output: Path | None, resume: Path | None, *, force: bool) -> KeptRuns | None:
    """Return the file of finished runs, begun or gone on with; None without an output."""
    from joulesplit.calibrate.campaign import KeptRuns, runs_beside

    if resume is not None:
        if output is not None:
            raise click.UsageError("--resume FILE goes on with that --output: give one of them")
        require_free(resume, force=force)
        return KeptRuns(runs_beside(resume), resume=True)
    if output is None:
        return None
    require_free(output, force=force)
    path = runs_beside(output)
    if path.exists() and not force:
        raise click.UsageError(
            f"{path} holds the finished runs of a measurement that was broken off: go on with "
            f"--resume {output}, or throw them away with --force"
        )
    return KeptRuns(path)


@contextmanager
def _telling_what_is_kept(kept: KeptRuns | None, output: Path | None) -> Iterator[None]:
    """Say how to go on, where a measurement ends before its last run."""
    try:
        yield
    except BaseException:
        if kept is not None and kept.runs:
            count = len(kept.runs)
            note(
                f"finished runs are kept ({count}): the same command with --resume {output} goes on"
            )
        elif kept is not None:
            kept.discard()
        raise


def _plan(arguments: tuple[str, ...], times: RunTimes, *, as_json: bool) -> RunPlan:
    from joulesplit.calibrate.campaign import RunPlan
    from joulesplit.calibrate.windows import WindowTiming

    return RunPlan(
        arguments=arguments,
        runs=times.runs,
        timing=WindowTiming(idle_s=times.idle_s, settle_s=times.settle_s),
        stdout=sys.stderr if as_json else None,
    )


def _measure(plan: RunPlan, choice: SensorChoice, kept: KeptRuns | None) -> MeasuredProgram:
    """Measure; a request to end ends the command and the sampler first."""
    from joulesplit.calibrate.campaign import measure_program
    from joulesplit.cli._device import device_of
    from joulesplit.cli.measuring import ended_in_order, warn_of_load
    from joulesplit.cli.report.terminal import NOT_THE_COMMAND, run_line
    from joulesplit.drivers import SIMULATED_KINDS

    simulated = choice.kind in SIMULATED_KINDS
    if simulated:
        note(f"SIMULATED: {NOT_THE_COMMAND}")
    done = [run.record for run in kept.runs] if kept is not None else []

    def tell(record: WindowRecord) -> None:
        done.append(record)
        note(run_line(record, len(done), plan.runs, simulated=simulated))

    with ended_in_order():
        warn_of_load()
        return measure_program(plan, device_of(choice), tell, kept=kept)


def _finish(measured: MeasuredProgram, output: Path | None, *, shown: Shown) -> int:
    import msgspec

    from joulesplit.calibrate import write_whole
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli.report.terminal import program_page

    document = _document(measured)
    if output is not None:
        content = msgspec.json.format(msgspec.json.encode(document), indent=2)
        write_whole(output, content + b"\n")
    wrote = None if output is None else str(output)
    emit_page(shown, document, lambda: program_page(measured, wrote=wrote))
    rejected = measured.quality.verdict == "rejected"
    return int(ExitCode.MEASUREMENT if rejected else ExitCode.OK)


def _document(measured: MeasuredProgram) -> dict[str, Any]:
    from joulesplit.calibrate.environment import this_tool
    from joulesplit.cli.report.terminal import sensor_origin

    plan, figures = measured.plan, measured.figures
    return {
        "schema": COMMAND_ENERGY_SCHEMA,
        "schema_version": COMMAND_ENERGY_VERSION,
        "created": measured.created,
        "tool": this_tool(),
        "origin": sensor_origin(measured.sensor).lower(),
        "simulated": measured.sensor.simulated,
        "command": plan.arguments,
        "idle_s": plan.timing.idle_s,
        "settle_s": plan.timing.settle_s,
        "energy_j": {"gross": figures.gross_j, "net": figures.net_j},
        "power_w": figures.power_w,
        "idle_power_w": figures.idle_power_w,
        "duration_s": figures.duration_s,
        "quality": measured.quality,
        "runs": measured.records,
        "sensor": measured.sensor,
        "sampling": measured.sampling,
        "sensor_response": measured.response,
        "outages": measured.outages,
        "device": measured.device,
    }
