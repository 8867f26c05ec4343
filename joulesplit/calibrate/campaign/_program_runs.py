"""What a program costs: runs of it between idle, and what came of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from joulesplit.calibrate.campaign._first_window_check import require_seen
from joulesplit.calibrate.campaign._quiet import QuietTime
from joulesplit.calibrate.checks import judge_runs, state_checks, throttling_checks
from joulesplit.calibrate.environment import Conditions, describe_device
from joulesplit.calibrate.errors import IdleTooLongError
from joulesplit.calibrate.estimates import RunFigures, run_figures
from joulesplit.calibrate.instrument import (
    DeviceUnderTest,
    FunctionWorkload,
    KeepingSampler,
    ProgramWorkload,
)
from joulesplit.calibrate.profile import Check, Device, Quality
from joulesplit.calibrate.sampling import RING_RECORDS, SamplerProcess, SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord, WindowTask, WindowTiming, run_window
from joulesplit.calibrate.workloads import Workload
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import SensorDescription
from joulesplit.metrology import counted, html_table, si

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
        function: Called in this process instead of a program, which ``arguments`` then names.
    """

    arguments: Sequence[str]
    runs: int
    timing: WindowTiming
    stdout: IO[str] | None = None
    function: Callable[[], object] | None = None

    @property
    def name(self) -> str:
        """The command as a shell would take it, or the function's name."""
        if self.function is not None:
            return self.arguments[0]
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

    def __str__(self) -> str:
        """Return the energy of a run, net and gross, and whether it may be used."""
        simulated = "SIMULATED · " if self.sensor.simulated else ""
        figures = self.figures
        return (
            f"{simulated}{self.plan.name}: net {figures.net_j}, gross {figures.gross_j}, "
            f"{si(figures.duration_s.value, 's')}, {counted(len(self.records), 'run')}, "
            f"{self.quality.verdict}"
        )

    def _repr_html_(self) -> str:
        figures = (
            ("net energy", self.figures.net_j),
            ("gross energy", self.figures.gross_j),
            ("power", self.figures.power_w),
            ("P_0", self.figures.idle_power_w),
            ("duration", self.figures.duration_s),
        )
        return html_table(str(self), [(name, str(figure)) for name, figure in figures])


def measure_program(
    plan: RunPlan, device: DeviceUnderTest, on_run: Tell = lambda _: None
) -> MeasuredProgram:
    """Run a program under a power sensor, each time between idle, and return what it costs.

    Args:
        plan: What is run how often.
        device: What it runs on, and what measures that.
        on_run: Told of each run.

    Raises:
        SensorError, SamplerError: The sensor cannot be opened, or failed.
        IdleTooLongError: The idle times do not fit the sensor.
        ProgramStartError: The program cannot be started.
        ProgramFailedError: A run of it failed.
        WindowError: Too few readings in an idle time.
        WiringError: The sensor's leads are swapped.
    """
    created = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    with SamplerProcess(device.sensor_factory, device.clock) as process:
        sampler, sensor = KeepingSampler(process), process.description
        before = _conditions(device, sensor)
        records = tuple(_runs(plan, sampler, device.clock, on_run))
        moved = _moved(before, _conditions(device, sensor))
        sampling = process.statistics()
    figures = run_figures(records, sensor.accuracy)
    described = describe_device(device.machine, None)
    return MeasuredProgram(
        plan=plan,
        created=created,
        device=described,
        sensor=sensor,
        sampling=sampling,
        records=records,
        figures=figures,
        quality=judge_runs(records, figures, sampling, sensor, moved, board=described.board),
    )


def _runs(
    plan: RunPlan, sampler: KeepingSampler, clock: Clock, tell: Tell
) -> Iterator[WindowRecord]:
    sensor = sampler.description
    workload = _workload(plan, sampler, clock)
    task = WindowTask(kind="phase", subject=plan.name, block=0, repetitions=1)
    quiet = QuietTime(plan.timing.idle_s)
    for number in range(plan.runs):
        quiet.keep(clock, sampler)
        record = run_window(task, workload, plan.timing, clock, sampler)
        if number == 0:
            require_seen([record], sensor)
        tell(record)
        yield record


def _workload(plan: RunPlan, sampler: KeepingSampler, clock: Clock) -> Workload:
    each_s = _keep_each_s(plan.timing, sampler.description.cycle_s)
    if plan.function is not None:
        return FunctionWorkload(
            name=plan.name,
            function=plan.function,
            clock=clock,
            each_s=each_s,
            keep=sampler.keep,
        )
    return ProgramWorkload(
        name=plan.name,
        arguments=plan.arguments,
        clock=clock,
        stdout=plan.stdout,
        each_s=each_s,
        keep=sampler.keep,
    )


def _keep_each_s(timing: WindowTiming, cycle_s: float) -> float:
    """Return how long a run may go on before its readings are taken over, s.

    Raises:
        IdleTooLongError: The idle times alone are more than the sampler holds.
    """
    holds_s = RING_RECORDS * cycle_s
    longest_s = holds_s / 2
    if timing.idle_s + timing.settle_s > longest_s:
        raise IdleTooLongError(
            f"idle of {timing.idle_s:g} s and settling of {timing.settle_s:g} s are more than this "
            f"sensor's readings are kept for: make them {longest_s:.0f} s together at most"
        )
    return KEEP_SHARE * holds_s


def _conditions(device: DeviceUnderTest, sensor: SensorDescription) -> Conditions | None:
    """Return the machine's state now; None where what is measured is not that machine."""
    return None if sensor.simulated else device.conditions(None, thorough=True)


def _moved(before: Conditions | None, after: Conditions | None) -> tuple[Check, ...]:
    """Return whether the machine stayed as it was.

    What processors were used for by others cannot be told from what the program used.
    """
    if before is None or after is None:
        return ()
    return (*state_checks(before, after), *throttling_checks(before, after))
