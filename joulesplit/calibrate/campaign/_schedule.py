"""A plan's windows: which, how long, in which order. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from math import ceil

import msgspec

from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.estimates import RESTED, RestedWork
from joulesplit.calibrate.windows import WindowKind, WindowTask, WindowTiming
from joulesplit.partition import Block

GROWTH = 0.5
"""A later round is as long as is thought to be needed, but no longer than this times all before:
few looks then reach far, and none runs far past the goal on a first, rough guess."""

ROUND_MARGIN = 2.0
"""A round has so many times the windows that are thought to be needed: planned to reach just the
goal, half of them would miss it narrowly; looks are few, and what few windows say of their own
scatter is rough."""

MOST_WINDOWS = 100_000
"""In a round: at half a second each more than half a day, and a list that memory still holds."""

REST_WORK_S = 8.0
"""Work goes on for so long before a rest, s: as long as what comes late may take."""

REST_S: Mapping[RestedWork, float] = {"computing": 32.0, "uploads": 16.0, "downloads": 16.0}
"""A rest lasts so long, s: what comes late by half of that is told from the level behind it, and
what fades over half of it, hardly, from a board that cools down."""

WHOLE_KEY = "whole network"
"""Subject key of the network run as one."""


_TOLD_APART: tuple[WindowKind, ...] = ("compute", "upload")
"""One repetition is told from the others here: the energy of a block from what its start costs,
the first upload after a pause from those that follow it."""


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is measured in windows of its own.

    Attributes:
        kind: Of its windows.
        key: Names it.
        block: See ``WindowTask``.
        unit_s: Time of one repetition, s.
        lengths_s: Lengths of work it is measured at, s.
        most: Repetitions at most, where each needs memory of its own.
        stream: Repetitions at least in its longest windows.
        payload_bits: Sent or received in each, bit.
    """

    kind: WindowKind
    key: str
    block: int
    unit_s: float
    lengths_s: tuple[float, ...]
    most: int | None = None
    stream: int = 1
    payload_bits: int = 0

    def task(self, seconds: float) -> WindowTask:
        """Return the window with so much work."""
        if self.kind in _TOLD_APART:
            counts = distinct_repetitions(self.lengths_s, self.unit_s, longest=self.stream)
            repetitions = counts[seconds]
        else:
            repetitions = max(1, ceil(seconds / self.unit_s))
        return WindowTask(
            kind=self.kind,
            subject=self.key,
            block=self.block,
            repetitions=min(repetitions, self.most or repetitions),
        )


def distinct_repetitions(
    lengths_s: Sequence[float], unit_s: float, *, longest: int = 1
) -> dict[float, int]:
    """Return how often work is repeated in windows of some lengths, by the length.

    An energy per repetition is a slope, so the windows may not all hold the same number of them.
    What takes longer than the longest length is run once, twice, three times: its windows are
    longer than asked for.

    Args:
        lengths_s: Of the work, s; none is given twice.
        unit_s: Of one repetition, s.
        longest: Repetitions at least in the longest windows.
    """
    asked = {seconds: max(1, ceil(seconds / unit_s)) for seconds in lengths_s}
    asked[max(asked)] = max(asked[max(asked)], longest)
    if len(set(asked.values())) > 1 or len(asked) == 1:
        return asked
    return {seconds: number for number, seconds in enumerate(sorted(asked), start=1)}


def block_key(index: int) -> str:
    """Return the subject key of block l."""
    return f"block {index}"


def head_key(last_block: int, block_count: int) -> str:
    """Return the subject key of the head that ends with block l; it may be the whole network."""
    return WHOLE_KEY if last_block == block_count else f"head {last_block}"


def head_blocks(plan: Plan, blocks: Sequence[Block]) -> tuple[int, ...]:
    """Return the last blocks of the heads to measure as one network.

    ``candidates`` are the blocks with a smaller output than all before them: a split after any
    other one computes more and sends no less than a split before it. A head of one block is that
    block, and the head of all blocks is the whole network. The ``winner`` is one of these.

    Raises:
        PlanError: The plan names a block that there is not.
    """
    if not isinstance(plan.heads, str):
        for last in plan.heads:
            if not 1 < last < len(blocks):
                raise PlanError(
                    f"plan '{plan.name}': no head ends with block {last}: heads of several blocks "
                    f"end with 2 to {len(blocks) - 1}"
                )
        return tuple(sorted(set(plan.heads)))
    return shrinking_blocks(blocks)


def shrinking_blocks(blocks: Sequence[Block]) -> tuple[int, ...]:
    """Return the blocks with a smaller output than all before them, without the first and last."""
    smallest, chosen = blocks[0].output_bits, []
    for block in blocks[1:-1]:
        if block.output_bits < smallest:
            smallest = block.output_bits
            chosen.append(block.index)
    return tuple(chosen)


def round_tasks(
    plan: Plan,
    subjects: Sequence[Subject],
    number: int,
    *,
    only: Iterable[str] | None = None,
    windows: int = 0,
) -> tuple[WindowTask, ...]:
    """Return the windows of one round in the order they are to be run.

    All kinds are mixed by chance, so that drift cannot look like a difference between blocks,
    sizes or rates; the windows of each subject are spread over the round, and control windows
    stand at fixed intervals.

    Args:
        plan: The plan.
        subjects: Everything there is to measure.
        number: Of the round, from 0; each has an order of its own.
        only: Keys of the subjects to measure; None for all that are not measured on demand.
        windows: About how many are wanted, if that is more than the plan's repeats make.

    Raises:
        PlanError: There are more than ``MOST_WINDOWS``.
    """
    wanted = _keys(plan, subjects) if only is None else set(only)
    measured = [subject for subject in subjects if subject.key in wanted]
    once = sum(len(subject.lengths_s) for subject in measured)
    repeats = max(plan.repeats, round(windows / max(once, 1)))
    require_countable(plan, once * repeats)
    tasks = _spread(measured, repeats, random.Random(f"{plan.order_seed} round {number}"))
    return _with_controls(plan, tasks, subjects)


def _keys(plan: Plan, subjects: Iterable[Subject]) -> set[str]:
    """Return the keys of what a round measures unasked."""
    on_demand = plan.heads == "winner"
    return {s.key for s in subjects if not (on_demand and s.kind == "head")}


def _spread(subjects: Sequence[Subject], repeats: int, chance: random.Random) -> list[WindowTask]:
    """Put the windows of each subject into as many equal parts of the round, one into each.

    Where in its part a window stands, and with which length, is chance. So everything has been
    measured once long before the end, and a campaign that is broken off can say something.
    """
    placed: list[tuple[float, WindowTask]] = []
    for subject in subjects:
        once_s = subject.lengths_s
        lengths_s = [s for _ in range(repeats) for s in chance.sample(once_s, len(once_s))]
        for part, seconds in enumerate(lengths_s):
            placed.append(((part + chance.random()) / len(lengths_s), subject.task(seconds)))
    return [task for _, task in sorted(placed, key=lambda pair: pair[0])]


def layout_starts(windows: int, layouts: int, *, first: bool) -> frozenset[int]:
    """Return before which windows of a round the network is laid out anew in memory.

    Each subject's windows are spread over the round, so equal parts of it have one each.

    Args:
        windows: In the round.
        layouts: In the round; 1 leaves the network where it is.
        first: The round is the campaign's first, whose first layout is there already.
    """
    if layouts == 1:
        return frozenset()
    starts = {round(part * windows / layouts) for part in range(layouts)}
    return frozenset(starts - {0} if first else starts)


def require_countable(plan: Plan, windows: int) -> None:
    if windows > MOST_WINDOWS:
        raise PlanError(
            f"plan '{plan.name}': a round has {windows} windows, and {MOST_WINDOWS} are the most: "
            "give fewer repeats, work_s, rates_bit_per_s or upload sizes"
        )


def _with_controls(
    plan: Plan, tasks: Sequence[WindowTask], subjects: Sequence[Subject]
) -> tuple[WindowTask, ...]:
    """Put the control window, the slowest block for a middle length, at fixed intervals."""
    control = control_task(plan, subjects)
    ordered = [control]
    for position, task in enumerate(tasks, start=1):
        ordered.append(task)
        if position % plan.control_every == 0:
            ordered.append(control)
    return tuple(ordered)


def control_task(plan: Plan, subjects: Sequence[Subject]) -> WindowTask:
    """Return the window that is repeated to tell drift."""
    slowest = max((s for s in subjects if s.kind == "compute"), key=lambda s: s.unit_s)
    middle_s = sorted(plan.work_s)[len(plan.work_s) // 2]
    return msgspec.structs.replace(slowest.task(middle_s), kind="control")


def expected_duration_s(
    timing: WindowTiming, tasks: Iterable[WindowTask], unit_s: Mapping[str, float]
) -> float:
    """Return how long windows will take, s.

    Args:
        timing: Of the windows.
        tasks: The windows.
        unit_s: Time of one repetition by subject, s.
    """
    return sum(
        2 * timing.idle_s
        + timing.settle_after_s(task.kind)
        + task.repetitions * unit_s[task.subject]
        for task in tasks
    )


def rests_of(plan: Plan) -> dict[RestedWork, int]:
    """Return how often the device is left alone after each kind of work.

    What downloads cost is the least part of a decision: once is enough.

    Args:
        plan: Of the campaign.
    """
    downloads = min(plan.rests, 1) if plan.downloads else 0
    return {"computing": plan.rests, "uploads": plan.rests, "downloads": downloads}


def rest_s(timing: WindowTiming, work: RestedWork) -> float:
    """Return how long a block of work and the rest after it take, s.

    Args:
        timing: Of the windows.
        work: That the rest comes after.
    """
    return REST_WORK_S + timing.settle_after_s(RESTED[work][0]) + REST_S[work]
