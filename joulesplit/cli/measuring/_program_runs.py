"""What a program costs: runs of it between idle, in real time, and what came of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from joulesplit.calibrate.campaign import require_seen
from joulesplit.calibrate.checks import judge_runs, state_checks, throttling_checks
from joulesplit.calibrate.environment import Conditions, Machine, describe_device, snapshot
from joulesplit.calibrate.estimates import RunFigures, run_figures
from joulesplit.calibrate.profile import Check, Device, Quality
from joulesplit.calibrate.sampling import RING_RECORDS, SamplerProcess, SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord, WindowTask, WindowTiming, run_window
from joulesplit.cli._choices import SensorChoice
from joulesplit.cli._errors import CommandError
from joulesplit.cli._wiring import sensor_factory
from joulesplit.cli.measuring._program import KeepingSampler, ProgramWorkload
from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.readings import SensorDescription

KEEP_SHARE = 0.25
"""Of what the sampler holds, so much may pass in a run until it is taken over: the idle on a side
and the settling take half of it at most."""

Tell = Callable[[WindowRecord], None]
"""Told of each run once it is over, outside its idle time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What is run how often.

    Attributes:
        arguments: The program and what it is given.
        runs: How often.
        timing: Idle and settling of each run.
        stdout: Where the program's standard output goes; None for ours.
    """

    arguments: Sequence[str]
    runs: int
    timing: WindowTiming
    stdout: IO[str] | None = None

    @property
    def name(self) -> str:
        """The command as a shell would take it."""
        return shlex.join(self.arguments)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredProgram:
    """What a program costs on this device.

    Attributes:
        plan: What was run.
        created: ISO 8601 with offset, before the first run.
        device: The machine.
        sensor: As opened.
        sampling: How the sampler fared.
        records: One window per run.
        figures: Means over them.
        quality: May they be used?
    """

    plan: RunPlan
    created: str
    device: Device
    sensor: SensorDescription
    sampling: SamplerStatistics
    records: tuple[WindowRecord, ...]
    figures: RunFigures
    quality: Quality


def measure_program(plan: RunPlan, choice: SensorChoice, tell: Tell) -> MeasuredProgram:
    """Run a program under the sensor, each time between idle.

    Args:
        plan: What is run how often.
        choice: The power source.
        tell: Told of each run.

    Raises:
        SensorError, SamplerError: The sensor cannot be opened, or failed.
        CommandError: The idle times do not fit the sensor, or the program cannot be started.
        ProgramFailedError: A run of it failed.
        WindowError: Too few readings in an idle time.
        WiringError: The sensor's leads are swapped.
    """
    machine, clock = Machine(), MonotonicClock()
    created = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    with SamplerProcess(sensor_factory(choice), clock) as process:
        sampler, sensor = KeepingSampler(process), process.description
        before = _conditions(machine, sensor)
        records = tuple(_runs(plan, sampler, clock, tell))
        moved = _moved(before, _conditions(machine, sensor))
        sampling = process.statistics()
    figures = run_figures(records, sensor.accuracy)
    device = describe_device(machine, None)
    return MeasuredProgram(
        plan=plan,
        created=created,
        device=device,
        sensor=sensor,
        sampling=sampling,
        records=records,
        figures=figures,
        quality=judge_runs(records, figures, sampling, sensor, moved, board=device.board),
    )


def _runs(
    plan: RunPlan, sampler: KeepingSampler, clock: MonotonicClock, tell: Tell
) -> Iterator[WindowRecord]:
    sensor = sampler.description
    workload = ProgramWorkload(
        name=plan.name,
        arguments=plan.arguments,
        clock=clock,
        stdout=plan.stdout,
        each_s=_keep_each_s(plan.timing, sensor.cycle_s),
        keep=sampler.keep,
    )
    task = WindowTask(kind="phase", subject=plan.name, block=0, repetitions=1)
    for number in range(plan.runs):
        record = run_window(task, workload, plan.timing, clock, sampler)
        if number == 0:
            require_seen([record], sensor.accuracy)
        tell(record)
        yield record


def _keep_each_s(timing: WindowTiming, cycle_s: float) -> float:
    """Return how long a run may go on before its readings are taken over, s.

    Raises:
        CommandError: The idle times alone are more than the sampler holds.
    """
    holds_s = RING_RECORDS * cycle_s
    longest_s = holds_s / 2
    if timing.idle_s + timing.settle_s > longest_s:
        raise CommandError(
            f"--idle-s {timing.idle_s:g} and --settle-s {timing.settle_s:g} are more than this "
            f"sensor's readings are kept for: {longest_s:.0f} s together at most"
        )
    return KEEP_SHARE * holds_s


def _conditions(machine: Machine, sensor: SensorDescription) -> Conditions | None:
    """Return the machine's state now; None in a simulated world, which has another one."""
    return None if sensor.simulated else snapshot(machine, thorough=True)


def _moved(before: Conditions | None, after: Conditions | None) -> tuple[Check, ...]:
    """Return whether the machine stayed as it was.

    What processors were used for by others cannot be told from what the program used.
    """
    if before is None or after is None:
        return ()
    return (*state_checks(before, after), *throttling_checks(before, after))
