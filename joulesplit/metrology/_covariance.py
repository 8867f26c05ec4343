"""Covariances as columns of independent causes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from joulesplit.metrology._rounding import Array
from joulesplit.metrology.errors import UndeterminedError

MANY_FIGURES = 128
"""Figures of which the symmetric root takes longer than all the rest of a decision."""
ROUNDING = 1e-5
"""Covariances are stored to six digits: eigenvalues of their correlation may be so far below 0."""


def symmetric(lower: Sequence[float], size: int) -> Array:
    """Return the symmetric matrix whose lower triangle is given row by row; shape (size, size).

    Raises:
        UndeterminedError: It is of another size, or not of numbers.
    """
    numbers = np.asarray(lower, dtype=np.float64)
    if len(numbers) != size * (size + 1) // 2 or not np.isfinite(numbers).all():
        raise UndeterminedError(f"{len(numbers)} numbers are no covariance of {size} figures")
    matrix, taken = np.zeros((size, size)), 0
    for row in range(size):
        matrix[row, : row + 1] = numbers[taken : taken + row + 1]
        taken += row + 1
    diagonal = np.diag(matrix).copy()
    matrix += matrix.T
    np.fill_diagonal(matrix, diagonal)
    return matrix


def independent_causes(covariance: Array, *, overdrawn: bool = False) -> Array:
    """Return columns C with C·Cᵀ the covariance; float64, shape (K, K).

    They are those of its symmetric square root: eigenvectors alone may change sign with the last
    digit of a figure, and with them every draw. Of many figures they are those of its triangular
    root, which is as unique and takes a tenth of the time, where it has one.

    Args:
        covariance: Float64, shape (K, K).
        overdrawn: Something estimated was taken off it, so what is below zero counts as zero.

    Raises:
        UndeterminedError: It is not a covariance.
    """
    diagonal = np.diag(covariance)
    if not np.isfinite(covariance).all() or (diagonal.min() < 0.0 and not overdrawn):
        raise UndeterminedError("a variance is below zero, or not a number")
    deviation = np.sqrt(diagonal.clip(min=0.0))
    unit = np.where(deviation > 0.0, deviation, 1.0)
    if len(unit) > MANY_FIGURES and not overdrawn:
        try:
            return np.asarray(np.linalg.cholesky(covariance))
        except np.linalg.LinAlgError:
            pass
    # As a correlation, so that figures of very different size are judged alike.
    values, vectors = np.linalg.eigh(covariance / np.outer(unit, unit))
    if values.min() < -ROUNDING * len(values) and not overdrawn:
        raise UndeterminedError("some combination of the figures has a variance below zero")
    root = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    return np.asarray(unit[:, np.newaxis] * root)
