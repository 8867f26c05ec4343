"""The calibration itself: pilot, warm-up, rounds of windows. Knows nothing of real or simulated."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count, islice
from statistics import median

import msgspec

from joulesplit.calibrate.campaign._alone import Pauses, is_transfer, pauses_s
from joulesplit.calibrate.campaign._bench import Bench, pilot, subjects_of
from joulesplit.calibrate.campaign._first_window_check import require_seen
from joulesplit.calibrate.campaign._pace import MeasuredPace
from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.campaign._quiet import QuietTime
from joulesplit.calibrate.campaign._rest import rest_positions, rest_task, run_rest
from joulesplit.calibrate.campaign._schedule import (
    GROWTH,
    REST_S,
    ROUND_MARGIN,
    control_task,
    expected_duration_s,
    layout_starts,
    rest_s,
    rests_of,
    round_tasks,
)
from joulesplit.calibrate.campaign._stopping import StopOpinion, StopRule, cut_short, limited, once
from joulesplit.calibrate.campaign._transfer_plan import UploadSubject
from joulesplit.calibrate.campaign._warmup import CoolDown, WarmUp, cool_down, warm_up
from joulesplit.calibrate.campaign._watch import LateWatch
from joulesplit.calibrate.checks import SPOILT_REST_SHARE, SPOILT_SHARE
from joulesplit.calibrate.environment import ForeignLoad
from joulesplit.calibrate.errors import OtherCampaignError, WindowError
from joulesplit.calibrate.estimates import RestedWork
from joulesplit.calibrate.windows import Rest, WindowRecord, WindowTask, run_window
from joulesplit.calibrate.workloads import Workload

TRIES = 3
"""A window that gave no energy, because the host held the sampler up, is run so often at most, and
so is a rest that other programs spoilt."""


SPOILT_TRIES = 2
"""A window that other programs spoilt is run again so often at most; then it is kept as it is."""

SPOILT_START = 4
REPEATED_SHARE = 0.25
"""So many repeats from the start, and a quarter of the windows done: on a machine that is always
busy, repeating helps nothing."""


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
        earlier: Windows that an earlier run had finished.
        spent_s: Time of the windows finished and of the waits before them, s.
        remaining_s: Estimate of the time that is left until the next look, s.
        last: The window just finished; None before the first.
        opinion: What the stop rule thought last; None before it was asked.
        cooling: How far the wait for a device that is too hot is; None if there is none.
        stage: What comes now instead of a window, in words; empty for a window.
    """

    done: int
    total: int
    earlier: int
    spent_s: float
    remaining_s: float
    last: WindowRecord | None
    opinion: StopOpinion | None
    cooling: CoolDown | None = None
    stage: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRun:
    """What an earlier run of the same campaign left.

    Attributes:
        start: Of that run; None for a new campaign.
        records: Its windows, in order.
    """

    start: Start | None = None
    records: tuple[WindowRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignListener:
    """Who is told what happens.

    Attributes:
        start: Told how the campaign begins, before its first window.
        keep: Stores a finished window at once.
        progress: Told what is left before the device is warmed up, after each window, after each
            look, and while a device that is too hot is waited for.
    """

    start: Callable[[Start], None] = lambda _: None
    keep: Callable[[WindowRecord], None] = lambda _: None
    progress: Callable[[Progress], None] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignResult:
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
    past: EarlierRun | None = None,
    told: CampaignListener | None = None,
) -> CampaignResult:
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
        OtherCampaignError: The earlier run did other windows.
        TooHotError: The device stayed above its band for the longest wait.
        WiringError: The first windows show that the sensor does not see the device or its work.
        CalibrationError: A window or the sampler failed.
        SensorError: The sensor failed.
    """
    past = past or EarlierRun()
    unit_s = past.start.unit_s if past.start else pilot(plan, bench, uploads)
    told = told or CampaignListener()
    return _Campaign(plan, bench, uploads, unit_s, earlier=past.records, told=told).run(rule)


class _Campaign:
    """A campaign on its way."""

    def __init__(
        self,
        plan: Plan,
        bench: Bench,
        uploads: Sequence[UploadSubject],
        unit_s: dict[str, float],
        *,
        earlier: Sequence[WindowRecord],
        told: CampaignListener,
    ) -> None:
        self._plan, self._bench, self._unit_s, self._told = plan, bench, unit_s, told
        self._subjects = subjects_of(plan, bench, unit_s, uploads)
        self._earlier = earlier
        self._records: list[WindowRecord] = []
        self._repeated = sum(record.spoilt_tries for record in earlier)
        self._opinion: StopOpinion | None = None
        self._progress: Progress | None = None
        self._rest: Rest | None = None
        self._spoilt_rests, self._rested_s = 0, 0.0
        self._pace = MeasuredPace()
        self._quiet, self._watch = QuietTime(plan.timing.idle_s), LateWatch(plan)
        self._pauses = Pauses(plan, uploads, bench.clock)

    def run(self, rule: StopRule) -> CampaignResult:
        tasks = self._tasks(rule)
        for record, task in zip(self._earlier, tasks, strict=False):
            self._records.append(self._done_before(record, task))
        # The first task comes before the warm-up: with it what is left has been told.
        first = tuple(islice(tasks, 1))
        start = Start(unit_s=self._unit_s, warm_up=self._warm_up())
        self._told.start(start)
        for task in chain(first, tasks):
            self._records.append(self._window(task))
            require_seen(self._records, self._bench.sampler.description)
        assert self._opinion is not None, "there are tasks until a look ends them"
        return CampaignResult(records=tuple(self._records), opinion=self._opinion, start=start)

    def _warm_up(self) -> WarmUp:
        # All the runs that the two halves need at least take about as long as two windows.
        shortest_s = min(self._plan.work_s) / 4
        control = control_task(self._plan, self._subjects)
        return warm_up(
            self._bench.workload(control),
            max(1, round(shortest_s / self._unit_s[control.subject])),
            clock=self._bench.clock,
            sampler=self._bench.sampler,
            thermometer=self._bench.thermometer,
            limits=self._plan.limits,
            on_run=self._tell_warming,
        )

    def _tell_warming(self, spent_s: float) -> None:
        longest_s = self._plan.limits.warm_up_s
        self._tell_stage(f"warming up for {spent_s:.0f} s, {longest_s:.0f} s at most")

    def _tell_stage(self, stage: str) -> None:
        assert self._progress, "what is left is told before a window"
        self._told.progress(replace(self._progress, stage=stage))

    def _tasks(self, rule: StopRule) -> Iterator[WindowTask]:
        """Yield one window after the other; each has to be among the records before the next."""
        only: Sequence[str] | None = None
        windows = 0
        for number in count():
            tasks = round_tasks(self._plan, self._subjects, number, only=only, windows=windows)
            left = yield from self._round(tasks, number)
            opinion = self._look(rule, number, left=left)
            if opinion.stop:
                return
            only = opinion.measure_next or None
            wanted = int(ROUND_MARGIN * (opinion.windows_needed or 0))
            windows = min(wanted, int(GROWTH * len(self._records)))

    def _round(self, tasks: Sequence[WindowTask], number: int) -> Generator[WindowTask, None, int]:
        """Yield the windows of one round; return how many were left when the time was over."""
        total = len(self._records) + len(tasks)
        anew = layout_starts(len(tasks), self._plan.layouts, first=number == 0)
        rests = rest_positions(tasks, rests_of(self._plan) if number == 0 else {})
        for position, task in enumerate(tasks):
            if self._spent_s + self._expected_s((task,)) > self._plan.limits.duration_s:
                return len(tasks) - position
            if len(self._records) >= len(self._earlier):
                left = tasks[position:]
                to_come = (work for at, work in rests.items() if at >= position)
                rests_s = sum(rest_s(self._plan.timing, work) for work in to_come)
                watched_s = self._watch.expected_s((t.kind, self._work_s(t)) for t in left)
                waits_s = self._quiet.expected_s(len(left)) + watched_s + rests_s
                expected_s = self._expected_s(left) + waits_s
                now_ns = self._bench.clock.now_ns()
                self._tell(total, self._pace.remaining_s(now_ns, expected_s))
                if len(self._records) == len(self._earlier):
                    # The warm-up follows, which is no window.
                    self._pace.pause()
                if position in anew:
                    self._lay_out_anew()
                if position in rests:
                    self._let_rest(task, rests[position])
            yield task
        self._pace.pause()
        return 0

    def _let_rest(self, before: WindowTask, work: RestedWork) -> None:
        """Run a block of work and watch the rest after it, while that leaves time for the window.

        Whether it is done again, or nothing is kept of it, depends on what others took of the
        processors alone, as with windows.
        """
        clock, began_ns = self._bench.clock, self._bench.clock.now_ns()
        needed_s = rest_s(self._plan.timing, work) + self._expected_s((before,))
        task = rest_task(self._plan, self._subjects, work)
        for _ in range(TRIES):
            if self._spent_s + self._rested_s + needed_s > self._plan.limits.duration_s:
                return
            self._tell_stage(f"watching what comes late, {rest_s(self._plan.timing, work):.0f} s")
            settle_s = self._plan.timing.settle_after_s(task.kind)
            rest = run_rest(task, self._bench, settle_s, REST_S[work])
            self._pauses.over(task, ago_s=REST_S[work])
            self._rested_s = (clock.now_ns() - began_ns) * 1e-9
            if rest is None or (rest.foreign_cpu or 0.0) <= self._usual_load + SPOILT_REST_SHARE:
                self._rest = rest
                return
            self._spoilt_rests += 1

    @property
    def _usual_load(self) -> float:
        """What others take of the processors in the windows so far: it is in a rest's level too."""
        known = [r.foreign_cpu for r in self._records if r.foreign_cpu is not None]
        return median(known) if known else 0.0

    def _lay_out_anew(self) -> None:
        """Move the network in memory, and let what that takes fade before the next idle begins."""
        self._bench.lay_out_anew()
        clock = self._bench.clock
        clock.sleep_until_ns(clock.now_ns() + round(self._plan.timing.idle_s * 1e9))

    def _work_s(self, task: WindowTask) -> float:
        return task.repetitions * self._unit_s[task.subject]

    def _expected_s(self, tasks: Sequence[WindowTask]) -> float:
        timing, unit_s = self._plan.timing, self._unit_s
        others = [task for task in tasks if not is_transfer(task)]
        others_s = expected_duration_s(timing, others, unit_s)
        alone = sum(self._pauses.is_alone(task) for task in tasks)
        return expected_duration_s(timing, tasks, unit_s) + pauses_s(
            alone, len(tasks) - len(others), len(others), others_s / max(len(others), 1)
        )

    @property
    def _spent_s(self) -> float:
        # Of the idle a record keeps only what whole readings cover.
        idle_s = 2 * self._plan.timing.idle_s
        return sum(
            r.work_s + r.settle_s + idle_s + r.waited_s + r.quiet_s + r.spoilt_s
            for r in self._records
        )

    def _look(self, rule: StopRule, number: int, *, left: int) -> StopOpinion:
        """Ask the rule after a round; a limit has the last word."""
        opinion, total = rule(self._records), len(self._records) + left
        over = f"{self._plan.limits.duration_s:g} s are over"
        if left and not opinion.stop:
            opinion = limited(opinion, over)
        elif left and number == 0:
            # The first round is what the plan asks for: cut short, no rule can call it reached.
            opinion = cut_short(f"{over} and {left} of {total} windows were not run")
        elif not opinion.stop and number + 1 == self._plan.stop.looks:
            opinion = limited(opinion, f"{number + 1} round{'s are' if number else ' is'} done")
        self._opinion = opinion
        self._tell(total if number == 0 else len(self._records), 0.0)
        return opinion

    def _done_before(self, record: WindowRecord, task: WindowTask) -> WindowRecord:
        if record.task != task:
            raise OtherCampaignError(
                f"window {len(self._records) + 1} of the journal is '{record.task.subject}' with "
                f"{record.task.repetitions} repetitions and this campaign's is '{task.subject}' "
                f"with {task.repetitions}: it is not the journal of this campaign; start a new one"
            )
        return record

    def _window(self, task: WindowTask) -> WindowRecord:
        """Run a window, again if other programs spoilt it, and keep it.

        Whether it is run again depends on what others took of the processors alone: what it
        measured is not looked at, so that no energy is preferred to another.
        """
        spoilt_tries, spoilt_s = 0, 0.0
        while True:
            record, load = self._watched(task)
            if not self._may_repeat(load, spoilt_tries):
                break
            spoilt_tries += 1
            spoilt_s += record.span_s + record.waited_s + record.quiet_s
        record = msgspec.structs.replace(
            record,
            foreign_cpu=load.share if load else None,
            foreign_programs=_named(load),
            spoilt_tries=spoilt_tries,
            spoilt_s=spoilt_s,
            rest=self._rest,
            spoilt_rests=self._spoilt_rests,
            quiet_s=record.quiet_s + self._rested_s,
        )
        self._rest, self._spoilt_rests, self._rested_s = None, 0, 0.0
        self._repeated += spoilt_tries
        self._told.keep(record)
        return record

    def _may_repeat(self, load: ForeignLoad | None, tries: int) -> bool:
        if load is None or load.share <= SPOILT_SHARE or tries >= SPOILT_TRIES:
            return False
        allowed = SPOILT_START + REPEATED_SHARE * len(self._records)
        in_time = self._spent_s < self._plan.limits.duration_s
        return in_time and self._repeated + tries + 1 <= allowed

    def _watched(self, task: WindowTask) -> tuple[WindowRecord, ForeignLoad | None]:
        """Run a window until it gives an energy; tell what others took of the processors in it."""
        watch, paging, waited_s = self._bench.foreign_load, self._bench.paging, 0.0
        for tries in range(1, TRIES + 1):
            workload = self._bench.workload(task)
            cool = self._cool_down(task, waited_s)
            waited_s += cool.waited_s
            if watch:
                watch.begin()
            if paging:
                paging.begin()
            try:
                record = self._tried(task, workload)
                break
            except WindowError:
                if tries == TRIES:
                    raise
        load = watch.since() if watch else None
        record = msgspec.structs.replace(
            record,
            temperature_c=cool.temperature_c,
            waited_s=waited_s,
            tries=tries,
            paging=paging.since() if paging else None,
        )
        return record, load

    def _tried(self, task: WindowTask, workload: Workload) -> WindowRecord:
        clock, sampler, waited_s = self._bench.clock, self._bench.sampler, self._quiet.wait_s
        waited_s += self._pauses.wait_before(task)
        # Nothing of ours is written or drawn from here until the window is over.
        after = self._quiet.keep(clock, sampler)
        record = run_window(task, workload, self._plan.timing, clock, sampler)
        self._pauses.over(task)
        self._quiet.learn(after, record)
        record = msgspec.structs.replace(record, quiet_s=waited_s)
        return self._watch.over(record, clock, sampler)

    def _cool_down(self, task: WindowTask, waited_s: float) -> CoolDown:
        """Wait for the band, but no longer than leaves time for the window."""
        bench, limits = self._bench, self._plan.limits
        # A pause before it goes by meanwhile.
        window_s = expected_duration_s(self._plan.timing, (task,), self._unit_s)
        left_s = limits.duration_s - self._spent_s - waited_s - window_s
        limits = limits.with_cool_down(left_s)
        return cool_down(bench.clock, bench.sampler, bench.thermometer, limits, self._tell_cooling)

    def _tell_cooling(self, cool: CoolDown) -> None:
        assert self._progress, "what is left is told before a window"
        self._told.progress(replace(self._progress, cooling=cool))

    def _tell(self, total: int, remaining_s: float) -> None:
        self._progress = Progress(
            done=len(self._records),
            total=total,
            earlier=len(self._earlier),
            spent_s=self._spent_s,
            remaining_s=remaining_s,
            last=self._records[-1] if self._records else None,
            opinion=self._opinion,
        )
        self._told.progress(self._progress)


def _named(load: ForeignLoad | None) -> str:
    """Return the busiest programs with their shares, as text."""
    return ", ".join(f"{name} {share:.0%}" for name, share in load.programs) if load else ""
