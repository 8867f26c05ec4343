"""How far each candidate's energy, and each difference between two, may be off.

Every independent cause of error is one *source*: its column says how far one standard deviation
of it moves each figure. Candidates share sources (the first l blocks are common to l and l + 1,
the price of a bit to all uploads), so a difference of two rows has exactly the uncertainty that
is left when the shared part is gone.

The sensor's scale error is not a source. It multiplies every joule of a profile alike, cancels
in every comparison, and is added only where an energy is stated on its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.cost import SplitEnergy

FloatArray = NDArray[np.float64]

COVERAGE_95 = 1.96
"""Half-width of a 95 % interval in standard uncertainties, normal law (GUM 6.3, table G.1)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ErrorSources:
    """M independent sources of error, each as the effect of one standard deviation of it.

    Attributes:
        block_j: On each block's energy, J; float64, shape (L, M).
        bit_j: On the price of a bit, J/bit; float64, shape (M,).
        upload_j: On the fixed cost of an upload, J; float64, shape (M,).
        statistical: Which are statistical (GUM type A); bool, shape (M,).
    """

    block_j: FloatArray
    bit_j: FloatArray
    upload_j: FloatArray
    statistical: NDArray[np.bool_]


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


def candidate_effects(sources: ErrorSources, energies: Sequence[SplitEnergy]) -> FloatArray:
    """Give each source's effect on each candidate, J; float64, shape (L + 1, M).

    Args:
        sources: For the L blocks and the link.
        energies: Candidates at position l, L + 1 of them.
    """
    bits = np.array([energy.upload_bits for energy in energies], dtype=np.float64)
    uploads = np.array([energy.where != "device" for energy in energies], dtype=np.float64)
    first_blocks_j = np.vstack([np.zeros_like(sources.bit_j), np.cumsum(sources.block_j, axis=0)])
    return np.asarray(
        first_blocks_j + np.outer(bits, sources.bit_j) + np.outer(uploads, sources.upload_j)
    )


def energy_uncertainty(
    energy_j: float, effects_j: FloatArray, *, statistical: NDArray[np.bool_], scale_u_rel: float
) -> EnergyUncertainty:
    """State one candidate's uncertainty.

    Args:
        energy_j: The candidate's energy, J.
        effects_j: Its row of ``candidate_effects``, J; float64, shape (M,).
        statistical: Which sources are statistical; bool, shape (M,).
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

    Shared sources cancel as far as they are shared; the common scale cancels to first order.

    Args:
        effects_j: From ``candidate_effects``, J; float64, shape (L + 1, M).
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
