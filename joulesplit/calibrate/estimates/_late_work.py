"""What work draws seconds after it has ended, from the rests of a campaign. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, erfc, exp, inf, log, pi, sqrt

import numpy as np

from joulesplit.calibrate.estimates._late_history import LateHistory
from joulesplit.calibrate.estimates._late_shape import (
    RESTED,
    LateShape,
    RestedWork,
    ToldShare,
    above_last_w,
)
from joulesplit.calibrate.estimates._stats import coverage_factor
from joulesplit.calibrate.windows import Rest, WindowRecord
from joulesplit.metrology import Array

LASTING_S = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
"""How long what comes late at once is looked for to last, s: one of these is nearest to what it
does. With one that is a second beside it, half of what comes late is taken for the course of the
rest."""

FADING_S = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 13.0, 18.0)
"""Time constants of what dies away that are looked for, s."""

SHAPES = (
    *(LateShape(seconds=seconds, fades=False) for seconds in LASTING_S),
    *(LateShape(seconds=seconds, fades=True) for seconds in FADING_S),
)
"""Ways in which work may come late, alike likely."""

LONGEST_FADING = 0.55
"""Of the rest: what fades more slowly is told from a board that cools down by all idle powers
alone."""

NOTHING_LATE = 0.5
"""Probability that nothing comes late, before a rest is looked at: as likely as not."""

LATE_AT_ALL = 0.03
"""Of work that comes late, so much is usual, relative (standard deviation about none)."""

TOLD_WELL, TOLD_OF_ITSELF = 0.01, 0.5
"""What no rest tells counts where all idle powers tell its share so well, standard uncertainty, as
it is or over itself. Else the interval would hold what was thought before: where idle power wanders
as 1/f, ± 3 % and more."""

BELOW_NOUGHT = 0.1
"""Probability that what comes late is less power than at last, if something does."""

LOWEST = 30.0
"""Standard deviations."""

TOLD_EXACTLY = 1e-9
"""A share is not known better than this, relative."""

HELD = 0.975
"""Of what comes late so much is below the end of the interval, which it has on one side alone."""

LEAST_LEFT = 0.1
"""Of the energy of work in its own windows. What comes late is missing there, so that it is more of
what is stated than it was of all; beyond this nothing of a figure is right."""

STEPS_OF_REACH = 40
"""Of the search for this end: each halves the range that it lies in."""

MOST_KEPT = 0.9
"""Beyond it a rest tells nothing but its own noise."""

FEWEST_AFTER = 8
"""Fewer bins after all that comes late do not tell what their noise is like."""

FEWEST_BINS = 12
"""A rest of fewer bins does not tell its level and its course from what comes late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateWork:
    """Power that lasted after the work.

    Attributes:
        told: Share with the way that it stands out most in.
        shape: That way.
        shapes: How many were looked at.
        worth: Standard uncertainty whose interval of 95 % reaches as far as what came late does
            with a probability of ``HELD``, over all shapes and none of them.
        rests: How many told it.
    """

    told: ToldShare
    shape: LateShape
    shapes: int
    worth: float
    rests: int


def late_work(records: Sequence[WindowRecord], work: RestedWork) -> LateWork | None:
    """Return what share of the work's power lasted after it; None without a rest that tells.

    After work that went on for longer than anything comes late, a share of its power stands in
    the rest until the last of it is over. The course of a rest is a level, a straight line beside
    it (the board cools down) and that share for a time. What fades is told by all idle powers of
    the campaign, those of rests among them (``LateHistory``), or by the courses of rests like what
    ends, where these know it better: few windows or slow noise leave little of the others. Of the
    shapes the one is taken that makes the share stand out most. What lasts beyond the longest of
    them is part of the line.

    Args:
        records: Every window.
        work: Of which kind.
    """
    return _late_work(tuple(records), work)


@lru_cache(maxsize=16)
def _late_work(records: tuple[WindowRecord, ...], work: RestedWork) -> LateWork | None:
    own = [r.rest for r in records if r.rest and r.task.kind in RESTED[work]]
    rests = [rest for rest in own if len(rest.power_w) >= FEWEST_BINS and above_last_w(rest) > 0]
    if not rests:
        return None
    history, kept = _history(records), _kept(rests)
    found: list[tuple[LateShape, ToldShare]] = []
    for shape in SHAPES:
        by_all = history.told(work, shape.seconds) if shape.fades else None
        by_rests = _lasting(rests, shape, kept) if _told_by_a_line(shape, rests) else None
        if by_rests:
            told = min(by_all or by_rests, by_rests, key=lambda one: one.u)
            found.append((shape, told))
        elif by_all and by_all.u < max(TOLD_WELL, TOLD_OF_ITSELF * abs(by_all.share)):
            found.append((shape, by_all))
    shape, best = max(found, key=lambda one: one[1].stands_out)
    shares = [(told.share, told.u) for _, told in found]
    # Some ways let net energies miss less than the share, and which way it is, is told worse.
    missed = [max(1.0, history.missed(work, shape)) for shape, _ in found]
    reach = reach_of(shares, best.degrees_of_freedom, missed)
    worth = reach / max(1 - reach, LEAST_LEFT) / coverage_factor(inf)
    return LateWork(told=best, shape=shape, shapes=len(found), worth=worth, rests=len(rests))


@lru_cache(maxsize=1)
def _history(records: tuple[WindowRecord, ...]) -> LateHistory:
    return LateHistory(records)


def _told_by_a_line(shape: LateShape, rests: Sequence[Rest]) -> bool:
    shortest_s = min(rest.bin_s * len(rest.power_w) for rest in rests)
    return not shape.fades or shape.seconds <= LONGEST_FADING * shortest_s


def worth_of(
    found: Sequence[tuple[float, float]],
    degrees_of_freedom: float,
    apart: Sequence[float] | None = None,
) -> float:
    """Return the root mean square of what came late, after all that was measured of it.

    Something may come late in one of several ways, alike likely, or nothing at all does. Each way
    has a share that was measured with it; what it is worth is the mean square of the share that it
    then has, weighted by how likely the way is after the measurement (Bayes). Below nought, less
    than at last after work, is hardly expected and counts where it is clear. So noise that makes a
    share stand out counts for little, what cannot be told for as much as is usual, and what is
    clear for itself.

    Args:
        found: Measured share and its standard uncertainty, by way.
        degrees_of_freedom: Behind these: u counts for as much wider as Student's factor is than
            the normal one, since a budget takes its terms to be known without limit.
        apart: By what u is wider since measurements of the way disagree, by way; None if none is.
            The share is known less well by that. Against that nothing comes late it says nothing:
            with none of it they disagree as much.
    """
    beliefs = _beliefs(found, degrees_of_freedom, apart or [1.0] * len(found))
    squares = [0.0, *(belief.square for belief in beliefs)]
    return float(np.sqrt(np.average(squares, weights=_weights(beliefs))))


def reach_of(
    found: Sequence[tuple[float, float]], degrees_of_freedom: float, missed: Sequence[float]
) -> float:
    """Return what net energies miss at most with a probability of ``HELD``, relative.

    After the same thoughts as ``worth_of``. A share that is clear is no scatter about none: it is
    reached by an interval that ends a little beyond it, and not at twice of it.

    Args:
        found: Measured share and its standard uncertainty, by way.
        degrees_of_freedom: Behind these.
        missed: By net energies, over the share, by way.
    """
    beliefs = _beliefs(found, degrees_of_freedom, [1.0] * len(found))
    nothing, *weights = _weights(beliefs)
    over = [factor for factor in missed for _ in range(2)]
    low, high = 0.0, max(missed) * max(belief.mean + LOWEST * belief.sd for belief in beliefs)
    for _ in range(STEPS_OF_REACH):
        middle = (low + high) / 2
        below = nothing + sum(
            weight * belief.below(middle / factor)
            for weight, belief, factor in zip(weights, beliefs, over, strict=True)
        )
        low, high = (low, middle) if below >= HELD else (middle, high)
    return high


@dataclass(frozen=True, slots=True)
class _Belief:
    """A share above nought, after it was measured: part of a normal distribution.

    Attributes:
        log_weight: Logarithm of how likely it is that something comes late in this way.
        mean: Of the whole normal distribution.
        sd: Likewise.
    """

    log_weight: float
    mean: float
    sd: float

    @property
    def square(self) -> float:
        """Mean square of the share."""
        at = self._at()
        density = exp(-(at**2) / 2) / sqrt(2 * pi)
        return self.sd**2 * (at**2 + 1 + at * density / _normal_below(at))

    def below(self, share: float) -> float:
        """Return how likely it is below one."""
        at = self._at()
        beyond = _normal_below(at - share / self.sd)
        return 1 - beyond / _normal_below(at)

    def _at(self) -> float:
        # Beyond 30 standard deviations below nought nothing is left, which erfc still tells from
        # none.
        return max(self.mean / self.sd, -LOWEST)


def _normal_below(at: float) -> float:
    return erfc(-at / sqrt(2)) / 2


def _beliefs(
    found: Sequence[tuple[float, float]], degrees_of_freedom: float, apart: Sequence[float]
) -> list[_Belief]:
    """Return what is to be believed of each way, as more and as less power than at last."""
    widened = coverage_factor(degrees_of_freedom) / coverage_factor(inf)
    of_each = (1 - NOTHING_LATE) / len(found)
    beliefs = []
    for (share, u), wider in zip(found, apart, strict=True):
        u_own = widened * max(u, TOLD_EXACTLY)
        for above, likely in ((share, 1 - BELOW_NOUGHT), (-share, BELOW_NOUGHT)):
            evidence = _belief(above, u_own / wider, of_each * likely).log_weight
            beliefs.append(replace(_belief(above, u_own, 1.0), log_weight=evidence))
    return beliefs


def _weights(beliefs: Sequence[_Belief]) -> list[float]:
    """Return how likely it is that nothing comes late, and then each belief; 1 in all."""
    logs = np.array([log(NOTHING_LATE), *(belief.log_weight for belief in beliefs)])
    weights = np.exp(logs - logs.max())
    return [float(weight) for weight in weights / weights.sum()]


def _belief(share: float, u: float, probability: float) -> _Belief:
    """Return what is to be believed of a share above nought.

    Before the measurement it is half of a normal distribution about none, after it part of one
    that is narrower and lies elsewhere.

    Args:
        share: Measured.
        u: Its standard uncertainty.
        probability: Before.
    """
    told = LATE_AT_ALL**2 / (LATE_AT_ALL**2 + u**2)
    mean, sd = told * share, sqrt(told) * u
    above = _normal_below(max(mean / sd, -LOWEST))
    evidence = told * (share / u) ** 2 / 2 + log(1 - told) / 2
    return _Belief(log(2 * probability * above) + evidence, mean, sd)


def _lasting(rests: Sequence[Rest], shape: LateShape, kept: float) -> ToldShare:
    """Return the share that comes late in one way, one and the same in all rests.

    Level and line of each rest are taken off what was measured and what is looked for alike; the
    share is then that of least squares, as if all were fitted at once (Frisch, Waugh, 1933).
    """
    observed = np.concatenate([_about_a_line(rest.power_w) for rest in rests])
    looked_for = np.concatenate([_about_a_line(_late(rest, shape)) for rest in rests])
    squares = float(looked_for @ looked_for)
    share = float(looked_for @ observed) / squares
    left = observed - share * looked_for
    freedom = len(observed) - 2 * len(rests) - 1
    u, told_by = sqrt(float(left @ left) / freedom / squares), (1 - kept) / (1 + kept)
    return ToldShare(
        share=share,
        u=u / told_by**0.5,
        degrees_of_freedom=max(1, round(freedom * told_by)),
        u_independent=u,
        independent_freedom=freedom,
    )


def _kept(rests: Sequence[Rest]) -> float:
    """Return how much of a bin's noise the next bin has too, from 0 to ``MOST_KEPT``.

    Slow noise and what another program drew stay for several bins: so many bins tell as much of a
    mean as (1 − r)/(1 + r) of them that are independent, r their autocorrelation (Bartlett, 1935).
    It is looked for where nothing late is. About a level and a line that were fitted it comes out
    (2 + 4 r)/n too small (Kendall, 1954).
    """
    afterwards = (rest.power_w[ceil(LASTING_S[-1] / rest.bin_s) :] for rest in rests)
    parts = [_about_a_line(after) for after in afterwards if len(after) >= FEWEST_AFTER]
    squares = sum(float(part @ part) for part in parts)
    products = sum(float(part[1:] @ part[:-1]) for part in parts)
    if squares <= 0:
        return 0.0
    bins = sum(map(len, parts)) / len(parts)
    kept = (products / squares + 2 / bins) / (1 - 4 / bins)
    return min(MOST_KEPT, max(0.0, kept))


def _about_a_line(power_w: Sequence[float] | Array) -> Array:
    """Return what is left of a course beside its level and its line, W, shape (bins,)."""
    above = np.asarray(power_w, dtype=np.float64)
    above = above - above.mean()
    places = np.linspace(-1.0, 1.0, len(above))
    left: Array = above - (places @ above) / (places @ places) * places
    return left


def _late(rest: Rest, shape: LateShape) -> Array:
    """Return what the work's power would leave in each bin if all of it came late, W."""
    edges_s: Array = rest.bin_s * np.arange(len(rest.power_w) + 1, dtype=np.float64)
    inside = shape.mean(edges_s[:-1], edges_s[1:], rest.work_s)
    above: Array = inside * above_last_w(rest)
    return above
