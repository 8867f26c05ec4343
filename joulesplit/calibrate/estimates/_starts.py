"""What starting costs, subject by subject: as much of a difference as the windows show. Pure.

A window costs something once, however much work it holds: threads and caches wake. How much may
differ from subject to subject, and a difference that the fit does not know tilts their slopes.
An intercept for each subject is always right and doubles the half-width of an e_l, because three
lengths of work hardly tell it; one intercept for all is precise and may be wrong. The starts of
the subjects of one kind are therefore taken as scattered about a mean of their own, by τ, which
the windows tell: E_w = E_start,s + e_s · n with E_start,s ~ N(E_window, τ²), a linear mixed model
with random intercepts. τ² is that of Paule and Mandel (J. Res. Nat. Bur. Stand. 87, 1982): it
makes the scatter of the subjects' own intercepts what it should be, and is nought where the
windows alone explain it. Then there is one intercept, and for large τ each subject has its own.
A start that stands clear of all others' is none of theirs: drawn towards their mean it would be
stated too low, and its subject's slope too high. It is an intercept of its own.

What that costs where all starts are equal: intervals of e_l 5 % wider than with one intercept for
all, those of E_d as wide as before (20 blocks of three windows each).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.estimates._stats import coverage_factor
from joulesplit.metrology import Array

HALVINGS = 60
"""Of the interval that τ² is looked for in."""

MOST_TIMES_NOISE = 1e4
"""τ² at most, in variances of an intercept that is fitted alone: far beyond it each subject has
an intercept of its own already, and the fit gets no better but harder to solve."""

FEWEST_SUBJECTS = 4
"""Of fewer starts the scatter is not known well enough to draw them together: each is its own
(shrinking three means or fewer does not pay: James and Stein, 1961)."""

STANDS_CLEAR = 1 - 1e-5
"""Confidence at which a start is none of the others'. Their scatter is told by the median of their
distances from their median, which a third of starts of another kind do not move far."""

NORMAL_MEDIAN = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

TELLS_APART = 1e-6
"""Share of Σw·Σw·n² that (Σw·n)² leaves, above which lengths of work differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartGroup:
    """Subjects whose starts scatter about one mean.

    Attributes:
        subjects: Their numbers, from 1.
        spread: τ in units of the windows' own noise: that of a window of spread 1.
        own_share: How far their starts are their own, 0 for one that all have to 1 for one each;
            the mean of τ²/(τ² + u²) over them.
    """

    subjects: tuple[int, ...]
    spread: float
    own_share: float

    @property
    def freedom_spent(self) -> int:
        """Degrees of freedom that the differences between the starts take."""
        return round(self.own_share * (len(self.subjects) - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnIntercepts:
    """Every subject fitted alone, E = s + e · n.

    Attributes:
        starts: s, shape (S,), float64; meaningless where ``tells`` is False.
        variances: Of s in squared units of the windows' noise, shape (S,), float64.
        tells: The subject's windows differ in their repetitions, shape (S,), bool.
        noise: Variance of a window of spread 1, as the windows scatter about these lines.
        freedom: Degrees of freedom behind ``noise``.
    """

    starts: Array
    variances: Array
    tells: NDArray[np.bool_]
    noise: float
    freedom: int


def start_groups(
    subjects: NDArray[np.intp], repetitions: Array, energies: Array, spread: Array,
    kinds: Sequence[int],
) -> tuple[StartGroup, ...]:  # fmt: skip
    """Return which subjects share a mean start, and how far their starts scatter about it.

    Args:
        subjects: Of each window, from 1 and none left out, shape (n,).
        repetitions: Of each window, shape (n,), float64.
        energies: Of each window, or what else is fitted, shape (n,), float64.
        spread: Standard deviation of each up to a common factor, shape (n,), float64.
        kinds: Of each subject in turn; starts of different kinds have different means. Subjects
            that do not tell their start, their windows being alike, share the first group's.
    """
    own = _own_intercepts(subjects, repetitions, energies, spread)
    by_kind: dict[int, list[int]] = {}
    silent = [s for s in range(1, len(kinds) + 1) if not own.tells[s - 1]]
    for subject, kind in enumerate(kinds, start=1):
        if own.tells[subject - 1]:
            by_kind.setdefault(kind, []).append(subject)
    groups = [group for numbers in by_kind.values() for group in _parted(numbers, own)] or [[]]
    if own.freedom < 1:
        # Windows that are no more than intercepts and slopes tell nothing of scatter: so few share
        # one start, of whatever kind they are.
        groups = [[subject for group in groups for subject in group]]
    groups[0] += silent
    return tuple(_group(tuple(numbers), own) for numbers in groups)


def _parted(numbers: list[int], own: _OwnIntercepts) -> list[list[int]]:
    """Return subjects of one kind together, but for those that stand clear; or each, if few."""
    apart = _standing_clear(numbers, own) if len(numbers) >= FEWEST_SUBJECTS else numbers
    together = [number for number in numbers if number not in apart]
    if len(together) < FEWEST_SUBJECTS:
        return [[number] for number in numbers]
    return [together, *([number] for number in apart)]


def _standing_clear(numbers: list[int], own: _OwnIntercepts) -> list[int]:
    """Return the subjects whose starts neither noise nor the scatter of the others explains."""
    if own.freedom < 1 or own.noise <= 0:
        return []
    rows = np.array(numbers) - 1
    distances = np.abs(own.starts[rows] - np.median(own.starts[rows]))
    variances = own.variances[rows] * own.noise
    scattered = (NORMAL_MEDIAN * float(np.median(distances))) ** 2 - float(np.median(variances))
    u = np.sqrt(max(0.0, scattered) + variances)
    clear = distances > coverage_factor(own.freedom, STANDS_CLEAR) * u
    return [number for number, stands in zip(numbers, clear, strict=True) if stands]


def _own_intercepts(
    subjects: NDArray[np.intp], repetitions: Array, energies: Array, spread: Array
) -> _OwnIntercepts:
    weight = 1 / spread**2

    def total(values: Array) -> Array:
        return np.bincount(subjects - 1, weights=weight * values).astype(np.float64)

    ones = np.ones_like(repetitions)
    w, x, xx = total(ones), total(repetitions), total(repetitions**2)
    y, xy = total(energies), total(repetitions * energies)
    determinant = w * xx - x**2
    tells = determinant > TELLS_APART * w * xx
    safe = np.where(tells, determinant, 1.0)
    starts = np.where(tells, (xx * y - x * xy) / safe, 0.0)
    slopes = np.where(tells, (w * xy - x * y) / safe, xy / xx)
    left = energies - starts[subjects - 1] - slopes[subjects - 1] * repetitions
    freedom = len(subjects) - len(w) - int(tells.sum())
    return _OwnIntercepts(
        starts=starts,
        variances=np.where(tells, xx / safe, np.inf),
        tells=tells,
        noise=float(weight @ left**2) / freedom if freedom > 0 else 0.0,
        freedom=freedom,
    )


def _group(numbers: tuple[int, ...], own: _OwnIntercepts) -> StartGroup:
    rows = np.array([number - 1 for number in numbers if own.tells[number - 1]], dtype=np.intp)
    if len(rows) < 2 or own.freedom < 3 or own.noise <= 0:
        return StartGroup(subjects=numbers, spread=0.0, own_share=0.0)
    variances = own.variances[rows]
    # The noise is an estimate: a quotient over it is expected to be F's mean, ν/(ν − 2).
    expected = (len(rows) - 1) * own.freedom / (own.freedom - 2)
    squared = _paule_mandel(own.starts[rows], variances, expected * own.noise)
    return StartGroup(
        subjects=numbers,
        spread=squared**0.5,
        own_share=float(np.mean(squared / (squared + variances))),
    )


def _paule_mandel(starts: Array, variances: Array, expected: float) -> float:
    """Return the τ² at which the weighted squares of the starts about their mean are as expected.

    Args:
        starts: Shape (k,), float64.
        variances: Of each without τ², in squared units of the windows' noise, shape (k,), float64.
        expected: Σ (s − s̄)² / (τ² + v) is to be this.
    """

    def excess(squared: float) -> float:
        weight = 1 / (squared + variances)
        return float(weight @ (starts - np.average(starts, weights=weight)) ** 2) - expected

    low, high = 0.0, MOST_TIMES_NOISE * float(variances.mean())
    if excess(low) <= 0:
        return 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low
