"""How far each candidate's energy, each difference between two, and a ratio may be off."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.profile import Quantity

FloatArray = NDArray[np.float64]

COVERAGE_95 = 1.96
"""Half-width of a 95 % interval in standard uncertainties, normal law (GUM 6.3, table G.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyUncertainty:
    """What an energy may be off by, stated on its own.

    Attributes:
        u_stat_j: Standard uncertainty from statistics, J.
        u_sys_j: Standard uncertainty from everything else, the common scale included, J.
        ci95_j: Interval of both together, 95 %, J.
    """

    u_stat_j: float
    u_sys_j: float
    ci95_j: tuple[float, float]


def energy_uncertainty(
    energy_j: float, effects_j: FloatArray, *, statistical: NDArray[np.bool_], scale_u_rel: float
) -> EnergyUncertainty:
    """State one candidate's uncertainty.

    Args:
        energy_j: The candidate's energy, J.
        effects_j: Its row of ``ledger.Effects.on_candidates_j``, J; float64, shape (M,).
        statistical: Which causes of error are statistical; bool, shape (M,).
        scale_u_rel: Relative standard uncertainty of the common scale.
    """
    u_stat_j = float(np.linalg.norm(effects_j[statistical]))
    u_other_j = float(np.linalg.norm(effects_j[~statistical]))
    u_sys_j = math.hypot(u_other_j, scale_u_rel * energy_j)
    half_width_j = COVERAGE_95 * math.hypot(u_stat_j, u_sys_j)
    return EnergyUncertainty(
        u_stat_j=u_stat_j,
        u_sys_j=u_sys_j,
        ci95_j=(energy_j - half_width_j, energy_j + half_width_j),
    )


def difference_u_j(effects_j: FloatArray, one: int, other: int) -> float:
    """Give the standard uncertainty of the difference of two candidates' energies, J.

    Shared causes cancel as far as they are shared; the common scale cancels to first order.

    Args:
        effects_j: ``ledger.Effects.on_candidates_j``, J; float64, shape (L + 1, M).
        one: Position of a candidate.
        other: Position of another.
    """
    return float(np.linalg.norm(effects_j[one] - effects_j[other]))


def without_scale(u_sys: float, value: float, scale_u_rel: float) -> float:
    """Take the common scale's part off a systematic standard uncertainty.

    Args:
        u_sys: Standard uncertainty of ``value``, in its unit.
        value: The figure.
        scale_u_rel: Relative standard uncertainty of the common scale.

    Returns:
        What is left, in the same unit; 0 if the scale explains all of it.
    """
    return math.sqrt(max(0.0, u_sys**2 - (scale_u_rel * value) ** 2))


def ratio_u(one: Quantity, other: Quantity, scale_u_rel: float) -> float | None:
    """Give the standard uncertainty of one / other; the common scale cancels in it.

    Args:
        one: E_d.
        other: E_c.
        scale_u_rel: Relative standard uncertainty of the common scale.

    Returns:
        None if either comes without a stated uncertainty.
    """
    statistical = []
    offsets = []
    for figure in (one, other):
        if figure.u_stat is None or figure.u_sys is None:
            return None
        statistical.append(figure.u_stat / figure.value)
        offsets.append(without_scale(figure.u_sys, figure.value, scale_u_rel) / figure.value)
    # One offset moves both energies the same way, so only the difference is left in the ratio.
    return math.hypot(*statistical, offsets[0] - offsets[1]) * one.value / other.value
