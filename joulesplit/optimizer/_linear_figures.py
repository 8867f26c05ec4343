"""Energies and their errors from one table: figures, and how much each candidate takes of each.

Every energy is a sum of figures of the profile, each so many times. The same table therefore
gives the energies, and how far each independent cause of error moves each of them: candidates
share figures (the first l blocks are common to l and l + 1, the price of a bit to all uploads),
so a difference of two rows has exactly the uncertainty that is left when the shared part is gone.

What a campaign leaves open of one kind of work is one factor of all energies of that kind: of all
computing, of all uploads. It cancels between two candidates as far as they take the same of that
kind, and not between computing and uploads, which other windows tell.

The sensor's scale error is not among the causes. It multiplies every joule of a profile alike,
cancels in every comparison, and is added only where an energy is stated on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import hypot

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.profile import Quantity, degrees_of_freedom_of
from joulesplit.metrology import Inputs, independent_causes, quadrature_rest, symmetric
from joulesplit.metrology.errors import UndeterminedError
from joulesplit.optimizer._uncertainty import FloatArray, without_scale
from joulesplit.optimizer.errors import ProfileUnusableError

P_0, SENSOR, OF_COMPUTING, OF_UPLOADS, OF_DOWNLOADS, OF_IDLE = range(6)
"""Columns of the causes that figures of several tables share: P_0 itself, what the sensor may be
off by beyond its scale, and what the campaign leaves open of each kind of work and of P_0."""

COMMON_CAUSES = 6

OF_CAMPAIGN = slice(OF_COMPUTING, COMMON_CAUSES)
"""Those of them that a campaign leaves open, however long it measures."""


def inputs(
    weights: FloatArray,
    values: FloatArray,
    own: FloatArray,
    *,
    estimates: Sequence[int] | None = None,
    inverse_freedom: Sequence[float],
    idle: FloatArray,
    offset: FloatArray,
    campaign: Mapping[int, FloatArray] | None = None,
) -> Inputs:
    """Return K figures of one kind with their errors.

    Args:
        weights: How much of each figure each candidate takes; float64, shape (L + 1, K).
        values: The figures, J, or J per bit, FLOP or s; float64, shape (K,).
        own: Effect on each figure of one standard deviation of each independent statistical
            cause; float64, shape (K, M).
        estimates: Which estimate of scatter stands behind each cause, shape (M,); None for one
            behind all.
        inverse_freedom: 1/ν of each estimate.
        idle: Effect of one standard deviation of P_0, which is in all gross figures; float64,
            shape (K,).
        offset: Effect of the sensor's offset, which moves all figures the same way; float64,
            shape (K,).
        campaign: Effect of what the campaign leaves open, by its column; float64, shape (K,) each.
    """
    common = np.zeros((len(values), COMMON_CAUSES))
    common[:, P_0], common[:, SENSOR] = idle, offset
    for column, effects in (campaign or {}).items():
        common[:, column] = effects
    behind: NDArray[np.intp] = np.array(estimates or [0] * own.shape[1], dtype=np.intp)
    return Inputs(
        weights=weights,
        values=values,
        own=own,
        estimates=behind,
        inverse_freedom=np.array(inverse_freedom, dtype=np.float64),
        common=common,
    )


def without_campaign(table: Inputs) -> Inputs:
    """Return figures without what the campaign leaves open of them."""
    common = table.common.copy()
    common[:, OF_CAMPAIGN] = 0.0
    return replace(table, common=common)


def inverse_freedom_of(*figures: Quantity | None) -> float:
    """Return 1/ν of the scatter that figures of one fit share: of those that know it worst."""
    known = [1 / degrees_of_freedom_of(figure) for figure in figures if figure is not None]
    return max(known, default=0.0)


def is_uncertain(figures: Sequence[Quantity]) -> bool:
    """Say whether every figure states what it may be off by."""
    return all(figure.u_stat is not None and figure.u_sys is not None for figure in figures)


def offset_left(figure: Quantity, scale_u_rel: float, campaign_u_rel: float) -> float:
    """Give what a figure's systematic uncertainty holds beyond scale and campaign, in its unit."""
    return without_scale(figure.u_sys or 0.0, figure.value, hypot(scale_u_rel, campaign_u_rel))


def apart_from(u_stat: float | None, common: float) -> float:
    """Take a common cause's share off a statistical standard uncertainty, in its unit."""
    return quadrature_rest(u_stat or 0.0, common)


def triangle(lower: Sequence[float], size: int, what: str) -> FloatArray:
    """Give the symmetric matrix whose lower triangle is given row by row; shape (size, size).

    Raises:
        ProfileUnusableError: It is of another size, or not of numbers.
    """
    return _a_covariance(lambda: symmetric(lower, size), what)


def factor(covariance: FloatArray, what: str, *, overdrawn: bool = False) -> FloatArray:
    """Give columns C with C·Cᵀ the covariance; float64, shape (K, K).

    Args:
        covariance: Float64, shape (K, K).
        what: Names it.
        overdrawn: Something estimated was taken off it, so what is below zero counts as zero.

    Raises:
        ProfileUnusableError: It is not a covariance.
    """
    return _a_covariance(lambda: independent_causes(covariance, overdrawn=overdrawn), what)


def _a_covariance(made: Callable[[], FloatArray], what: str) -> FloatArray:
    try:
        return made()
    except UndeterminedError as error:
        raise ProfileUnusableError(
            f"the profile's covariance of {what} is not a covariance ({error}); calibrate again"
        ) from error
