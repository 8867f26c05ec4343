"""Measure whole inferences by a split, to hold against what the profile predicts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from joulesplit.calibrate.campaign._bench import pilot_latency_s
from joulesplit.calibrate.campaign._quiet import QuietTime
from joulesplit.calibrate.campaign._schedule import distinct_repetitions
from joulesplit.calibrate.campaign._split_times import mean_of, transfer_times_s
from joulesplit.calibrate.estimates import (
    fit_blocks,
    loads_of,
    quantity,
    require_positive,
)
from joulesplit.calibrate.profile import Quantity
from joulesplit.calibrate.sampling import Sampler
from joulesplit.calibrate.windows import WindowRecord, WindowTask, WindowTiming, run_window
from joulesplit.calibrate.workloads import Workload
from joulesplit.drivers.protocols import Clock
from joulesplit.metrology import SystematicBudget


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationPlan:
    """How a split is measured.

    Attributes:
        timing: Idle parts of every window.
        work_s: Lengths of work, s; at least two, spread at least twofold.
        repeats: Windows per length.
    """

    timing: WindowTiming
    work_s: tuple[float, ...] = (0.4, 0.8, 1.2)
    repeats: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSplit:
    """What whole inferences by one split cost.

    Attributes:
        net_j: Net energy per inference, J.
        gross_j: Gross energy per inference, J.
        latency_s: Time per inference on average, s.
        inferences: How many were run.
        degrees_of_freedom: Behind the energies.
        u_latency_s: Standard uncertainty of that average by how windows scatter, s.
        transfer_s, u_transfer_s: Mean transfer time of an upload and its standard uncertainty, s;
            None if nothing was sent.
        windows: Behind the times.
    """

    net_j: Quantity
    gross_j: Quantity
    latency_s: float
    inferences: int
    degrees_of_freedom: float
    u_latency_s: float = 0.0
    transfer_s: float | None = None
    u_transfer_s: float | None = None
    windows: int = 0


def measure_split(
    workload: Workload,
    plan: ValidationPlan,
    clock: Clock,
    sampler: Sampler,
    *,
    budget: SystematicBudget,
    on_window: Callable[[int, int], None],
) -> MeasuredSplit:
    """Run a split in windows of several lengths and return its energy per inference.

    Args:
        workload: Runs whole inferences.
        plan: How it is measured.
        clock: Time.
        sampler: Running sampler.
        budget: The sensor's systematic terms.
        on_window: Told (windows done, windows in all) before the first and after each.

    Raises:
        CalibrationError: A window or the sampler failed, or the windows give no energy.
        SensorError: The sensor failed.
    """
    repetitions = distinct_repetitions(plan.work_s, pilot_latency_s(workload))
    tasks = [
        WindowTask(
            kind="compute",
            subject=workload.name,
            block=1,
            repetitions=repetitions[seconds],
        )
        for _ in range(plan.repeats)
        for seconds in plan.work_s
    ]
    records: list[WindowRecord] = []
    quiet = QuietTime(plan.timing.idle_s)
    for task in tasks:
        on_window(len(records), len(tasks))
        quiet.keep(clock, sampler)
        records.append(run_window(task, workload, plan.timing, clock, sampler))
    on_window(len(records), len(tasks))
    return _measured(records, budget)


def _measured(records: list[WindowRecord], budget: SystematicBudget) -> MeasuredSplit:
    observations = [record.observation for record in records]
    budget = replace(budget, loads=loads_of(records))
    inferences = sum(o.repetitions for o in observations)
    latency_s = sum(o.work_s for o in observations) / inferences
    what = "the energy of an inference by this split, in J,"
    _, u_latency_s = mean_of([o.work_s / o.repetitions for o in observations])
    sent_s = transfer_times_s(records)
    transfer_s, u_transfer_s = mean_of(sent_s) if sent_s else (None, None)
    net = require_positive(fit_blocks(observations, 1, "net").one(1), what)
    gross = require_positive(fit_blocks(observations, 1, "gross").one(1), what)
    return MeasuredSplit(
        net_j=quantity(net, "J", budget),
        gross_j=quantity(gross, "J", budget, offset_duration=latency_s),
        latency_s=latency_s,
        inferences=inferences,
        degrees_of_freedom=net.degrees_of_freedom,
        u_latency_s=u_latency_s,
        transfer_s=transfer_s,
        u_transfer_s=u_transfer_s,
        windows=len(records),
    )
