"""What a program costs: runs of it between idle, and what came of them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from joulesplit.calibrate.campaign._first_window_check import require_seen
from joulesplit.calibrate.campaign._kept_runs import KeptRun, KeptRuns
from joulesplit.calibrate.campaign._quiet import QuietTime
from joulesplit.calibrate.checks import (
    judge_runs,
    response_checks,
    state_checks,
    throttling_checks,
)
from joulesplit.calibrate.environment import Conditions, describe_device
from joulesplit.calibrate.errors import IdleTooLongError, SamplerError
from joulesplit.calibrate.estimates import RunFigures, run_figures
from joulesplit.calibrate.instrument import (
    DeviceUnderTest,
    FunctionWorkload,
    KeepingSampler,
    ProgramWorkload,
)
from joulesplit.calibrate.journal import later
from joulesplit.calibrate.profile import Check, Device, Quality
from joulesplit.calibrate.response import SensorResponse, observe_response
from joulesplit.calibrate.sampling import RING_RECORDS, SamplerProcess, SamplerStatistics, pooled
from joulesplit.calibrate.windows import WindowRecord, WindowTask, WindowTiming, run_window
from joulesplit.calibrate.workloads import Workload
from joulesplit.drivers.errors import (
    ForeignWriterError,
    RangeExceededError,
    SensorConfigurationError,
    SensorError,
    TraceEndedError,
)
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import SensorDescription
from joulesplit.metrology import counted, html_table, si

KEEP_SHARE = 0.25
"""Of what the sampler holds, so much may pass in a run until it is taken over: the idle on a side
and the settling take half of it at most."""

MOST_OUTAGES = 3
"""A sensor is opened again so often."""

OUTAGE_WAIT_NS = 1_000_000_000
"""From a failure of the sensor until it is opened again, ns: a brown-out or a bus that another
device held is over."""

LASTING = (
    SensorConfigurationError,
    RangeExceededError,
    ForeignWriterError,
    TraceEndedError,
)
"""What is not over after a wait."""

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
        response: How the sensor follows a step of load; None if that is known beforehand.
        outages: Times that the sensor failed and was opened again.
    """

    plan: RunPlan
    created: str
    device: Device
    sensor: SensorDescription
    sampling: SamplerStatistics
    records: tuple[WindowRecord, ...]
    figures: RunFigures
    quality: Quality
    response: SensorResponse | None = None
    outages: int = 0

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
    plan: RunPlan,
    device: DeviceUnderTest,
    on_run: Tell = lambda _: None,
    *,
    kept: KeptRuns | None = None,
) -> MeasuredProgram:
    """Run a program under a power sensor, each time between idle, and return what it costs.

    A sensor that fails for a moment is opened again, and the run that it broke is done again.

    Args:
        plan: What is run how often.
        device: What it runs on, and what measures that.
        on_run: Told of each run.
        kept: Where finished runs are written as they end, and those of an earlier process are.

    Raises:
        SensorError, SamplerError: The sensor cannot be opened, or failed for good.
        IdleTooLongError: The idle times do not fit the sensor.
        ProgramStartError: The program cannot be started.
        ProgramFailedError: A run of it failed.
        WindowError: Too few readings in an idle time.
        WiringError: The sensor's leads are swapped.
        OtherCampaignError: The runs of an earlier process are of something else.
    """
    created = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    stretches = _Stretches(plan, device, on_run, kept)
    stretches.measure()
    sensor, records, sampling = stretches.sensor, tuple(stretches.records), stretches.sampling
    assert sensor is not None, "no sensor was opened"
    figures = run_figures(records, sensor.accuracy)
    described = describe_device(device.machine, None)
    shortest_s = min(record.work_s for record in records)
    response = response_checks(
        stretches.response, sensor, settle_s=plan.timing.settle_s, shortest_s=shortest_s
    )
    extra = (*response, *stretches.moved)
    return MeasuredProgram(
        plan=plan,
        created=created,
        device=described,
        sensor=sensor,
        sampling=sampling,
        records=records,
        figures=figures,
        quality=judge_runs(records, figures, sampling, sensor, extra, board=described.board),
        response=stretches.response,
        outages=stretches.outages,
    )


class _Stretches:
    """The runs of a program, over as many openings of the sensor as it takes."""

    def __init__(
        self, plan: RunPlan, device: DeviceUnderTest, tell: Tell, kept: KeptRuns | None
    ) -> None:
        self._plan, self._device, self._tell, self._kept = plan, device, tell, kept
        runs = kept.runs if kept else ()
        self.records = [run.record for run in runs]
        self._sampling = {run.opened: run.sampling for run in runs}
        self._opened = max(self._sampling, default=-1)
        self.sensor: SensorDescription | None = None
        self.response: SensorResponse | None = None
        self.moved: tuple[Check, ...] = ()
        self.outages = 0
        self._placed_by_ns: int | None = None

    @property
    def sampling(self) -> SamplerStatistics:
        """How the samplers fared."""
        return pooled(list(self._sampling.values()))

    def measure(self) -> None:
        """Do what runs are left; a broken one again."""
        clock = self._device.clock
        before: Conditions | None = None
        while True:
            try:
                with SamplerProcess(self._device.sensor_factory, clock) as process:
                    if self.sensor is None:
                        self._opened_first(process)
                        before = _conditions(self._device, process.description)
                    self._opened += 1
                    self._runs(process)
                    self.moved = _moved(before, _conditions(self._device, process.description))
                    self._sampling[self._opened] = process.statistics()
                    return
            except (SensorError, SamplerError) as error:
                if (
                    self.sensor is None
                    or self.outages == MOST_OUTAGES
                    or isinstance(error, LASTING)
                ):
                    raise
                self.outages += 1
                clock.sleep_until_ns(clock.now_ns() + OUTAGE_WAIT_NS)

    def _opened_first(self, process: SamplerProcess) -> None:
        sensor, plan = process.description, self._plan
        if self._kept is not None:
            times_s = plan.timing.idle_s, plan.timing.settle_s
            self._kept.begin(tuple(plan.arguments), times_s, sensor)
        self.response = observe_response(process, self._device.clock)
        self.sensor = sensor

    def _placed(self, record: WindowRecord) -> WindowRecord:
        """Return a run after those before it: after a boot, the clock begins anew."""
        if self._placed_by_ns is None:
            last_ns = max((r.started_ns + round(r.work_s * 1e9) for r in self.records), default=0)
            self._placed_by_ns = max(last_ns - record.started_ns, 0)
        return later(record, self._placed_by_ns)

    def _runs(self, process: SamplerProcess) -> None:
        plan, clock, sampler = self._plan, self._device.clock, KeepingSampler(process)
        workload = _workload(plan, sampler, clock)
        task = WindowTask(kind="phase", subject=plan.name, block=0, repetitions=1)
        quiet = QuietTime(plan.timing.idle_s)
        while len(self.records) < plan.runs:
            quiet.keep(clock, sampler)
            record = self._placed(run_window(task, workload, plan.timing, clock, sampler))
            if not self.records:
                require_seen([record], sampler.description)
            self.records.append(record)
            self._sampling[self._opened] = process.statistics()
            if self._kept is not None:
                sampling = self._sampling[self._opened]
                self._kept.append(KeptRun(record=record, sampling=sampling, opened=self._opened))
            self._tell(record)


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
