"""What the idle powers of a campaign tell of what work before them draws late. Pure.

Windows stand close together, and what one of them draws late raises the idle power of those that
follow. By how much follows from what was run before, which is known: of work whose share s comes
late, s times its power, later, is in every idle stretch of the campaign, those of rests included.
That is one straight line through hundreds of idle powers, where a rest by itself has to tell what
fades slowly from a level and a line of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, log, sqrt

import numpy as np

from joulesplit.calibrate.estimates._late_shape import (
    RESTED,
    LateShape,
    RestedWork,
    ToldShare,
    above_last_w,
)
from joulesplit.calibrate.estimates._slow_noise import LIKELIHOOD_LIMIT
from joulesplit.calibrate.windows import Rest, WindowRecord
from joulesplit.metrology import Array, beyond_rounding

FEWEST_FITTED_WINDOWS = 20
"""Of fewer it is not told what idle powers follow beside late work."""

WARMTH_S = (40.0, 60.0, 120.0)
"""Time constants of warmth that follows all work alike and is taken off, s: a board has one that is
longer than what is looked for. Which one, is not asked: what they differ by counts as uncertain."""

OTHERS_S = (3.0, 12.0)
"""What other kinds of work leave is taken off as fading over so long, s."""

ANY_LATE_S = (1.0, 4.0, 18.0)
"""What comes late fades as some of these together, s: so it is not taken for wandering."""

TINY = 1e-300
"""Keeps a logarithm finite."""

WANDERING = (0.0, *np.geomspace(1e-4, 10.0, 11).tolist())
"""How fast idle power may wander, as variance per second over that of the mean of a second, 1/s."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of time in which nothing ran, or one kind of work."""

    start_s: float
    end_s: float
    power_w: float
    work: RestedWork | None

    @property
    def lasts_s(self) -> float:
        """How long, s."""
        return self.end_s - self.start_s


class LateHistory:
    """What was run and what was drawn idle in a campaign, in order of time.

    Args:
        records: Every window.
    """

    def __init__(self, records: Sequence[WindowRecord]) -> None:
        self._records = records
        self._works = [work for work in RESTED if any(_work_of(r) == work for r in records)]
        stretches = sorted(_stretches(records), key=lambda part: part.start_s)
        self._idle = [part for part in stretches if part.work is None and part.lasts_s > 0]
        self._busy = [part for part in stretches if part.work is not None]
        self._power_w = np.array([part.power_w for part in self._idle])
        self._middles_s = np.array([part.start_s + part.lasts_s / 2 for part in self._idle])
        # As that of white noise: in inverse proportion to how long it lasts.
        self._variances = [1 / part.lasts_s for part in self._idle]
        self._wanders: float | None = None
        self._known: dict[float, Mapping[RestedWork, Array]] = {}

    def told(self, work: RestedWork, seconds: float) -> ToldShare | None:
        """Return what share of work the idle powers tell to fade away; None if they tell nothing.

        They follow a level that wanders at random, as fast as makes them most likely; a straight
        line, warmth and what other kinds of work leave are taken off. What is over at once, after
        a time, is not looked for: of several such each alone would stand out clearly, for less
        than they come to together.

        Args:
            work: That comes late.
            seconds: Time constant, s.
        """
        if len(self._records) < FEWEST_FITTED_WINDOWS or work not in self._works:
            return None
        works = [other for other in self._works if other != work]
        others = [self._fading(other_s)[other] for other_s in OTHERS_S for other in works]
        columns = [self._fading(seconds)[work], self._power_w, self._middles_s, *others]
        warm_w = [column for warmth_s in WARMTH_S for column in self._warmth_w(warmth_s)]
        steps, _ = self._steps(np.column_stack([*columns, *warm_w]), self._wandering())
        known, warm = np.split(steps, [len(columns)], axis=1)
        late_w, power_w, *beside = known.T
        found = [
            _told(late_w, power_w, np.column_stack([*beside, one]))
            for one in np.split(warm, len(WARMTH_S), axis=1)
        ]
        told = [share for share in found if share is not None]
        return _whichever(told) if len(told) == len(found) else None

    def _wandering(self) -> float:
        """Return how fast the level wanders most likely, of ``WANDERING`` (REML)."""
        if self._wanders is None:
            likelihoods = [self._likelihood(wandering) for wandering in WANDERING]
            best = int(np.argmax(likelihoods))
            clear = 2 * (likelihoods[best] - likelihoods[0]) > LIKELIHOOD_LIMIT
            self._wanders = WANDERING[best] if clear else WANDERING[0]
        return self._wanders

    def _likelihood(self, wandering: float) -> float:
        """Return the logarithm of the likelihood of what all that is known leaves, and a constant.

        Restricted, so that what was fitted makes nothing look quieter (Patterson, Thompson, 1971).
        """
        late = [self._fading(seconds)[work] for seconds in ANY_LATE_S for work in self._works]
        warm_w = [column for seconds in WARMTH_S for column in self._warmth_w(seconds)]
        columns = np.column_stack([self._middles_s, *warm_w, *late, self._power_w])
        steps, logs = self._steps(columns, wandering)
        beside, observed = steps[:, :-1], steps[:, -1]
        directions, triangle = np.linalg.qr(beside)
        left = beyond_rounding(observed - directions @ (directions.T @ observed), observed)
        squares = float(left @ left)
        if squares <= 0:
            return -wandering
        volume = float(np.log(np.abs(np.diag(triangle)) + TINY).sum())
        freedom: int = len(left) - beside.shape[1]
        return -freedom / 2 * log(squares) - logs / 2 - volume

    def _warmth_w(self, seconds: float) -> tuple[Array, Array]:
        """Return what warmth of all work would draw in each idle stretch, and that from before."""
        warm_w: Array = np.sum([*self._fading(seconds).values()], axis=0)
        left: Array = np.exp((self._middles_s[0] - self._middles_s) / seconds)
        return warm_w, left

    def _steps(self, columns: Array, wandering: float) -> tuple[Array, float]:
        """Return by how much each stretch is off what those before let expect, in its scatter.

        A level that wanders at random is followed from one stretch to the next (Kalman, 1960); it
        begins anywhere, so the first stretch tells nothing. What is left has no memory.

        Args:
            columns: By stretch, shape (n, columns).
            wandering: See ``WANDERING``.

        Returns:
            Departures, shape (n − 1, columns), and the sum of the logarithms of their variances.
        """
        level, known = columns[0], self._variances[0]
        steps, logs = np.empty((len(columns) - 1, columns.shape[1])), 0.0
        for place, gap_s in enumerate(np.diff(self._middles_s).tolist()):
            known += wandering * gap_s
            variance = known + self._variances[place + 1]
            departure = columns[place + 1] - level
            steps[place] = departure / sqrt(variance)
            logs += log(variance)
            level = level + known / variance * departure
            known *= self._variances[place + 1] / variance
        return steps, logs

    def missed(self, work: RestedWork, shape: LateShape) -> float:
        """Return what net energies of a kind of work miss if all of it came late, relative.

        What is drawn after a window is missing from it, and what earlier windows draw late raises
        the idle power that is taken off, by more than it adds to the work where windows are short.
        Few windows would tell that by chance: they are taken to miss the share.

        Args:
            work: That comes late.
            shape: How.
        """
        windows = [record for record in self._records if _work_of(record) == work]
        net_j = np.array([record.net_j for record in windows])
        if len(self._records) < FEWEST_FITTED_WINDOWS or not net_j.sum() > 0:
            return 1.0
        start_s, ends_s, settled_s, over_s = np.array([_edges_s(record) for record in windows]).T
        begins_s = start_s + over_s - settled_s
        before_w, late_w, after_w = (
            self._late_w(work, shape, *edges)
            for edges in ((start_s, begins_s), (begins_s, settled_s), (settled_s, over_s))
        )
        middle = (ends_s - start_s) / 2 / (settled_s - start_s)
        idle_w = before_w + (after_w - before_w) * middle
        counted_j = (late_w - idle_w) * (settled_s - begins_s)
        return 1 - float(counted_j.sum() / net_j.sum())

    def _fading(self, seconds: float) -> Mapping[RestedWork, Array]:
        """Return what each kind of work would leave in each idle stretch if all came late, W."""
        if seconds not in self._known:
            shape = LateShape(seconds=seconds, fades=True)
            edges_s = np.array([(part.start_s, part.end_s) for part in self._idle]).T
            self._known[seconds] = {
                work: self._late_w(work, shape, *edges_s) for work in self._works
            }
        return self._known[seconds]

    def _late_w(self, work: RestedWork, shape: LateShape, start_s: Array, end_s: Array) -> Array:
        """Return the mean of what all of a kind of work would draw late over stretches, W."""
        busy = [part for part in self._busy if part.work == work]
        power_w = np.array([part.power_w for part in busy])
        began_s, ended_s = np.array([(part.start_s, part.end_s) for part in busy]).T

        def drawn_j(until_s: Array) -> Array:
            since_s = until_s[:, np.newaxis]
            lasting_s = shape.drawn_s(since_s - began_s) - shape.drawn_s(since_s - ended_s)
            late_j: Array = lasting_s @ power_w
            return late_j

        late_w: Array = (drawn_j(end_s) - drawn_j(start_s)) / (end_s - start_s)
        return late_w


def _told(late_w: Array, power_w: Array, beside: Array) -> ToldShare | None:
    """Return the share of least squares, in steps without memory; None if they tell none.

    What stands beside it is taken off what is looked for and what was observed alike (Frisch,
    Waugh, 1933).
    """
    lengths = np.linalg.norm(beside, axis=0)
    directions, _ = np.linalg.qr(beside[:, lengths > 0] / lengths[lengths > 0])
    looked_for, observed = (
        beyond_rounding(column - directions @ (directions.T @ column), column)
        for column in (late_w, power_w)
    )
    squares, freedom = float(looked_for @ looked_for), len(late_w) - directions.shape[1] - 1
    if squares <= 0 or freedom <= 0 or not observed.any():
        return None
    share = float(looked_for @ observed) / squares
    left = observed - share * looked_for
    u = sqrt(float(left @ left) / freedom / squares)
    return ToldShare(
        share=share, u=u, degrees_of_freedom=freedom, u_independent=u, independent_freedom=freedom
    )


def _whichever(told: Sequence[ToldShare]) -> ToldShare:
    """Return a share of which several are as good; what they differ by is a rectangular bound."""
    shares = [one.share for one in told]
    u = hypot(float(np.mean([one.u for one in told])), float(np.ptp(shares)) / sqrt(12))
    freedom = told[0].degrees_of_freedom
    return ToldShare(
        share=float(np.mean(shares)),
        u=u,
        degrees_of_freedom=freedom,
        u_independent=u,
        independent_freedom=freedom,
    )


def _work_of(record: WindowRecord) -> RestedWork:
    """Return which kind of work a window is of; what is no transfer is computing."""
    found = [work for work, kinds in RESTED.items() if record.task.kind in kinds]
    return found[0] if found else "computing"


def _stretches(records: Sequence[WindowRecord]) -> Iterable[_Stretch]:
    """Yield the idle sides and the work of each window, and the blocks of work before rests."""
    for record in records:
        start_s, ends_s, settled_s, over_s = _edges_s(record)
        side_s = over_s - settled_s
        begins_s = start_s + side_s
        if record.rest is not None:
            yield from _rest_before(record, record.rest)
        # The idle power is at the middle of the work, on the straight line through both sides.
        step_w = record.idle_step_w
        before_w = record.idle_power_w - step_w * (ends_s - start_s) / 2 / (settled_s - start_s)
        yield _Stretch(start_s, begins_s, before_w, None)
        if record.work_s > 0:
            yield _Stretch(begins_s, ends_s, record.net_j / record.work_s, _work_of(record))
        yield _Stretch(settled_s, over_s, before_w + step_w, None)


def _edges_s(record: WindowRecord) -> tuple[float, float, float, float]:
    """Return when a window begins, its work ends, that has settled and the window is over, s."""
    start_s, side_s = record.started_ns * 1e-9, record.idle_s / 2
    ends_s = start_s + side_s + record.work_s
    return start_s, ends_s, ends_s + record.settle_s, ends_s + record.settle_s + side_s


def _rest_before(record: WindowRecord, rest: Rest) -> Iterable[_Stretch]:
    """Yield the block of work before a rest and its bins; then the window's waiting begins."""
    lasts_s = rest.bin_s * len(rest.power_w)
    about_s = record.started_ns * 1e-9 - record.waited_s - lasts_s - record.settle_s
    over_s = rest.work_ended_ns * 1e-9 or about_s
    yield _Stretch(over_s - rest.work_s, over_s, above_last_w(rest), _work_of(record))
    for place, power_w in enumerate(rest.power_w):
        start_s = over_s + record.settle_s + place * rest.bin_s
        yield _Stretch(start_s, start_s + rest.bin_s, power_w, None)
