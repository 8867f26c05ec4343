"""Least squares with the covariance, leverage and gain of its coefficients. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from joulesplit.metrology._rounding import Array, beyond_rounding, each_beyond_rounding
from joulesplit.metrology.errors import (
    IndistinguishableError,
    TooFewObservationsError,
    UnusedFigureError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearFit:
    """A weighted least-squares fit y = X·β.

    Attributes:
        coefficients: β, shape (p,), float64; exactly 0 where only rounding is left of them.
        covariance: Of β, scaled by the residuals' own scatter, shape (p, p), float64.
        residuals: y − X·β over each row's expected spread (dimensionless), shape (n,), float64.
        scale: Reduced χ: how far the scatter is from the expected spread (1 = as expected);
            exactly 0 for rows without scatter, as are their residuals.
        degrees_of_freedom: n − p.
        leverage: Weight of each row in its own fitted value, 0 to 1, shape (n,), float64.
        gain: Derivative of the coefficients by each y, shape (p, n), float64.
        raw_residuals: y − X·β in the unit of y, shape (n,), float64.
    """

    coefficients: Array
    covariance: Array
    residuals: Array
    scale: float
    degrees_of_freedom: int
    leverage: Array
    gain: Array
    raw_residuals: Array

    @property
    def studentised(self) -> Array:
        """Residuals over their own standard deviation (internally studentised), shape (n,).

        A row that alone determines a coefficient has none; it is given 0.
        """
        freedom = 1 - self.leverage
        usable = (freedom > 1e-9) & (self.scale > 0)
        divisor = np.where(usable, self.scale * np.sqrt(np.maximum(freedom, 1e-9)), 1.0)
        result: Array = np.where(usable, self.residuals / divisor, 0.0)
        return result


def weighted_fit(design: Array, observed: Array, spread: Array) -> LinearFit:
    """Fit y = X·β by weighted least squares.

    Args:
        design: X, shape (n, p), float64.
        observed: y, shape (n,), float64.
        spread: Standard deviation of each y up to a common factor, shape (n,), float64.

    Raises:
        UndeterminedError: Too few rows, or columns that the rows cannot tell apart.
    """
    rows, columns = design.shape
    degrees_of_freedom = rows - columns
    if degrees_of_freedom < 1:
        raise TooFewObservationsError(f"{rows} observations cannot determine {columns} figures")
    scaled, target = design / spread[:, None], observed / spread
    q, inverse = _decomposed(scaled)
    gain = inverse @ q.T
    sizes = np.abs(gain) @ np.abs(target)
    coefficients = each_beyond_rounding(inverse @ (q.T @ target), sizes, scaled.size)
    fitted_size = np.abs(scaled) @ np.abs(coefficients) + np.abs(target)
    residuals = beyond_rounding(target - scaled @ coefficients, fitted_size, scaled.size)
    variance = float(residuals @ residuals) / degrees_of_freedom
    return LinearFit(
        coefficients=coefficients,
        covariance=variance * (inverse @ inverse.T),
        residuals=residuals,
        scale=variance**0.5,
        degrees_of_freedom=degrees_of_freedom,
        leverage=np.sum(q**2, axis=1),
        gain=gain / spread,
        raw_residuals=residuals * spread,
    )


def _decomposed(scaled: Array) -> tuple[Array, Array]:
    """Return Q and the inverse of R of a design X = Q·R.

    Raises:
        UndeterminedError: Columns that the rows cannot tell apart.
    """
    # Columns differ by many orders of magnitude (1, seconds, megabits): level them first.
    column_norm = np.linalg.norm(scaled, axis=0)
    if np.any(column_norm == 0):
        raise UnusedFigureError("a figure has no observation that depends on it")
    q, r = np.linalg.qr(scaled / column_norm)
    if np.linalg.cond(r) > 1e8:
        raise IndistinguishableError("the observations cannot tell the figures apart")
    return q, np.linalg.inv(r) / column_norm[:, None]
