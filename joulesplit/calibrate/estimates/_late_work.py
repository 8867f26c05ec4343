"""What work draws seconds after it has ended, from the rests of a campaign. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    together,
)
from joulesplit.calibrate.estimates._stats import coverage_factor
from joulesplit.calibrate.windows import Rest, WindowRecord
from joulesplit.metrology import Array

LASTING_S = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
"""How long what comes late at once is looked for to last, s: one of these is nearest to what it
does. With one that is a second beside it, half of what comes late is taken for the course of the
rest."""

FADING_S = (1.0, 2.0, 4.0, 6.0, 8.0, 10.0, 13.0)
"""Time constants of what dies away that are looked for, s."""

SHAPES = (
    *(LateShape(seconds=seconds, fades=False) for seconds in LASTING_S),
    *(LateShape(seconds=seconds, fades=True) for seconds in FADING_S),
)
"""Ways in which work may come late, alike likely."""

LONGEST_FADING = 0.55
"""Of the rest: what fades more slowly is told from a board that cools down by idle powers alone."""

NOTHING_LATE = 0.5
"""Probability that nothing comes late, before a rest is looked at: as likely as not."""

LATE_AT_ALL = 0.03
"""Of work that comes late, so much is usual, relative (standard deviation about none)."""

TOLD_BY_WINDOWS = 0.01
"""What no rest tells counts where windows tell its share so well, standard uncertainty. Else the
interval would hold what was thought before, or what idle powers follow besides: a short campaign
with nothing late told −12 ± 3 %, simulated."""

BELOW_NOUGHT = 0.1
"""Probability that what comes late is less power than at last, if something does."""

LOWEST = 30.0
"""Standard deviations."""

TOLD_EXACTLY = 1e-9
"""A share is not known better than this, relative."""

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
        worth: Root mean square of what came late, over all shapes and none of them.
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
    it (the board cools down) and that share for a time, or fading. What the idle powers of all
    windows tell of the same (``LateHistory``) is pooled with it. Of the shapes the one is taken
    that makes the share stand out most. What lasts beyond the longest of them is part of the line.

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
        by_rests = _lasting(rests, shape, kept) if _told_by_a_line(shape, rests) else None
        by_windows = history.told(work, shape.seconds) if shape.fades else None
        if by_rests:
            found.append((shape, together(by_rests, by_windows) if by_windows else by_rests))
        elif by_windows and by_windows.u < TOLD_BY_WINDOWS:
            found.append((shape, by_windows))
    shape, best = max(found, key=lambda one: one[1].stands_out)
    shares = [(told.share, told.u) for _, told in found]
    apart = [told.apart for _, told in found]
    worth = worth_of(shares, best.degrees_of_freedom, apart)
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
    widened = coverage_factor(degrees_of_freedom) / coverage_factor(inf)
    of_each = (1 - NOTHING_LATE) / len(found)
    beliefs = [(log(NOTHING_LATE), 0.0)]
    for (share, u), wider in zip(found, apart or [1.0] * len(found), strict=True):
        u_own = widened * max(u, TOLD_EXACTLY)
        for above, likely in ((share, 1 - BELOW_NOUGHT), (-share, BELOW_NOUGHT)):
            log_weight, _ = _belief(above, u_own / wider, of_each * likely)
            _, square = _belief(above, u_own, of_each * likely)
            beliefs.append((log_weight, square))
    log_weights, squares = np.array(beliefs).T
    weights = np.exp(log_weights - log_weights.max())
    return float(np.sqrt(np.average(squares, weights=weights)))


def _belief(share: float, u: float, probability: float) -> tuple[float, float]:
    """Return the logarithm of the weight of a share above nought, and its mean square then.

    Before the measurement it is half of a normal distribution about none, after it part of one
    that is narrower and lies elsewhere.

    Args:
        share: Measured.
        u: Its standard uncertainty.
        probability: Before.
    """
    told = LATE_AT_ALL**2 / (LATE_AT_ALL**2 + u**2)
    mean, sd = told * share, sqrt(told) * u
    # Beyond 30 standard deviations below nought nothing is left, which erfc still tells from none.
    at = max(mean / sd, -LOWEST)
    above = erfc(-at / sqrt(2)) / 2
    density = exp(-(at**2) / 2) / sqrt(2 * pi)
    evidence = told * (share / u) ** 2 / 2 + log(1 - told) / 2
    square = sd**2 * (at**2 + 1 + at * density / above)
    return log(2 * probability * above) + evidence, square


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
