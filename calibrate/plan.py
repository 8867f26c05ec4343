"""What a campaign measures, how often and in which order. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from math import ceil

import msgspec

from calibrate.errors import PlanError
from calibrate.window import WindowKind, WindowTask, WindowTiming

LONGEST_UPLOAD = 2.0
"""A single upload that would last so many times the plan's target is left out at that rate."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign's plan.

    Attributes:
        name: Preset or file it came from.
        timing: Idle parts of every window.
        work_s: Lengths of work a block is measured at, s; at least two, spread at least twofold.
        repeats: Windows per block and length, and per upload size and rate.
        rates_bit_per_s: Upload rates; the last one is the rate E_c is stated at.
        upload_sizes: How many payload sizes, spread over those of the cuts.
        upload_s: Target length of an upload window, s.
        control_every: A control window after so many others.
        order_seed: Of the shuffle.
    """

    name: str
    timing: WindowTiming
    work_s: tuple[float, ...]
    repeats: int
    rates_bit_per_s: tuple[float, ...]
    upload_sizes: int
    upload_s: float
    control_every: int
    order_seed: int

    def __post_init__(self) -> None:
        """Refuse a plan that cannot determine the figures.

        Raises:
            PlanError: Too few work sizes or rates, or a length that is not positive.
        """
        if len(self.work_s) < 2 or max(self.work_s) < 2 * min(self.work_s):
            raise PlanError(
                f"plan '{self.name}': work_s needs two lengths that differ at least twofold, to "
                f"tell the cost of an inference from the cost of a window; it has {self.work_s}"
            )
        if len(set(self.rates_bit_per_s)) < 2:
            raise PlanError(
                f"plan '{self.name}': uploads at one rate cannot tell energy per bit from energy "
                "per second on the air; give at least two rates"
            )
        positive = (*self.work_s, *self.rates_bit_per_s, self.upload_s, self.timing.idle_s)
        if min(positive) <= 0 or min(self.repeats, self.upload_sizes, self.control_every) < 1:
            raise PlanError(f"plan '{self.name}': lengths, rates and counts must be positive")

    @property
    def stated_rate_bit_per_s(self) -> float:
        """Rate that E_c is stated at, bit/s."""
        return self.rates_bit_per_s[-1]


QUICK = Plan(
    name="quick",
    timing=WindowTiming(idle_s=0.16, settle_s=0.03),
    work_s=(0.12, 0.24, 0.48),
    repeats=1,
    rates_bit_per_s=(5e6, 10e6, 20e6),
    upload_sizes=3,
    upload_s=0.4,
    control_every=15,
    order_seed=1,
)
"""Less than a minute for 20 blocks; for a look and for the demo."""

STANDARD = Plan(
    name="standard",
    timing=WindowTiming(idle_s=1.0, settle_s=0.2),
    work_s=(0.8, 1.6, 3.2),
    repeats=3,
    rates_bit_per_s=(2e6, 5e6, 10e6, 20e6),
    upload_sizes=4,
    upload_s=2.0,
    control_every=12,
    order_seed=1,
)
"""About a quarter of an hour for 20 blocks."""

PLANS = {plan.name: plan for plan in (QUICK, STANDARD)}


class UploadSubject(msgspec.Struct, frozen=True, kw_only=True):
    """One payload size at one rate."""

    key: str
    payload_bits: int
    rate_bit_per_s: float


def upload_subjects(plan: Plan, sizes_bits: Sequence[int]) -> tuple[UploadSubject, ...]:
    """Return the uploads to measure: sizes spread over those of the cuts, at every rate.

    A size that would take far longer at a rate than the plan wants is left out there.

    Args:
        plan: The plan.
        sizes_bits: Payload sizes at hand, bit.

    Raises:
        PlanError: There is nothing to upload.
    """
    distinct = sorted({bits for bits in sizes_bits if bits > 0})
    if not distinct:
        raise PlanError("no block has an output to upload")
    count = min(plan.upload_sizes, len(distinct))
    step = (len(distinct) - 1) / max(count - 1, 1)
    chosen = sorted({distinct[round(i * step)] for i in range(count)})
    longest_s = LONGEST_UPLOAD * plan.upload_s
    return tuple(
        UploadSubject(
            key=f"upload {bits} bit at {rate:g} bit/s", payload_bits=bits, rate_bit_per_s=rate
        )
        for bits in chosen
        for rate in plan.rates_bit_per_s
        if bits / rate <= longest_s or bits == chosen[0]
    )


def block_key(index: int) -> str:
    """Return the subject key of block l."""
    return f"block {index}"


def tasks_of(
    plan: Plan, latency_s: Mapping[int, float], uploads: Sequence[UploadSubject]
) -> tuple[WindowTask, ...]:
    """Return every window of the campaign in the order it is to be run.

    Compute and upload windows are shuffled together, so that drift cannot look like a
    difference between blocks, sizes or rates; control windows stand at fixed intervals.

    Args:
        plan: The plan.
        latency_s: Time of one inference of block l, from the pilot, s.
        uploads: Uploads to measure.
    """
    tasks = [
        _task("compute", block_key(block), block, seconds / latency)
        for block, latency in latency_s.items()
        for seconds in plan.work_s
        for _ in range(plan.repeats)
    ] + [
        _task("upload", upload.key, 0, _upload_count(plan, upload))
        for upload in uploads
        for _ in range(plan.repeats)
    ]
    random.Random(plan.order_seed).shuffle(tasks)
    return _with_controls(plan, tasks, latency_s)


def _upload_count(plan: Plan, upload: UploadSubject) -> float:
    return plan.upload_s * upload.rate_bit_per_s / upload.payload_bits


def _task(kind: WindowKind, subject: str, block: int, repetitions: float) -> WindowTask:
    return WindowTask(
        kind=kind, subject=subject, block=block, repetitions=max(1, ceil(repetitions))
    )


def _with_controls(
    plan: Plan, tasks: Sequence[WindowTask], latency_s: Mapping[int, float]
) -> tuple[WindowTask, ...]:
    """Put the control window, the slowest block for a middle length, at fixed intervals."""
    block = max(latency_s, key=lambda index: latency_s[index])
    middle_s = sorted(plan.work_s)[len(plan.work_s) // 2]
    control = _task("control", block_key(block), block, middle_s / latency_s[block])
    ordered = [control]
    for position, task in enumerate(tasks, start=1):
        ordered.append(task)
        if position % plan.control_every == 0:
            ordered.append(control)
    return tuple(ordered)


def expected_duration_s(
    plan: Plan,
    tasks: Sequence[WindowTask],
    latency_s: Mapping[int, float],
    uploads: Sequence[UploadSubject],
) -> float:
    """Return how long the tasks will take, s, as announced before anything starts."""
    airtime = {upload.key: upload.payload_bits / upload.rate_bit_per_s for upload in uploads}
    around_s = 2 * plan.timing.idle_s + plan.timing.settle_s
    return sum(
        around_s
        + task.repetitions * (latency_s[task.block] if task.block else airtime[task.subject])
        for task in tasks
    )
