"""Energies and their errors from one table: figures, and how much each candidate takes of each.

Every energy is a sum of figures of the profile, each so many times. The same table therefore
gives the energies, and how far each independent cause of error moves each of them: candidates
share figures (the first l blocks are common to l and l + 1, the price of a bit to all uploads),
so a difference of two rows has exactly the uncertainty that is left when the shared part is gone.

The sensor's scale error is not among the causes. It multiplies every joule of a profile alike,
cancels in every comparison, and is added only where an energy is stated on its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joulesplit.calibrate.profile import Quantity
from joulesplit.optimizer._uncertainty import FloatArray, without_scale
from joulesplit.optimizer.errors import ProfileUnusableError

ROUNDING = 1e-5
"""Covariances are stored to six digits: eigenvalues of their correlation may be so far below 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ledger:
    """K figures of one kind.

    Attributes:
        weights: How much of each figure each candidate takes; float64, shape (L + 1, K).
        values: The figures, J, or J per bit, FLOP or s; float64, shape (K,).
        statistical: Effect on each figure of one standard deviation of each independent
            statistical cause; float64, shape (K, M).
        idle: Effect of one standard deviation of P_0, which is in all gross figures; float64,
            shape (K,).
        offset: Effect of the sensor's offset, which moves all figures the same way; float64,
            shape (K,).
    """

    weights: FloatArray
    values: FloatArray
    statistical: FloatArray
    idle: FloatArray
    offset: FloatArray

    def parts_j(self) -> FloatArray:
        """Give what each figure costs each candidate, J; float64, shape (L + 1, K)."""
        return np.asarray(self.weights * self.values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effects:
    """How far M independent causes of error move the candidates' energies.

    Attributes:
        on_candidates_j: By one standard deviation of each cause, J; float64, shape (L + 1, M).
        statistical: Which causes are statistical (GUM type A); bool, shape (M,).
    """

    on_candidates_j: FloatArray
    statistical: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def effects_of(ledgers: Sequence[Ledger]) -> Effects:
    """Carry the errors of the figures over to the candidates.

    Figures of different ledgers are statistically independent, but for P_0; P_0 and the sensor's
    offset are one cause each for all.
    """
    own = [ledger.weights @ ledger.statistical for ledger in ledgers]
    idle = sum(ledger.weights @ ledger.idle for ledger in ledgers)
    offset = sum(ledger.weights @ ledger.offset for ledger in ledgers)
    columns = np.hstack([*own, np.column_stack([idle, offset])])
    statistical = np.array([True] * (columns.shape[1] - 1) + [False])
    # What moves nothing need not be drawn.
    moving = columns.any(axis=0)
    return Effects(on_candidates_j=columns[:, moving], statistical=statistical[moving])


def is_uncertain(figures: Sequence[Quantity]) -> bool:
    """Say whether every figure states what it may be off by."""
    return all(figure.u_stat is not None and figure.u_sys is not None for figure in figures)


def offset_left(figure: Quantity, scale_u_rel: float) -> float:
    """Give what a figure's systematic uncertainty holds beyond the common scale, in its unit."""
    return without_scale(figure.u_sys or 0.0, figure.value, scale_u_rel)


def apart_from(u_stat: float | None, common: float) -> float:
    """Take a common cause's share off a statistical standard uncertainty, in its unit."""
    return math.sqrt(max(0.0, (u_stat or 0.0) ** 2 - common**2))


def triangle(lower: Sequence[float], size: int, what: str) -> FloatArray:
    """Give the symmetric matrix whose lower triangle is given row by row; shape (size, size).

    Raises:
        ProfileUnusableError: It is of another size, or not of numbers.
    """
    if len(lower) != size * (size + 1) // 2 or not np.isfinite(lower).all():
        raise _no_covariance(what)
    matrix = np.zeros((size, size))
    matrix[np.tril_indices(size)] = lower
    return np.asarray(matrix + np.tril(matrix, -1).T)


def factor(covariance: FloatArray, what: str, *, overdrawn: bool = False) -> FloatArray:
    """Give columns C with C·Cᵀ the covariance; float64, shape (K, K).

    They are those of its symmetric square root: eigenvectors alone may change sign with the last
    digit of a figure, and with them every draw.

    Args:
        covariance: Float64, shape (K, K).
        what: Names it.
        overdrawn: Something estimated was taken off it, so what is below zero counts as zero.

    Raises:
        ProfileUnusableError: It is not a covariance.
    """
    diagonal = np.diag(covariance)
    if not np.isfinite(covariance).all() or (diagonal.min() < 0.0 and not overdrawn):
        raise _no_covariance(what)
    deviation = np.sqrt(diagonal.clip(min=0.0))
    unit = np.where(deviation > 0.0, deviation, 1.0)
    # As a correlation, so that figures of very different size are judged alike.
    values, vectors = np.linalg.eigh(covariance / np.outer(unit, unit))
    if values.min() < -ROUNDING * len(values) and not overdrawn:
        raise _no_covariance(what)
    root = (vectors * np.sqrt(values.clip(min=0.0))) @ vectors.T
    return np.asarray(unit[:, np.newaxis] * root)


def _no_covariance(what: str) -> ProfileUnusableError:
    return ProfileUnusableError(
        f"the profile's covariance of {what} is not a covariance; calibrate again"
    )
