"""Linear figures: sums of uncertain inputs, and which independent causes of error move them. Pure.

Every figure here is Σ w_i x_i over the same inputs, and every input is moved by causes that are
independent of each other. One table of effects therefore gives the uncertainty of each figure and
of each difference of two: what they share cancels as far as it is shared. It gives the degrees of
freedom of them all as well, because it is known which estimate of scatter stands behind a cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import hypot, inf

import numpy as np
from numpy.typing import NDArray

from joulesplit.metrology._coverage import (
    CONFIDENCE,
    NEARLY_NORMAL,
    combined_coverage_factor,
    flat_errors,
    probability_below,
    scale_factors,
)
from joulesplit.metrology._freedom import (
    UncertaintyPart,
    combined_inverse_freedom,
    inverse_freedoms,
)
from joulesplit.metrology._rounding import Array, beyond_rounding

NEARLY_NOTHING = 1e-6
"""A share of a distribution that moves no interval to any digit that is printed."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inputs:
    """K uncertain inputs, and how often each of R figures takes them.

    Attributes:
        weights: How often; float64, shape (R, K).
        values: The inputs; float64, shape (K,).
        own: Effect on each input of one standard deviation of each independent cause that moves
            no other inputs; float64, shape (K, M).
        estimates: Which estimate of scatter stands behind each of these causes; int, shape (M,).
        inverse_freedom: 1/ν of each estimate; float64, shape (max(estimates) + 1,).
        common: Effect on each input of one standard deviation of each cause that other inputs
            share; float64, shape (K, C).
        moved: ``weights @ own`` where there is a shorter way to it; None if there is none.
    """

    weights: Array
    values: Array
    own: Array
    estimates: NDArray[np.intp]
    inverse_freedom: Array
    common: Array
    moved: Array | None = None

    @property
    def own_effects(self) -> Array:
        """Effect on each figure of each cause that moves one input alone; float64, (R, M)."""
        return np.asarray(self.weights @ self.own) if self.moved is None else self.moved

    @property
    def parts(self) -> Array:
        """What each input adds to each figure; float64, shape (R, K)."""
        return np.asarray(self.weights * self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """What a figure may be off by.

    Attributes:
        u_stat: Standard uncertainty from scatter (GUM type A), in the figure's unit.
        u_sys: From everything else (type B), same unit.
        statistical_inverse_freedom: 1/ν behind ``u_stat``.
        inverse_freedom: 1/ν of both together, bounds counted (see ``_coverage``).
    """

    u_stat: float
    u_sys: float
    statistical_inverse_freedom: float
    inverse_freedom: float

    @property
    def u(self) -> float:
        """Combined standard uncertainty, in the figure's unit."""
        return hypot(self.u_stat, self.u_sys)

    @property
    def degrees_of_freedom(self) -> float:
        """Behind ``u_stat``; ``inf`` where there is no limit."""
        inverse = self.statistical_inverse_freedom
        return 1 / inverse if inverse > NEARLY_NORMAL else inf

    @property
    def coverage_factor(self) -> float:
        """Half of the 95 % interval over ``u``."""
        return _coverage_factor(self.inverse_freedom)

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval, in the figure's unit."""
        return self.coverage_factor * self.u

    def with_systematic(self, u: float, inverse_freedom: float) -> Error:
        """Return the error with one more independent systematic part.

        Args:
            u: Its standard uncertainty, in the figure's unit.
            inverse_freedom: 1/ν of it: 0 for a normal distribution, −1/5 for a bound.
        """
        parts: list[UncertaintyPart] = [(self.u, self.inverse_freedom), (u, inverse_freedom)]
        return Error(
            u_stat=self.u_stat,
            u_sys=hypot(self.u_sys, u),
            statistical_inverse_freedom=self.statistical_inverse_freedom,
            inverse_freedom=combined_inverse_freedom(parts),
        )

    def probability_positive(self, value: float) -> float:
        """Return the probability that a figure of this value and error truly is above zero.

        Args:
            value: Of the figure; an exact 0 is above zero with probability one half.
        """
        if self.u == 0.0:
            return 0.5 * (1.0 + float(np.sign(value)))
        return float(probability_below(value / self.u, self.inverse_freedom))


@lru_cache(maxsize=4096)
def _coverage_factor(inverse_freedom: float) -> float:
    return float(combined_coverage_factor(inverse_freedom))


NO_ERROR = Error(u_stat=0.0, u_sys=0.0, statistical_inverse_freedom=0.0, inverse_freedom=0.0)
"""Of what is known exactly."""


def error_of_scatter(parts: Sequence[UncertaintyPart]) -> Error:
    """Return the error of a sum of independent statistical parts.

    Args:
        parts: Standard uncertainty in the sum's unit, and 1/ν, of each.
    """
    inverse = combined_inverse_freedom(parts)
    return Error(
        u_stat=hypot(*(u for u, _ in parts)),
        u_sys=0.0,
        statistical_inverse_freedom=inverse,
        inverse_freedom=inverse,
    )


def interval_of(value: float, error: Error | None) -> tuple[float, float] | None:
    """Return a figure's 95 % interval; None without a stated error."""
    if error is None:
        return None
    return value - error.half_width, value + error.half_width


def positive_interval(
    value: float, error: Error | None, *, below: float | None = None
) -> tuple[float, float] | None:
    """Return the 95 % interval of a figure that cannot be below zero; None without a stated error.

    That it cannot is its prior: the distribution of the error, cut off at zero.

    Args:
        value: Of the figure.
        error: What it may be off by.
        below: Probability that it is below zero without that prior; None if it is not known yet.
    """
    plain = interval_of(value, error)
    if error is None or plain is None or error.u == 0.0:
        return plain
    if below is None:
        below = float(probability_below(-value / error.u, error.inverse_freedom))
    if below < NEARLY_NOTHING:
        return plain
    ends = (below + (1 - below) * tail for tail in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    low, high = (value + error.u * _quantile(end, error.inverse_freedom) for end in ends)
    return max(low, 0.0), high


def positive_intervals(
    values: Sequence[float], errors: Sequence[Error | None]
) -> list[tuple[float, float] | None]:
    """Return what ``positive_interval`` does, of many figures at once."""
    stated = [error or NO_ERROR for error in errors]
    spreads = np.array([error.u for error in stated])
    inverse = np.array([error.inverse_freedom for error in stated])
    ratios = -np.array(values, dtype=np.float64) / np.where(spreads > 0.0, spreads, 1.0)
    below = probability_below(ratios, inverse).tolist()
    return [
        positive_interval(value, error, below=chance)
        for value, error, chance in zip(values, errors, below, strict=True)
    ]


def _quantile(probability: float, inverse_freedom: float) -> float:
    """Return what an error is below with a probability, over its standard uncertainty."""
    side = 2 * probability - 1
    return float(np.copysign(combined_coverage_factor(inverse_freedom, abs(side)), side))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Causes:
    """How far M independent causes of error move R figures.

    Attributes:
        effects: By one standard deviation of each cause, in the figures' unit; float64, (R, M).
        statistical: Which causes are statistical (GUM type A); bool, shape (M,).
        estimates: Which estimate stands behind each cause; int, shape (M,).
        inverse_freedom: 1/ν of each estimate; float64, shape (G,).
    """

    effects: Array
    statistical: NDArray[np.bool_]
    estimates: NDArray[np.intp]
    inverse_freedom: Array

    def error(self, figure: int) -> Error:
        """Return what one figure may be off by."""
        return self._error(self.effects[figure])

    def every_error(self) -> list[Error]:
        """Return what ``error`` does, of every figure."""
        count = len(self.inverse_freedom)
        behind = np.zeros((len(self.estimates), 2 * count))
        # Variances behind each estimate: those of scatter, then the others.
        place = self.estimates + np.where(self.statistical, 0, count)
        behind[np.arange(len(place)), place] = 1.0
        parts = np.square(self.effects) @ behind
        scatter, rest = parts[:, :count], parts[:, count:]
        figures = zip(
            np.sqrt(scatter.sum(axis=1)).tolist(),
            np.sqrt(rest.sum(axis=1)).tolist(),
            inverse_freedoms(np.sqrt(scatter), self.inverse_freedom).tolist(),
            inverse_freedoms(np.sqrt(scatter + rest), self.inverse_freedom).tolist(),
            strict=True,
        )
        return [
            Error(
                u_stat=u_stat,
                u_sys=u_sys,
                statistical_inverse_freedom=statistical,
                inverse_freedom=inverse,
            )
            for u_stat, u_sys, statistical, inverse in figures
        ]

    def of(self, figures: Sequence[int]) -> Causes:
        """Return the same causes of some of the figures, in their order."""
        return replace(self, effects=self.effects[np.array(figures, dtype=np.intp)])

    def compressed(self) -> Causes:
        """Return causes of the same distribution, at most one a figure behind each estimate.

        Normal errors of one estimate act through the covariance of their effects alone; those of a
        bound keep each their own shape.
        """
        effects, behind, statistical = [], [], []
        for estimate in np.unique(self.estimates):
            columns = self.effects[:, self.estimates == estimate]
            if self.inverse_freedom[estimate] > -NEARLY_NORMAL:
                columns = _narrowed(columns)
            effects.append(columns)
            behind += [int(estimate)] * columns.shape[1]
            first = bool(self.statistical[self.estimates == estimate][0])
            statistical += [first] * columns.shape[1]
        return replace(
            self,
            effects=np.hstack(effects) if effects else self.effects,
            statistical=np.array(statistical, dtype=np.bool_),
            estimates=np.array(behind, dtype=np.intp),
        )

    def difference(self, one: int, other: int) -> Error:
        """Return what the difference of two figures may be off by."""
        pair = self.effects[[one, other]]
        return self._error(beyond_rounding(pair[0] - pair[1], pair))

    def quotient(self, one: int, other: int, values: Sequence[float]) -> Error:
        """Return what the quotient of two figures may be off by, to first order (GUM 5.1.2).

        Args:
            one: The numerator.
            other: The denominator.
            values: Of all figures.
        """
        pair = np.array([self.effects[one], values[one] / values[other] * self.effects[other]])
        return self._error(beyond_rounding(pair[0] - pair[1], pair) / values[other])

    def _error(self, effects: Array) -> Error:
        statistical = np.where(self.statistical, effects, 0.0)
        return Error(
            u_stat=float(np.linalg.norm(statistical)),
            u_sys=float(np.linalg.norm(effects[~self.statistical])),
            statistical_inverse_freedom=self._inverse_freedom(statistical),
            inverse_freedom=self._inverse_freedom(effects),
        )

    def _inverse_freedom(self, effects: Array) -> float:
        """Return 1/ν of a sum of the causes: those of one estimate are one part of it."""
        count = len(self.inverse_freedom)
        variances = np.bincount(self.estimates, np.square(effects), minlength=count)
        return float(inverse_freedoms(np.sqrt(variances), self.inverse_freedom))

    def draw(self, random: np.random.Generator, draws: int) -> Array:
        """Return drawn errors of all causes, in their standard deviations; (draws, M), float64.

        Causes behind which one estimate of scatter stands are Student's t together: where it was
        too small, all of them are larger than stated.
        """
        errors = random.standard_normal((draws, self.effects.shape[1]))
        factors = scale_factors(random, self.inverse_freedom, draws)
        for cause, estimate in enumerate(self.estimates):
            inverse = float(self.inverse_freedom[estimate])
            if inverse < -NEARLY_NORMAL:
                errors[:, cause] = flat_errors(random, inverse, draws)
        return np.asarray(errors * factors[:, self.estimates])


def _narrowed(columns: Array) -> Array:
    """Return as many columns as there are rows, or fewer, with the same products of rows."""
    if columns.shape[1] <= columns.shape[0]:
        return columns
    triangle: Array = np.asarray(np.linalg.qr(columns.T, mode="r"))
    return triangle.T


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CommonCauses:
    """Causes that move inputs of several tables.

    Attributes:
        statistical: Which of them are; bool, shape (C,).
        inverse_freedom: 1/ν of each; float64, shape (C,).
    """

    statistical: NDArray[np.bool_]
    inverse_freedom: Array


def causes_of(tables: Sequence[Inputs], common: CommonCauses) -> Causes:
    """Carry the errors of inputs over to the figures that are their sums.

    Inputs of different tables are statistically independent but for the common causes.

    Args:
        tables: Of the same R figures.
        common: Of the columns of each table's ``common``.
    """
    shared = np.sum([table.weights @ table.common for table in tables], axis=0)
    effects = np.hstack([*(table.own_effects for table in tables), shared])
    inverse = np.concatenate([*(t.inverse_freedom for t in tables), common.inverse_freedom])
    starts = np.cumsum([0, *(len(table.inverse_freedom) for table in tables)])
    own = [start + table.estimates for start, table in zip(starts, tables, strict=False)]
    estimates = np.concatenate([*own, starts[-1] + np.arange(len(common.inverse_freedom))])
    count = effects.shape[1] - len(common.statistical)
    statistical = np.concatenate([np.ones(count, dtype=np.bool_), common.statistical])
    # What moves nothing need not be drawn.
    moving = effects.any(axis=0)
    return Causes(
        effects=effects if moving.all() else effects[:, moving],
        statistical=statistical[moving],
        estimates=np.asarray(estimates[moving], dtype=np.intp),
        inverse_freedom=inverse,
    )
