"""What work draws seconds after it has ended, from the rests of a campaign. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np

from joulesplit.calibrate.estimates._stats import weighted_fit
from joulesplit.calibrate.windows import Rest, WindowKind, WindowRecord
from joulesplit.metrology import Array

RestedWork = Literal["computing", "uploads", "downloads"]

RESTED: Mapping[RestedWork, tuple[WindowKind, ...]] = {
    "computing": ("compute", "head", "whole"),
    "uploads": ("upload",),
    "downloads": ("download",),
}
"""Work that the device is left alone after. The rest comes before a window of one of the kinds."""

LASTING_S = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
"""How long what comes late is looked for to last, s: one of these is nearest to what it does. With
one that is a second beside it, half of what comes late is taken for the course of the rest."""

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
        share: Of the work's power above the last level, relative; below nought where the device
            drew less than at last.
        u: Its standard uncertainty.
        degrees_of_freedom: Behind ``u``.
        u_independent: What ``u`` were if noise did not stay from bin to bin.
        independent_freedom: Degrees of freedom behind that.
        lasts_s: For which of ``LASTING_S`` it stands out most, s.
        rests: How many told it.
    """

    share: float
    u: float
    degrees_of_freedom: int
    u_independent: float
    independent_freedom: int
    lasts_s: float
    rests: int


def late_work(records: Sequence[WindowRecord]) -> LateWork | None:
    """Return what share of the work's power lasted after it; None without a rest that tells.

    After work that went on for longer than anything comes late, a share of its power stands in
    the rest until the last of it is over. The course of a rest is a level, a straight line beside
    it (the board cools down) and that share for a time; of the times the one is taken that makes
    the share stand out most. What lasts beyond the longest of them is part of the line.

    Args:
        records: Windows of one kind of work.
    """
    rests = [r.rest for r in records if r.rest and len(r.rest.power_w) >= FEWEST_BINS]
    if not rests:
        return None
    kept = _kept(rests)
    found = [_lasting(rests, lasts_s, kept) for lasts_s in LASTING_S]
    return max(found, key=lambda late: abs(late.share) / late.u if late.u > 0 else 0.0)


def _lasting(rests: Sequence[Rest], lasts_s: float, kept: float) -> LateWork:
    """Return the share that lasts for a time, one and the same in all rests."""
    observed = np.concatenate([rest.power_w for rest in rests])
    design = np.zeros((len(observed), 2 * len(rests) + 1))
    first = 0
    for number, rest in enumerate(rests):
        rows = slice(first, first + len(rest.power_w))
        design[rows, 2 * number : 2 * number + 2] = _course(rest)
        design[rows, -1] = _late(rest, lasts_s)
        first = rows.stop
    fit = weighted_fit(design, observed, np.ones(len(observed)))
    u, told_by = float(np.sqrt(fit.covariance[-1, -1])), (1 - kept) / (1 + kept)
    return LateWork(
        share=float(fit.coefficients[-1]),
        u=u / told_by**0.5,
        degrees_of_freedom=max(1, round(fit.degrees_of_freedom * told_by)),
        u_independent=u,
        independent_freedom=fit.degrees_of_freedom,
        lasts_s=lasts_s,
        rests=len(rests),
    )


def _kept(rests: Sequence[Rest]) -> float:
    """Return how much of a bin's noise the next bin has too, from 0 to ``MOST_KEPT``.

    Slow noise and what another program drew stay for several bins: so many bins tell as much of a
    mean as (1 − r)/(1 + r) of them that are independent, r their autocorrelation (Bartlett, 1935).
    It is looked for where nothing late is. About a level and a line that were fitted it comes out
    (2 + 4 r)/n too small (Kendall, 1954).
    """
    parts = [_about_a_line(rest.power_w[ceil(LASTING_S[-1] / rest.bin_s) :]) for rest in rests]
    parts = [part for part in parts if len(part) >= FEWEST_AFTER]
    squares = sum(float(part @ part) for part in parts)
    products = sum(float(part[1:] @ part[:-1]) for part in parts)
    if squares <= 0:
        return 0.0
    bins = sum(map(len, parts)) / len(parts)
    kept = (products / squares + 2 / bins) / (1 - 4 / bins)
    return min(MOST_KEPT, max(0.0, kept))


def _about_a_line(power_w: Sequence[float]) -> Array:
    observed = np.array(power_w)
    if len(observed) < FEWEST_AFTER:
        return observed
    places = np.arange(len(observed))
    left: Array = observed - np.polynomial.Polynomial.fit(places, observed, 1)(places)
    return left


def _course(rest: Rest) -> Array:
    count = len(rest.power_w)
    return np.stack([np.ones(count), np.linspace(-1.0, 1.0, count)], axis=1)


def _late(rest: Rest, lasts_s: float) -> Array:
    """Return the work's power for the part of each bin that is not over, W, shape (bins,)."""
    starts_s = rest.bin_s * np.arange(len(rest.power_w))
    inside = np.clip((lasts_s - starts_s) / rest.bin_s, 0.0, 1.0)
    level_w = np.mean(rest.power_w[-len(rest.power_w) // 3 :])
    above: Array = inside * max(rest.work_power_w - level_w, 0.0)
    return above
