"""Variance of a figure from the rows' own residuals, fair to few rows and uneven leverage. Pure.

A residual is smaller than the error behind it, the more so the more its row determines the fit.
Each is therefore brought to the size that its error is expected to have, and the variance that
is made of them gets the degrees of freedom of the quadratic form that it is: the bias-reduced
sandwich of Bell and McCaffrey (Survey Methodology 28, 2002) with Satterthwaite's degrees of
freedom (GUM G.4), for working variances as in Pustejovsky and Tipton (J. Bus. Econ. Stat. 36,
2018). Plain HC3 covers 99 % where it should cover 95 %, because a block has but three windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibrate.errors import EstimateError
from calibrate.estimates.stats import Array, LinearFit

FEWEST_FREEDOM = 4.0
"""With fewer of Satterthwaite's degrees of freedom Student's t does not hold its level: intervals
of 95 % then covered 98 to 99.7 % of simulated campaigns (the bound is that of Tipton,
Psychological Methods 20, 2015)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """A variance and how well it is known.

    Attributes:
        variance: In the square of the figure's unit.
        degrees_of_freedom: Satterthwaite's.
        correction: What the sum of squares has been divided by to be unbiased.
    """

    variance: float
    degrees_of_freedom: float
    correction: float

    @property
    def tells(self) -> bool:
        """There are degrees of freedom enough for an interval."""
        return self.degrees_of_freedom >= FEWEST_FREEDOM


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnScatter:
    """What each row's error does to a figure Σ w_j β_j, as its residual tells.

    Attributes:
        effects: In the figure's unit, shape (n,), float64.
        expected: Covariance of the effects up to a common factor, shape (n, n), float64.
        variance_units: Variance of the figure in the same units.
    """

    effects: Array
    expected: Array
    variance_units: float

    def variance(self, groups: NDArray[np.intp] | None = None) -> Scatter:
        """Return the variance of the figure.

        Args:
            groups: Rows with the same number err together, shape (n,); None if every row errs
                alone.

        Raises:
            EstimateError: No row that the figure depends on has a residual.
        """
        count = len(self.effects)
        member = np.eye(count) if groups is None else np.eye(int(groups.max()) + 1)[groups].T
        form = member @ self.expected @ member.T
        told = float(np.trace(form))
        if told <= 0:
            raise EstimateError(
                "no window that the figure depends on has a residual: raise the repeats"
            )
        correction = told / self.variance_units
        return Scatter(
            variance=float(np.sum((member @ self.effects) ** 2)) / correction,
            degrees_of_freedom=told**2 / float(np.sum(form**2)),
            correction=correction,
        )


def own_scatter(design: Array, spread: Array, fit: LinearFit, weights: Array) -> OwnScatter:
    """Return the effects of the rows' errors on Σ w_j β_j.

    Args:
        design: X, shape (n, p), float64.
        spread: Standard deviation that each row is expected to have, up to a common factor,
            shape (n,), float64; the fit need not have used it.
        fit: Any linear fit of the rows.
        weights: w, shape (p,), float64.
    """
    gain = weights @ fit.gain
    left_over = (np.eye(len(spread)) - design @ fit.gain) * spread
    residual_covariance = left_over @ left_over.T
    left = np.diag(residual_covariance)
    # A row that alone determines a coefficient has no residual and tells nothing.
    told = left > 1e-9 * spread**2
    grown = gain * np.where(told, spread / np.sqrt(np.where(told, left, 1.0)), 0.0)
    return OwnScatter(
        effects=grown * fit.raw_residuals,
        expected=grown[:, None] * residual_covariance * grown[None, :],
        variance_units=float(np.sum((gain * spread) ** 2)),
    )
