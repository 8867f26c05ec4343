"""Intervals: how many standard uncertainties hold a true value how often. Pure.

One number says what shape an error has: 1/ν. It is that of Student's t where it is above zero, a
normal distribution at zero, and below zero a symmetric beta distribution, whose tails are shorter
than the normal one's: −1/5 is the rectangular distribution. A sum of independent errors is taken
for the member of this family (Pearson's symmetric ones) that has its second and fourth moment:
1/ν then is Welch's and Satterthwaite's formula, rectangular parts taken into it with −1/5
(R. Willink, Metrologia 42 (2005) 329). It is exact for each of the three alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from joulesplit.metrology._rounding import Array
from joulesplit.metrology.errors import UndeterminedError

CONFIDENCE = 0.95
"""Level of an interval for which none is named."""

FLAT_FREEDOM = -5.0
"""A rectangular distribution's ν in Welch and Satterthwaite's formula."""

NEARLY_NORMAL = 1e-9
"""Of 1/ν: so near to zero a distribution is normal to every digit."""

SERIES = 1e-6
"""Of −1/ν: so near to zero the factor's first term in it is exact to eleven digits, and the inverse
of the beta distribution is not: that of scipy 1.10, Debian 12's, errs by 6e-10 at 1e-8."""

INVERSE_FREEDOM_BITS = 30
"""To which 1/ν of short tails is found from its factor: far beyond the digits that matter."""


def coverage_factor(degrees_of_freedom: ArrayLike, confidence: float = CONFIDENCE) -> Any:
    """Return Student's t for a two-sided interval; a float for a float, else float64 arrays.

    Args:
        degrees_of_freedom: ν > 0; ``inf`` gives the normal quantile.
        confidence: Level of the interval, between 0 and 1.

    Raises:
        UndeterminedError: A ν is not positive.
    """
    freedom = np.asarray(degrees_of_freedom, dtype=np.float64)
    if not np.all(freedom > 0):
        raise UndeterminedError(
            f"{np.min(freedom):g} degrees of freedom: there is no interval from as many "
            "observations as unknowns, or fewer"
        )
    return combined_coverage_factor(1 / freedom, confidence)


def combined_coverage_factor(inverse_freedom: ArrayLike, confidence: float = CONFIDENCE) -> Any:
    """Return the factor k of a two-sided interval; a float for a float, else float64 arrays.

    Args:
        inverse_freedom: 1/ν of the error, see the module.
        confidence: Level of the interval, between 0 and 1.
    """
    from scipy.special import betaincinv, ndtri, stdtrit

    inverse = np.asarray(inverse_freedom, dtype=np.float64)
    upper = (1 + confidence) / 2
    normal = ndtri(upper)
    # Cornish and Fisher 1938; the beta distribution's excess kurtosis is 6/ν here.
    factor = normal + np.minimum(inverse, 0.0) * (normal**3 - 3 * normal) / 4
    # Most calls are for one number: what is far from normal is worked out where there is any.
    if (student := inverse > NEARLY_NORMAL).any():
        factor = np.where(student, stdtrit(1 / np.where(student, inverse, 1.0), upper), factor)
    if (flat := inverse < -SERIES).any():
        shape = _beta_shape(np.where(flat, inverse, 1 / FLAT_FREEDOM))
        beta = (2 * betaincinv(shape, shape, upper) - 1) * np.sqrt(2 * shape + 1)
        factor = np.where(flat, beta, factor)
    return _as_given(factor)


def coverage_of_tail(tail: float, inverse_freedom: float) -> float:
    """Return how many standard uncertainties an error exceeds on one side with a probability.

    Args:
        tail: The probability, below one half.
        inverse_freedom: 1/ν of the error, see the module.
    """
    return float(combined_coverage_factor(inverse_freedom, 1.0 - 2.0 * tail))


def probability_below(deviation: ArrayLike, inverse_freedom: ArrayLike) -> Any:
    """Return the probability that an error is below a deviation; a float for floats, else arrays.

    Args:
        deviation: Over the standard uncertainty.
        inverse_freedom: 1/ν of the error, see the module.
    """
    from scipy.special import betainc, ndtr, stdtr

    z, inverse = np.broadcast_arrays(
        np.asarray(deviation, dtype=np.float64), np.asarray(inverse_freedom, dtype=np.float64)
    )
    probability = ndtr(z)
    if (student := inverse > NEARLY_NORMAL).any():
        probability = np.where(student, stdtr(1 / np.where(student, inverse, 1.0), z), probability)
    if (flat := inverse < -NEARLY_NORMAL).any():
        shape = _beta_shape(np.where(flat, inverse, 1 / FLAT_FREEDOM))
        inside = np.clip((z / np.sqrt(2 * shape + 1) + 1) / 2, 0.0, 1.0)
        probability = np.where(flat, betainc(shape, shape, inside), probability)
    return _as_given(probability)


def degrees_of_factor(factor: float, confidence: float = CONFIDENCE) -> float:
    """Return the ν whose Student's t this is; ``inf`` for the normal quantile and below.

    Args:
        factor: k of a two-sided interval.
        confidence: Its level.
    """
    from scipy.special import ndtri, stdtridf

    upper = (1 + confidence) / 2
    return float("inf") if factor <= ndtri(upper) else float(stdtridf(upper, factor))


def inverse_freedom_of_factor(factor: float, confidence: float = CONFIDENCE) -> float:
    """Return the 1/ν whose factor k of a two-sided interval this is, see the module.

    Args:
        factor: k; below that of a rectangular distribution it counts as that one's.
        confidence: Its level, above 0.6: only there a smaller 1/ν has a smaller factor.
    """
    if factor >= combined_coverage_factor(0.0, confidence):
        return 1 / degrees_of_factor(factor, confidence)
    low, high = 1 / FLAT_FREEDOM, 0.0
    for _ in range(INVERSE_FREEDOM_BITS):
        middle = (low + high) / 2
        if combined_coverage_factor(middle, confidence) < factor:
            low = middle
        else:
            high = middle
    return high


def scale_factors(random: np.random.Generator, inverse_freedom: Array, draws: int) -> Array:
    """Return by what normal errors are multiplied to be Student's t: √(ν/χ²_ν), 1 if ν ≤ 0.

    An error of ν degrees of freedom is t_ν times its standard uncertainty, so it scatters more than
    that (JCGM 101, 6.4.9). Errors behind which one estimate of scatter stands share the factor.

    Args:
        random: Draws them.
        inverse_freedom: 1/ν of each estimate, shape (g,), float64.
        draws: How many of each.

    Returns:
        Shape (draws, g), float64.
    """
    factors = np.ones((draws, len(inverse_freedom)))
    for column in np.flatnonzero(inverse_freedom > NEARLY_NORMAL):
        freedom = 1 / inverse_freedom[column]
        factors[:, column] = np.sqrt(freedom / random.chisquare(freedom, draws))
    return factors


def flat_errors(random: np.random.Generator, inverse_freedom: float, draws: int) -> Array:
    """Return drawn errors of a distribution with short tails, over the standard uncertainty.

    Args:
        random: Draws them.
        inverse_freedom: Below zero; −1/5 is rectangular.
        draws: How many.
    """
    shape = float(_beta_shape(np.asarray(inverse_freedom)))
    return np.asarray((2 * random.beta(shape, shape, draws) - 1) * np.sqrt(2 * shape + 1))


def _beta_shape(inverse_freedom: Array) -> Array:
    """Return a of the symmetric beta distribution, which has the kurtosis 3 + 6/ν."""
    return np.asarray((-1 / inverse_freedom - 3) / 2)


def _as_given(values: Array) -> Any:
    return values if np.ndim(values) else float(values)
