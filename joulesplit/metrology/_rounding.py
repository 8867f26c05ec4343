"""Scatter told from the rounding of the arithmetic that it comes out of. Pure.

What a BLAS or a libm returns depends on the processor to the last digits. Figures that have no
scatter therefore leave differences of the size of rounding, now exactly zero and now not, and
whatever divides by them or asks whether they are zero goes one way here and another way there.
Every such question is asked of this module.
"""

from __future__ import annotations

from math import hypot, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
"""Figures of one unit, float64."""

EPSILON = float(np.finfo(np.float64).eps)
ROUNDINGS = 16
"""Roundings that a figure has behind it before it comes here, at most."""


def rounding_share(terms: int = 1) -> float:
    """Return how far a sum of terms may be off by rounding, over the sum of their sizes.

    n·ε holds for a sum in any order (N. J. Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., 2002, 3.1), and no two processors form it in the same order.

    Args:
        terms: n, products count as one.
    """
    return (ROUNDINGS + terms) * EPSILON


def beyond_rounding(differences: ArrayLike, figures: ArrayLike, terms: int | None = None) -> Array:
    """Return differences of figures, or zeros if rounding alone may have made all of them.

    Args:
        differences: Of any one unit, any shape, float64.
        figures: What they are differences of, in the same unit, any shape, float64.
        terms: Summed up in each, see ``rounding_share``; None for as many as there are figures.
    """
    found, size = np.asarray(differences, dtype=np.float64), np.asarray(figures, dtype=np.float64)
    share = rounding_share(size.size if terms is None else terms)
    if np.linalg.norm(found.ravel()) <= share * np.linalg.norm(size.ravel()):
        return np.zeros_like(found)
    return found


def each_beyond_rounding(sums: Array, sizes: Array, terms: int) -> Array:
    """Return sums, or zero for each that rounding alone may have made of its terms.

    Args:
        sums: Of any unit, any shape, float64.
        sizes: Sum of the sizes of the terms of each, in the same unit, same shape, float64.
        terms: Summed up in each, see ``rounding_share``.
    """
    return np.asarray(np.where(np.abs(sums) <= rounding_share(terms) * sizes, 0.0, sums))


def is_rounding(difference: float, *figures: float) -> bool:
    """Return whether a difference of figures may be rounding and nothing else.

    Args:
        difference: Of any unit.
        figures: What it is the difference of, in the same unit.
    """
    return abs(difference) <= rounding_share(len(figures)) * hypot(*figures)


def deviations(values: Array) -> Array:
    """Return values less their mean, zeros if they are one value but for rounding.

    Args:
        values: Of any unit, shape (n,), float64.
    """
    return beyond_rounding(values - values.mean(), values)


def standard_deviation(values: ArrayLike) -> float:
    """Return the standard deviation of a sample, n − 1 in the denominator; 0 for equal values.

    Args:
        values: Of any unit, shape (n,), n > 1, float64.
    """
    left = deviations(np.asarray(values, dtype=np.float64))
    return float(np.sqrt(left @ left / (len(left) - 1)))


def linear_u(weights: Array, covariance: Array) -> float:
    """Return the standard uncertainty of Σ w_i x_i: √(w·C·w), 0 where nothing but rounding is left.

    Args:
        weights: w, shape (n,), float64.
        covariance: C, shape (n, n), float64.
    """
    size = float(np.abs(weights) @ np.abs(covariance) @ np.abs(weights))
    variance = float(weights @ covariance @ weights)
    return sqrt(variance) if variance > rounding_share(covariance.size) * size else 0.0


def quadrature_rest(total: float, part: float) -> float:
    """Return √(total² − part²): what is left of an uncertainty without one of its parts.

    Args:
        total: Standard uncertainty, of any unit.
        part: Of the same unit; where it is all of ``total``, or more, nothing is left.
    """
    rest = total**2 - part**2
    return sqrt(rest) if rest > rounding_share() * total**2 else 0.0
