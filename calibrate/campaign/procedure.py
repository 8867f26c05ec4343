"""The calibration itself: pilot, warm-up, rounds of windows. Knows nothing of real or simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

import msgspec

from calibrate.campaign.bench import Bench, pilot, subjects_of
from calibrate.campaign.gate import require_seen
from calibrate.campaign.plan import Plan
from calibrate.campaign.schedule import (
    GROWTH,
    Subject,
    UploadSubject,
    control_task,
    expected_duration_s,
    round_tasks,
)
from calibrate.campaign.stopping import StopOpinion, StopRule, once
from calibrate.campaign.warmup import WarmUp, cool_down, warm_up
from calibrate.errors import JournalError, WindowError
from calibrate.windows.window import WindowRecord, WindowTask, run_window

MARGIN = 2.0
"""A round has so many times the windows that are thought to be needed: planned to reach just the
goal, half of them would miss it narrowly; looks are few, and what few windows say of their own
scatter is rough."""

TRIES = 3
"""A window that gave no energy, because the host held the sampler up, is run so often at most."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a campaign found before its first window; the tasks follow from it.

    Attributes:
        unit_s: Time of one repetition by subject, s.
        warm_up: How warming up went.
    """

    unit_s: dict[str, float]
    warm_up: WarmUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign is.

    Attributes:
        done: Windows finished.
        total: Windows in all, as far as is known.
        remaining_s: Estimate of the time that is left until the next look, s.
        last: The window just finished; None before the first.
        opinion: What the stop rule thought last; None before it was asked.
    """

    done: int
    total: int
    remaining_s: float
    last: WindowRecord | None
    opinion: StopOpinion | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What an earlier run of the same campaign left.

    Attributes:
        start: Of that run; None for a new campaign.
        records: Its windows, in order.
    """

    start: Start | None = None
    records: tuple[WindowRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who is told what happens.

    Attributes:
        start: Told how the campaign begins, before its first window.
        keep: Stores a finished window at once.
        progress: Told before the first window, after each, and after each look.
    """

    start: Callable[[Start], None] = lambda _: None
    keep: Callable[[WindowRecord], None] = lambda _: None
    progress: Callable[[Progress], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a campaign gave.

    Attributes:
        records: Every window, in the order they were run.
        opinion: The stop rule's last word.
        start: How it began.
    """

    records: tuple[WindowRecord, ...]
    opinion: StopOpinion
    start: Start


def run_campaign(
    plan: Plan,
    bench: Bench,
    uploads: Sequence[UploadSubject],
    *,
    rule: StopRule = once,
    past: Past | None = None,
    told: Told | None = None,
) -> Outcome:
    """Run rounds of windows until the rule says that it is enough, or a limit is reached.

    A window that an earlier run has finished is not run again. The tasks follow from the plan,
    the first run's pilot and the rule's answers to finished windows, so that a resumed campaign
    runs exactly the windows that an uninterrupted one would have.

    Args:
        plan: What to measure.
        bench: What to measure it with.
        uploads: Upload subjects; their keys are those of ``bench.uploads``.
        rule: Says when it is enough, and what to measure next.
        past: What an earlier run left; None for a new campaign.
        told: Who is told what happens.

    Raises:
        JournalError: The earlier run did other windows.
        WiringError: The first windows show that the sensor does not see the device or its work.
        CalibrationError: A window or the sampler failed.
        SensorError: The sensor failed.
    """
    past, told = past or Past(), told or Told()
    start = _begin(plan, bench, uploads, past)
    told.start(start)
    return _Campaign(plan, bench, start, past.records, told).run(rule)


def _begin(plan: Plan, bench: Bench, uploads: Sequence[UploadSubject], past: Past) -> Start:
    unit_s = past.start.unit_s if past.start else pilot(bench, uploads)
    # All the runs that the two halves need at least take about as long as two windows.
    shortest_s = min(plan.work_s) / 4
    control = control_task(plan, subjects_of(plan, bench, unit_s))
    repetitions = max(1, round(shortest_s / unit_s[control.subject]))
    warm = warm_up(
        bench.workload(control),
        repetitions,
        clock=bench.clock,
        sampler=bench.sampler,
        thermometer=bench.thermometer,
        limits=plan.limits,
    )
    return Start(unit_s=unit_s, warm_up=warm)


class _Campaign:
    """A campaign on its way."""

    def __init__(
        self,
        plan: Plan,
        bench: Bench,
        start: Start,
        earlier: Sequence[WindowRecord],
        told: Told,
    ) -> None:
        self._plan, self._bench, self._start, self._told = plan, bench, start, told
        self._earlier = earlier
        self._records: list[WindowRecord] = []
        self._opinion: StopOpinion | None = None

    def run(self, rule: StopRule) -> Outcome:
        subjects = subjects_of(self._plan, self._bench, self._start.unit_s)
        opinion = self._rounds(subjects, rule)
        return Outcome(records=tuple(self._records), opinion=opinion, start=self._start)

    def _rounds(self, subjects: Sequence[Subject], rule: StopRule) -> StopOpinion:
        only: Sequence[str] | None = None
        windows = 0
        for number in count():
            tasks = round_tasks(self._plan, subjects, number, only=only, windows=windows)
            finished = self._round(tasks, self._start.unit_s)
            opinion = self._look(rule, number, finished=finished)
            if opinion.stop:
                break
            only = opinion.measure_next or None
            wanted = int(MARGIN * (opinion.windows_needed or 0))
            windows = min(wanted, int(GROWTH * len(self._records)))
        return opinion

    def _look(self, rule: StopRule, number: int, *, finished: bool) -> StopOpinion:
        """Ask the rule after a round; a limit has the last word."""
        opinion = rule(self._records)
        if not opinion.stop and not finished:
            opinion = _limited(opinion, f"{self._plan.limits.duration_s:g} s are over")
        elif not opinion.stop and number + 1 == self._plan.stop.looks:
            opinion = _limited(opinion, f"{self._plan.stop.looks} rounds are done")
        self._opinion = opinion
        self._tell(len(self._records), 0.0)
        return opinion

    def _round(self, tasks: Sequence[WindowTask], unit_s: Mapping[str, float]) -> bool:
        """Run the windows of one round; False if the time was over first."""
        total = len(self._records) + len(tasks)
        for position, task in enumerate(tasks):
            left_s = expected_duration_s(self._plan.timing, tasks[position:], unit_s)
            self._tell(total, left_s)
            spent_s = sum(record.span_s for record in self._records)
            next_s = expected_duration_s(self._plan.timing, (task,), unit_s)
            if spent_s + next_s > self._plan.limits.duration_s:
                return False
            self._records.append(self._done_before(task) or self._window(task))
            require_seen(self._records, self._bench.sampler.description.accuracy)
        return True

    def _done_before(self, task: WindowTask) -> WindowRecord | None:
        position = len(self._records)
        if position >= len(self._earlier):
            return None
        record = self._earlier[position]
        if record.task != task:
            raise JournalError(
                f"window {position + 1} of the journal is '{record.task.subject}' with "
                f"{record.task.repetitions} repetitions and this campaign's is '{task.subject}' "
                f"with {task.repetitions}: it is not the journal of this campaign; start a new one"
            )
        return record

    def _window(self, task: WindowTask) -> WindowRecord:
        for tries in range(1, TRIES + 1):
            try:
                record = self._tried(task, tries)
                break
            except WindowError:
                if tries == TRIES:
                    raise
        self._told.keep(record)
        return record

    def _tried(self, task: WindowTask, tries: int) -> WindowRecord:
        bench = self._bench
        workload = bench.workload(task)
        cool = cool_down(bench.clock, bench.sampler, bench.thermometer, self._plan.limits)
        # Readings from before the window belong to no window.
        bench.sampler.trace_until(bench.clock.now_ns())
        return msgspec.structs.replace(
            run_window(task, workload, self._plan.timing, bench.clock, bench.sampler),
            temperature_c=cool.temperature_c,
            waited_s=cool.waited_s,
            tries=tries,
        )

    def _tell(self, total: int, remaining_s: float) -> None:
        self._told.progress(
            Progress(
                done=len(self._records),
                total=total,
                remaining_s=remaining_s,
                last=self._records[-1] if self._records else None,
                opinion=self._opinion,
            )
        )


def _limited(opinion: StopOpinion, limit: str) -> StopOpinion:
    needed = opinion.windows_needed
    more = f"; about {needed} more windows would be needed" if needed else ""
    return msgspec.structs.replace(
        opinion, stop=True, reason=f"{opinion.reason}, but {limit}{more}"
    )
