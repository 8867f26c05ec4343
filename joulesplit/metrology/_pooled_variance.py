"""The rows' errors from all residuals of a fit together, for figures of few rows. Pure.

A block has three windows in a short campaign. Their own residuals tell the scatter of e_l with
one or two degrees of freedom, which is no interval. All windows are expected to scatter alike, up
to the spread that their lengths give them; the stated interval of e_l rests on that as well. What
the fit of other weights, or the bootstrap, makes of e_l therefore takes the errors of all windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from joulesplit.metrology._coverage import coverage_factor
from joulesplit.metrology._rounding import Array
from joulesplit.metrology._sandwich_variance import FEWEST_FREEDOM, Residuals


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledScatter:
    """What errors as large as all residuals tell do to each coefficient.

    Attributes:
        errors: Of the rows that have a residual, each over its expected spread, brought to the
            size that an error is expected to have; in order of time, shape (m,), float64.
        effects: Of an error of one spread in each row on each coefficient, in the coefficient's
            unit, shape (p, n), float64.
        degrees_of_freedom: Satterthwaite's, of the mean square of the errors.
    """

    errors: Array
    effects: Array
    degrees_of_freedom: float

    @property
    def has_enough_freedom(self) -> bool:
        """There are degrees of freedom enough for an interval."""
        return self.degrees_of_freedom >= FEWEST_FREEDOM

    def half_widths(self) -> Array:
        """Return half of each coefficient's 95 % interval by Student's t, shape (p,)."""
        size = float(np.sqrt(np.mean(self.errors**2)))
        half: Array = np.linalg.norm(self.effects, axis=1) * size
        return np.asarray(coverage_factor(self.degrees_of_freedom) * half)


def pooled_scatter(residuals: Residuals) -> PooledScatter:
    """Return the errors of all rows as the residuals of a linear fit tell them."""
    known = residuals.has_residual
    to_error = (residuals.growth / residuals.spread)[known]
    correlation = residuals.covariance.of(known).scaled(to_error)
    return PooledScatter(
        errors=residuals.raw[known] * to_error,
        effects=residuals.gain * residuals.spread,
        degrees_of_freedom=len(to_error) ** 2 / correlation.sum_of_squares,
    )
