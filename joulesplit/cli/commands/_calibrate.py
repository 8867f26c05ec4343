"""``joulesplit calibrate``: measure the blocks and the uplink, write the device profile."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._options import (
    InputShapes,
    edge_options,
    gathered,
    input_shape_words,
    optional_model_argument,
    optional_sensor_options,
    runtime_options,
)
from joulesplit.cli._output import note, shown_options
from joulesplit.cli._plan_options import PlanChoice, announcement, link_line, plan_options

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import JournalFile, Plan
    from joulesplit.calibrate.environment import Machine
    from joulesplit.calibrate.instrument import DeviceUnderTest, Instrument, RuntimeChoice
    from joulesplit.calibrate.profile import DeviceProfile, InterfaceKind
    from joulesplit.cli._choices import EdgeChoice, SensorChoice
    from joulesplit.cli._output import Shown

LINK_KINDS = ("wifi", "ethernet", "loopback", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationTask:
    """What is asked for: a campaign, the rest of one, its plan, or its figures again.

    Attributes:
        show_plan: Print the plan, measure nothing.
        resume: Journal of a campaign to go on with.
        reanalyse: Journal to compute the profile from again.
        tune: Set the machine for the measurement.
    """

    show_plan: bool
    resume: Path | None
    reanalyse: Path | None
    tune: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationSubject:
    """What is measured, and on what.

    Attributes:
        edge: Server to upload to.
        runtime: How the network is run.
        link: Kind of interface that the way to the server must have; None for any.
        root: Stands for / in tests.
    """

    edge: EdgeChoice
    runtime: RuntimeChoice
    link: InterfaceKind | None
    root: Path


@click.command("calibrate")
@optional_model_argument
@optional_sensor_options
@edge_options
@plan_options
@click.option("--show-plan", is_flag=True, help="Print the plan as a file, and measure nothing.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="JOURNAL",
    help="Go on with the windows of a campaign that was cut short.",
)
@click.option(
    "--reanalyse",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="JOURNAL",
    help="Compute the profile again from its windows, and measure nothing.",
)
@click.option(
    "--link", type=click.Choice(LINK_KINDS), help="Refuse a link that is not of this kind."
)
@click.option(
    "--tune",
    is_flag=True,
    help="Governor performance and Wi-Fi power save off while measuring, set back afterwards. "
    "These two writes need root: `joulesplit tune` does them apart from the measurement.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default="/",
    hidden=True,
    help="Stands for / in tests.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Profile to write; its windows go beside it.  [default: profile.json, or what JOURNAL "
    "goes with]",
)
@click.option("--force", is_flag=True, help="Replace an existing profile and its windows.")
@runtime_options
@shown_options
@gathered(CalibrationTask, "task")
@gathered(CalibrationSubject, "subject")
def command(
    *,
    model: Path | None,
    choice: SensorChoice | None,
    planned: PlanChoice,
    output: Path | None,
    force: bool,
    shown: Shown,
    task: CalibrationTask,
    subject: CalibrationSubject,
) -> int:
    """Run every block of MODEL under the sensor and upload its real outputs to the edge server.

    Writes the device profile and, beside it, every window it rests on. Ctrl-C keeps what there
    is; --resume goes on with it. With --sensor simulated everything but the silicon is real, and
    the profile is marked simulated.
    """
    _require_one(task, planned)
    shapes = subject.runtime.input_shapes
    if task.show_plan:
        return _show_plan(planned.plan(model, shapes), model, shapes, as_json=shown.as_json)
    output = _output(output, reanalyse=task.reanalyse, resume=task.resume, force=force)
    if task.reanalyse is not None:
        return _reanalyse(task.reanalyse, output, model, shown=shown)
    model, choice = _what_and_with(model, choice)
    file = _journal(output, task.resume, force=force)
    plan = _plan(planned, model, shapes, file)
    try:
        profile = _prepare_and_measure(choice, subject, model, plan, file, tune=task.tune)
    except KeyboardInterrupt:
        return _interrupted(file, output, model, shown=shown, input_shapes=shapes)
    except Exception as error:
        from joulesplit.cli.measuring import keep_what_there_is

        keep_what_there_is(error, file, output)
        raise
    return _finish(profile, output, file.path, model, shown=shown, input_shapes=shapes)


def _require_one(task: CalibrationTask, planned: PlanChoice) -> None:
    """Check that the options ask for one thing, so that none is passed over in silence."""
    again = task.reanalyse is not None
    if task.show_plan + again + (task.resume is not None) > 1:
        raise CommandError("--show-plan, --reanalyse and --resume are different tasks: give one")
    if task.tune and (task.show_plan or again):
        raise CommandError("--tune is for measuring: leave it out where nothing is measured")
    if again and planned.given:
        raise CommandError("--reanalyse keeps the plan of its windows: leave the plan out")


def _what_and_with(model: Path | None, choice: SensorChoice | None) -> tuple[Path, SensorChoice]:
    """Check what measuring needs: a network, and a sensor that sees it run."""
    from joulesplit.cli._wiring import require_live

    if model is None or choice is None:
        raise CommandError("MODEL and --sensor are needed: what to measure, and what with")
    require_live(choice)
    return model, choice


def _prepare_and_measure(
    choice: SensorChoice,
    subject: CalibrationSubject,
    model: Path,
    plan: Plan,
    file: JournalFile,
    *,
    tune: bool,
) -> DeviceProfile:
    """Measure on a machine that is set back, whatever ends the measurement."""
    from joulesplit.calibrate.environment import Machine
    from joulesplit.cli._device import device_of
    from joulesplit.cli.measuring import ended_in_order, prepared

    machine = Machine(root=subject.root)
    with ended_in_order(), prepared(machine, tune=tune) as tuned:
        device = device_of(choice, machine, tuned)
        return _measure(choice, subject, device, model=model, plan=plan, file=file)


def _measure(
    choice: SensorChoice,
    subject: CalibrationSubject,
    device: DeviceUnderTest,
    *,
    model: Path,
    plan: Plan,
    file: JournalFile,
) -> DeviceProfile:
    from joulesplit.calibrate.instrument import EdgeAddress, Instrument
    from joulesplit.cli._server_process import edge_server
    from joulesplit.cli._wiring import try_sensor
    from joulesplit.cli.measuring import calibrate, warn_of_load

    shapes = subject.runtime.input_shapes
    memory = _memory_line(model, plan, shapes, device.machine)
    try_sensor(choice)
    with ExitStack() as stack:
        server = edge_server(subject.edge.url, model, choice, input_shapes=shapes)
        url = stack.enter_context(server)
        instrument = Instrument(
            model,
            device,
            EdgeAddress(url=url, token=subject.edge.token),
            runtime=subject.runtime,
            cut=plan.blocks,
            link=subject.link,
        )
        stack.enter_context(instrument)
        warn_of_load(device.machine)
        note(memory)
        return calibrate(instrument, plan if file.resume else _fitted(instrument, plan), file)


def _memory_line(
    model: Path, plan: Plan, input_shapes: InputShapes | None, machine: Machine
) -> str:
    """Return what is to be said of the memory that the campaign takes.

    Raises:
        MemoryShortError: There is not as much.
    """
    from joulesplit.calibrate.instrument import require_memory
    from joulesplit.metrology import si
    from joulesplit.partition.reading import read_network

    free_bytes = machine.available_bytes
    need = require_memory(read_network(model, input_shapes), plan, free_bytes)
    free = "" if free_bytes is None else f"; {si(free_bytes, 'byte')} are free"
    return f"memory: takes about {si(need.whole_bytes, 'byte')} at most{free}"


def _fitted(instrument: Instrument, plan: Plan) -> Plan:
    """Return the plan as the link carries it, and announce how long it takes."""
    from joulesplit.calibrate.campaign import for_sensor

    plan, probe = instrument.fit_to_link(plan)
    note(link_line(probe, plan))
    planned = for_sensor(plan, instrument.sampler.description.cycle_s)
    note(announcement(planned, instrument.network.network, probe))
    return plan


def _show_plan(
    plan: Plan, model: Path | None, input_shapes: InputShapes | None, *, as_json: bool
) -> int:
    from rich.text import Text

    from joulesplit.calibrate.campaign import plan_toml
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli._output import emit
    from joulesplit.partition.reading import read_network

    if model is not None:
        note(announcement(plan, read_network(model, input_shapes)))
    emit(as_json, plan, lambda: Text(plan_toml(plan).rstrip("\n")))
    return int(ExitCode.OK)


def _reanalyse(journal: Path, output: Path, model: Path | None, *, shown: Shown) -> int:
    from joulesplit.calibrate.campaign import profile_from_journal
    from joulesplit.calibrate.journal import read_journal

    profile = profile_from_journal(read_journal(journal))
    if model is None and profile.compute.model is not None:
        model = _where_it_is(profile.compute.model.name, journal)
    return _finish(profile, output, journal, model, shown=shown)


def _where_it_is(name: str, journal: Path) -> Path:
    """Return the network's file, beside the journal if it is there, else by its name alone."""
    beside = journal.with_name(name)
    return beside if beside.exists() else Path(name)


def _output(
    stated: Path | None, *, reanalyse: Path | None, resume: Path | None, force: bool
) -> Path:
    """Return the profile to write; only a campaign that goes on replaces its own one unasked."""
    from joulesplit.calibrate.journal import profile_beside

    journal = reanalyse or resume
    own = Path("profile.json") if journal is None else profile_beside(journal)
    output = own if stated is None else stated
    goes_on = resume is not None and output == own
    if journal is not None and output.exists() and not (force or goes_on):
        raise CommandError(
            f"{output} exists: choose another --output, or give --force to replace it"
        )
    return output


def _journal(output: Path, resume: Path | None, *, force: bool) -> JournalFile:
    """Return the journal to write; nothing that exists is replaced without being told to."""
    from joulesplit.calibrate.campaign import JournalFile
    from joulesplit.calibrate.journal import journal_beside

    if resume is not None:
        return JournalFile(path=resume, resume=True)
    journal = journal_beside(output)
    existing = [path for path in (output, journal) if path.exists()]
    if existing and not force:
        raise CommandError(
            f"{existing[0]} exists: choose another --output, give --force to replace it, or go "
            f"on with --resume {journal}"
        )
    return JournalFile(path=journal, replaces=(output, journal) if force else ())


def _plan(
    planned: PlanChoice, model: Path, input_shapes: InputShapes | None, file: JournalFile
) -> Plan:
    """Return the plan; a resumed campaign keeps its own unless another one is asked for."""
    if not file.resume:
        return planned.plan(model, input_shapes)
    from joulesplit.calibrate.campaign import is_left, require_same_network
    from joulesplit.calibrate.journal import read_journal
    from joulesplit.partition.reading import read_network

    contents = read_journal(file.path)
    network = read_network(model, input_shapes)
    require_same_network(file.path, contents.header.around.model, network)
    plan = planned.plan(model, input_shapes) if planned.given else contents.plan
    done = f"{len(contents.records)} windows are in {file.path}"
    note(f"{done}: going on" if is_left(contents, plan) else f"{done}: nothing is left to measure")
    return plan


def _interrupted(
    file: JournalFile, output: Path, model: Path, *, shown: Shown, input_shapes: InputShapes | None
) -> int:
    """Keep what there is: the profile if the windows give one, the journal in any case."""
    from joulesplit.calibrate.campaign import profile_from_journal
    from joulesplit.calibrate.errors import CalibrationError
    from joulesplit.calibrate.journal import read_journal
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli.measuring import going_on

    if not (file.opened or file.resume):
        return _nothing("interrupted before anything was measured", as_json=shown.as_json)
    again = going_on(file.path)
    try:
        contents = read_journal(file.path)
        profile = profile_from_journal(contents)
    except CalibrationError as error:
        told = f"interrupted before the windows gave a profile ({error}); {again}"
        return _nothing(told, as_json=shown.as_json)
    _finish(
        profile, output, file.path, model,
        shown=shown, input_shapes=input_shapes, next_step=_going_on(file.path),
    )  # fmt: skip
    note(f"interrupted after {len(contents.records)} windows: the profile is marked so; {again}")
    return int(ExitCode.INTERRUPTED)


def _going_on(journal: Path) -> str:
    """Return the command that was typed, as it goes on with its windows."""
    from joulesplit.cli._typed import typed_again, typed_words

    # A token is no text to print; it is in the environment, or in the file of the bench.
    without = {"--resume": 1, "--token": 1, "--force": 0}
    return typed_again(typed_words(), without, "--resume", str(journal))


def _nothing(told: str, *, as_json: bool) -> int:
    """Say that an interrupted campaign has given no profile."""
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli._output import write_error

    if as_json:
        write_error(ExitCode.INTERRUPTED, KeyboardInterrupt.__name__, told)
    note(told)
    return int(ExitCode.INTERRUPTED)


def _finish(
    profile: DeviceProfile,
    output: Path,
    journal: Path,
    model: Path | None,
    *,
    shown: Shown,
    input_shapes: InputShapes | None = None,
    next_step: str | None = None,
) -> int:
    from joulesplit.calibrate.profile import StoredProfile, save_profile
    from joulesplit.cli._exit_codes import ExitCode
    from joulesplit.cli._output import emit_page
    from joulesplit.cli.report.terminal import profile_ending, profile_page

    save_profile(output, StoredProfile(profile=profile))
    ending = profile_ending(
        profile,
        path=output,
        wrote=f"{output} and its windows, {journal}",
        model=model,
        options=input_shape_words(input_shapes),
        next_step=next_step,
    )
    emit_page(shown, profile, lambda: profile_page(profile, output.name, ending=ending))
    return int(ExitCode.MEASUREMENT if profile.quality.verdict == "rejected" else ExitCode.OK)
