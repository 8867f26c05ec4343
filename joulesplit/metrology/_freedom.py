"""Degrees of freedom of a sum of independent errors: Welch and Satterthwaite, here alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import numpy as np
from numpy.typing import ArrayLike

from joulesplit.metrology._coverage import FLAT_FREEDOM
from joulesplit.metrology._rounding import Array

UncertaintyPart = tuple[float, float]
"""Standard uncertainty of an independent part of an error, and 1/ν of it."""


def inverse_freedoms(uncertainties: ArrayLike, inverse_freedom: ArrayLike) -> Array:
    """Return 1/ν of sums of independent errors (GUM G.4): Σ u_i⁴/ν_i over (Σ u_i²)².

    Args:
        uncertainties: u_i, in the unit of the sum, shape (…, m), float64.
        inverse_freedom: 1/ν_i, shape (…, m), float64: 0 for what is known without limit, −1/5 for
            a rectangular bound (see ``_coverage``).

    Returns:
        Shape (…), float64; 0 where there is no error at all.
    """
    variances = np.square(np.asarray(uncertainties, dtype=np.float64))
    total = variances.sum(axis=-1, keepdims=True)
    shares = variances / np.where(total > 0, total, 1.0)
    return np.asarray(np.sum(shares**2 * np.asarray(inverse_freedom), axis=-1))


def combined_inverse_freedom(parts: Iterable[UncertaintyPart]) -> float:
    """Return 1/ν of one sum, see ``inverse_freedoms``.

    Args:
        parts: Each independent part of it.
    """
    variances = [(u * u, inverse) for u, inverse in parts if u]
    total = sum(variance for variance, _ in variances)
    # Without arrays: of the few parts of a sum their making takes longer than all the rest.
    if not total:
        return 0.0
    return sum((variance / total) ** 2 * inverse for variance, inverse in variances)


def effective_degrees_of_freedom(
    parts: Iterable[tuple[float, float]], others: float = 0.0
) -> float:
    """Return ν of a sum of independent errors that scatter is behind (GUM G.4).

    Args:
        parts: Standard uncertainty and degrees of freedom of each.
        others: Standard uncertainty of everything known without limit of degrees.

    Returns:
        ``inf`` where nothing limits it.
    """
    known = [(u, 1 / freedom) for u, freedom in parts if u]
    inverse = combined_inverse_freedom([*known, (others, 0.0)])
    return 1 / inverse if inverse else inf


def flatness(bounds: Iterable[float], total: float) -> float:
    """Return Σ u_i⁴ of rectangular bounds over the square of a variance: 1 for a single one.

    Args:
        bounds: Standard uncertainty that each contributes.
        total: Standard uncertainty of all systematic parts together, bounds or not.
    """
    return sum((bound / total) ** 4 for bound in bounds) if total else 0.0


def flat_inverse_freedom(flat_share: float) -> float:
    """Return 1/ν of a systematic error of some ``flatness``."""
    return flat_share / FLAT_FREEDOM
