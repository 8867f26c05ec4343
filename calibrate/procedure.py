"""The calibration itself: pilot, plan, windows. Knows nothing of what is real or simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from calibrate.plan import (
    Plan,
    UploadSubject,
    expected_duration_s,
    tasks_of,
)
from calibrate.sampling import Sampler
from calibrate.window import WindowRecord, WindowTask, run_window
from calibrate.workloads.protocol import Workload
from drivers.protocols import Clock

PILOT_S = 0.04
"""The pilot doubles its repetitions until a run takes this long, s."""

PILOT_AGREEMENT = 0.1
"""Warm: two successive pilot runs agree in time per inference to this fraction."""

PILOT_RUNS = 12
"""A workload that has not settled after so many runs is measured as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign is.

    Attributes:
        done: Windows finished.
        total: Windows in all.
        remaining_s: Estimate of the time that is left, s.
        last: The window just finished; None before the first.
    """

    done: int
    total: int
    remaining_s: float
    last: WindowRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a campaign works with.

    Attributes:
        clock: Time of the workloads.
        sampler: Running sampler.
        blocks: Workload of block l, by l.
        uploads: Workload of each upload subject, by key.
    """

    clock: Clock
    sampler: Sampler
    blocks: Mapping[int, Workload]
    uploads: Mapping[str, Workload]

    def workload(self, task: WindowTask) -> Workload:
        """Return the workload of a task."""
        return self.blocks[task.block] if task.block else self.uploads[task.subject]


def pilot_latency_s(workload: Workload) -> float:
    """Return the time of one repetition, s, once the workload is warm.

    Warm is decided by a test, two successive runs that agree, not by a count.
    """
    repetitions, previous = 1, float("inf")
    for _ in range(PILOT_RUNS):
        done = workload.run(repetitions)
        run_s = (done.ended_ns - done.started_ns) * 1e-9
        latency_s = run_s / repetitions
        settled = abs(latency_s - previous) <= PILOT_AGREEMENT * latency_s
        if run_s >= PILOT_S and settled:
            break
        previous = latency_s
        repetitions *= 1 if run_s >= PILOT_S else 2
    return latency_s


def run_campaign(
    plan: Plan,
    bench: Bench,
    uploads: Sequence[UploadSubject],
    *,
    on_window: Callable[[Progress], None],
    keep: Callable[[WindowRecord], None],
) -> tuple[WindowRecord, ...]:
    """Run every window of a plan.

    Args:
        plan: What to measure.
        bench: What to measure it with.
        uploads: Upload subjects; their keys are those of ``bench.uploads``.
        on_window: Told before the first window and after each.
        keep: Stores a finished window at once.

    Returns:
        The windows in the order they were run.

    Raises:
        CalibrationError: A window or the sampler failed.
        SensorError: The sensor failed.
    """
    latency_s = {index: pilot_latency_s(workload) for index, workload in bench.blocks.items()}
    tasks = tasks_of(plan, latency_s, uploads)
    # Readings from before the first window belong to no window.
    bench.sampler.trace_until(bench.clock.now_ns())
    records: list[WindowRecord] = []
    for position, task in enumerate(tasks):
        left = expected_duration_s(plan, tasks[position:], latency_s, uploads)
        on_window(_progress(records, len(tasks), left))
        records.append(
            run_window(task, bench.workload(task), plan.timing, bench.clock, bench.sampler)
        )
        keep(records[-1])
    on_window(_progress(records, len(tasks), 0.0))
    return tuple(records)


def _progress(records: Sequence[WindowRecord], total: int, remaining_s: float) -> Progress:
    return Progress(
        done=len(records),
        total=total,
        remaining_s=remaining_s,
        last=records[-1] if records else None,
    )
