"""A covariance of many rows that a few coefficients tie together: D + U·K·Uᵀ. Pure.

Written out it has n² elements, of n rows that a fit of p coefficients leaves. All that is asked of
it are its diagonal and the sum of its squares, which take n·p² steps from its parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.metrology._rounding import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class StructuredCovariance:
    """D + U·K·Uᵀ, n rows, k much fewer.

    Attributes:
        own: Diagonal of D, shape (n,), float64.
        factor: U, shape (n, k), float64.
        core: K, symmetric, shape (k, k), float64.
    """

    own: Array
    factor: Array
    core: Array

    @property
    def diagonal(self) -> Array:
        """The variances, shape (n,), float64."""
        return np.asarray(self.own + np.sum((self.factor @ self.core) * self.factor, axis=1))

    @property
    def sum_of_squares(self) -> float:
        """The sum of the squares of all its elements."""
        tied = self.core @ (self.factor.T @ self.factor)
        both = 2 * float(self.own @ (self.diagonal - self.own))
        return float(self.own @ self.own) + both + float(np.sum(tied * tied.T))

    def scaled(self, factors: Array) -> StructuredCovariance:
        """Return that of the rows times factors, shape (n,), float64."""
        return StructuredCovariance(
            own=self.own * factors**2, factor=self.factor * factors[:, None], core=self.core
        )

    def of(self, rows: NDArray[np.bool_]) -> StructuredCovariance:
        """Return that of some of the rows, shape (n,), bool."""
        return StructuredCovariance(own=self.own[rows], factor=self.factor[rows], core=self.core)

    def summed(self, first: NDArray[np.intp]) -> StructuredCovariance:
        """Return that of the sums of neighbouring rows.

        Args:
            first: Position at which each sum begins, rising from 0, shape (m,).
        """
        return StructuredCovariance(
            own=np.add.reduceat(self.own, first),
            factor=np.add.reduceat(self.factor, first, axis=0),
            core=self.core,
        )

    def dense(self) -> Array:
        """Return it written out, shape (n, n), float64."""
        return np.asarray(np.diag(self.own) + self.factor @ self.core @ self.factor.T)


def left_over_covariance(design: Array, spread: Array, gain: Array) -> StructuredCovariance:
    """Return (I − X·G)·S²·(I − X·G)ᵀ, the covariance of what a linear fit leaves of its rows.

    Args:
        design: X, shape (n, p), float64.
        spread: Diagonal of S, shape (n,), float64.
        gain: G, derivative of the coefficients by each row, shape (p, n), float64.
    """
    count = design.shape[1]
    # Columns differ by many orders of magnitude: level them, or their products lose digits.
    level = np.linalg.norm(design, axis=0)
    level = np.where(level > 0, level, 1.0)
    levelled, moved = design / level, (gain * level[:, None] * spread**2).T
    across = -np.eye(count)
    inner = (gain * level[:, None] * spread**2) @ (gain * level[:, None]).T
    return StructuredCovariance(
        own=spread**2,
        factor=np.hstack([levelled, moved]),
        core=np.block([[inner, across], [across, np.zeros((count, count))]]),
    )
