"""The statistics the estimates rest on. Pure; numpy arrays in, numbers out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import EstimateError

Array = NDArray[np.float64]
"""Figures of one unit, float64."""

CONFIDENCE = 0.95
"""Level of every interval in a profile."""


NEARLY_NORMAL = 1e-6
"""Of −1/ν: so near to zero the first term of the factor's series is exact to eleven digits, and the
inverse of the beta distribution is not: that of scipy 1.10 errs by 1e-9 at 1e-8."""


def coverage_factor(degrees_of_freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return Student's t for a two-sided interval.

    Args:
        degrees_of_freedom: ν > 0; ``inf`` gives the normal quantile.
        confidence: Level of the interval, between 0 and 1.

    Raises:
        EstimateError: ν is not positive.
    """
    if not degrees_of_freedom > 0:
        raise EstimateError(
            f"{degrees_of_freedom:g} degrees of freedom: more windows than unknowns are needed; "
            "raise the repeats"
        )
    from scipy.special import ndtri, stdtrit

    probability = (1 + confidence) / 2
    if not np.isfinite(degrees_of_freedom):
        return float(ndtri(probability))
    return float(stdtrit(degrees_of_freedom, probability))


FLAT_FREEDOM = -5.0
"""A rectangular distribution's degrees of freedom: with them Welch and Satterthwaite's formula
matches the fourth moment of a sum of bounds and scatter, not of scatter alone."""


def combined_coverage_factor(inverse_freedom: float, confidence: float = CONFIDENCE) -> float:
    """Return the factor for a sum of Student's t, normal and rectangular distributions.

    The sum is taken for the symmetric Pearson distribution of its second and fourth moment
    (Willink 2005, Metrologia 42, 329): Student's t where scatter outweighs, a beta distribution
    with shorter tails than the normal one where bounds do. Exact for each of the three alone.

    Args:
        inverse_freedom: 1/ν_eff of Welch and Satterthwaite (GUM G.4), each rectangular part taken
            into it with ``FLAT_FREEDOM``: −1/5 for it alone, 0 for a normal distribution.
        confidence: Level of the interval, between 0 and 1.
    """
    if inverse_freedom > 0:
        return coverage_factor(1 / inverse_freedom, confidence)
    if inverse_freedom > -NEARLY_NORMAL:
        normal = coverage_factor(np.inf, confidence)
        # Cornish and Fisher 1938, by the beta distribution's excess kurtosis, which is 6/ν here.
        return normal + inverse_freedom * (normal**3 - 3 * normal) / 4
    from scipy.special import betaincinv

    shape = (-1 / inverse_freedom - 3) / 2
    quantile = 2 * betaincinv(shape, shape, (1 + confidence) / 2) - 1
    return float(quantile * np.sqrt(2 * shape + 1))


def difference_u(first: Array, second: Array) -> float:
    """Return the standard uncertainty of the difference of two samples' means, spread pooled.

    Args:
        first: Of any unit, shape (m,); there are m + n − 2 degrees of freedom.
        second: Of the same unit, shape (n,).
    """
    freedom = len(first) + len(second) - 2
    variance = (first.var() * len(first) + second.var() * len(second)) / freedom
    return float(np.sqrt(variance * (1 / len(first) + 1 / len(second))))


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearFit:
    """A weighted least-squares fit y = X·β.

    Attributes:
        coefficients: β, shape (p,), float64.
        covariance: Of β, scaled by the residuals' own scatter, shape (p, p), float64.
        residuals: y − X·β over each row's expected spread (dimensionless), shape (n,), float64.
        scale: Reduced χ: how far the scatter is from the expected spread (1 = as expected).
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
        EstimateError: Too few rows, or columns that the rows cannot tell apart.
    """
    rows, columns = design.shape
    degrees_of_freedom = rows - columns
    if degrees_of_freedom < 1:
        raise EstimateError(f"{rows} windows cannot determine {columns} figures: raise the repeats")
    scaled, target = design / spread[:, None], observed / spread
    q, inverse = _decomposed(scaled)
    coefficients = inverse @ (q.T @ target)
    residuals = target - scaled @ coefficients
    variance = float(residuals @ residuals) / degrees_of_freedom
    return LinearFit(
        coefficients=coefficients,
        covariance=variance * (inverse @ inverse.T),
        residuals=residuals,
        scale=variance**0.5,
        degrees_of_freedom=degrees_of_freedom,
        leverage=np.sum(q**2, axis=1),
        gain=(inverse @ q.T) / spread,
        raw_residuals=residuals * spread,
    )


def _decomposed(scaled: Array) -> tuple[Array, Array]:
    """Return Q and the inverse of R of a design X = Q·R.

    Raises:
        EstimateError: Columns that the rows cannot tell apart.
    """
    # Columns differ by many orders of magnitude (1, seconds, megabits): level them first.
    column_norm = np.linalg.norm(scaled, axis=0)
    if np.any(column_norm == 0):
        raise EstimateError("a figure has no window that depends on it: the plan left it out")
    q, r = np.linalg.qr(scaled / column_norm)
    if np.linalg.cond(r) > 1e8:
        raise EstimateError(
            "the windows cannot tell the figures apart: vary the work sizes, or sizes and rates"
        )
    return q, np.linalg.inv(r) / column_norm[:, None]


BATCH_WINDOWS = 4
"""Windows per batch mean: load noise that outlasts an idle stretch ties neighbours together, but
hardly windows that are so far apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean of values in order of time.

    Attributes:
        value: In the values' unit.
        u_stat: Its standard uncertainty.
        degrees_of_freedom: Behind ``u_stat``.
    """

    value: float
    u_stat: float
    degrees_of_freedom: int


def mean_of_batches(values: Array, course: Array | None = None, coefficients: int = 1) -> Mean:
    """Return the mean of values whose neighbours may be correlated, from batch means.

    Args:
        values: In order of time, shape (n,), float64.
        course: What they are known to follow beside their scatter, around zero, shape (n,),
            float64; it is part of the mean and no part of its uncertainty. None for none.
        coefficients: Of the course with its mean, fitted to the same values.

    Raises:
        EstimateError: Fewer than two batches.
    """
    count = len(values) // BATCH_WINDOWS
    degrees_of_freedom = count - coefficients
    if degrees_of_freedom < 1:
        raise EstimateError(
            f"{len(values)} windows are too few to tell their scatter: at least "
            f"{(coefficients + 1) * BATCH_WINDOWS} are needed; raise the repeats, or go on with "
            "--resume if the campaign was cut short"
        )
    mean = float(values.mean())
    scatter = values - mean if course is None else values - mean - course
    batches = np.array([part.mean() for part in np.array_split(scatter, count)])
    return Mean(
        value=mean,
        u_stat=float(np.sqrt(batches @ batches / degrees_of_freedom / count)),
        degrees_of_freedom=degrees_of_freedom,
    )
