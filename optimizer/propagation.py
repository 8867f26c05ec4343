"""From the profile's stated uncertainties to independent sources of error."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from calibrate.profile import LinkFit, Quantity
from optimizer.errors import ProfileUnusableError
from optimizer.prices import Prices
from optimizer.uncertainty import ErrorSources, FloatArray, without_scale
from partition.network import Block


def error_sources(prices: Prices, blocks: Sequence[Block]) -> ErrorSources | None:
    """List the sources behind the figures of one decision.

    Statistical errors of different blocks are shared as the profile's covariance says, and
    independent where it says nothing; blocks and link are independent; the link's fixed cost
    and price per bit come from one fit and share its covariance. What the systematic part holds
    beyond the common scale is the sensor's offset: one source, which moves every energy the
    same way.

    Args:
        prices: The figures.
        blocks: The network's blocks.

    Returns:
        The sources; None if any figure comes without a stated uncertainty.

    Raises:
        ProfileUnusableError: A covariance is not one.
    """
    used = [*_compute_figures(prices), prices.e_c]
    if prices.fit is not None:
        used.append(prices.fit.upload_cost_j)
    if any(figure.u_stat is None or figure.u_sys is None for figure in used):
        return None
    block_j = _block_columns(prices, blocks)
    link = _link_columns(prices)
    offset = _offset_column(prices, blocks)
    width = block_j.shape[1]
    return ErrorSources(
        block_j=np.hstack([block_j, np.zeros((len(blocks), 2)), offset[0][:, np.newaxis]]),
        bit_j=np.concatenate([np.zeros(width), link[0], [offset[1]]]),
        upload_j=np.concatenate([np.zeros(width), link[1], [offset[2]]]),
        statistical=np.array([True] * (width + 2) + [False]),
    )


def ratio_u_flop_per_bit(prices: Prices) -> float | None:
    """Give the standard uncertainty of E_d/E_c, FLOP/bit; the common scale cancels in it.

    Returns:
        None if either comes without a stated uncertainty.
    """
    relative = []
    offsets = []
    for figure in (prices.e_d, prices.e_c):
        if figure.u_stat is None or figure.u_sys is None:
            return None
        relative.append(figure.u_stat / figure.value)
        left = without_scale(figure.u_sys, figure.value, prices.scale_u_rel)
        offsets.append(left / figure.value)
    # One offset moves both energies the same way, so only the difference is left in the ratio.
    u_rel = math.hypot(*relative, offsets[0] - offsets[1])
    return u_rel * prices.e_d.value / prices.e_c.value


def _compute_figures(prices: Prices) -> tuple[Quantity, ...]:
    return prices.blocks if prices.compute_model == "per-block" else (prices.e_d,)


def _block_columns(prices: Prices, blocks: Sequence[Block]) -> FloatArray:
    """Give one column per block, or a single one if all share E_d; shape (L, L) or (L, 1)."""
    if prices.compute_model == "per-block":
        if prices.covariance_j2:
            return _factor(prices.covariance_j2, len(blocks))
        return np.diag([figure.u_stat or 0.0 for figure in prices.blocks])
    flop = np.array([[block.flop] for block in blocks], dtype=np.float64)
    return np.asarray(flop * (prices.e_d.u_stat or 0.0) / prices.e_d.value**2)


def _factor(lower_triangle: Sequence[float], size: int) -> FloatArray:
    """Give columns C with C·Cᵀ the covariance whose lower triangle is given row by row."""
    if len(lower_triangle) == size * (size + 1) // 2:
        matrix = np.zeros((size, size))
        matrix[np.tril_indices(size)] = lower_triangle
        matrix += np.tril(matrix, -1).T
        if np.isfinite(matrix).all():
            values, vectors = np.linalg.eigh(matrix)
            # Rounding may leave the smallest eigenvalue a hair below zero, not more.
            if values.min(initial=0.0) >= -1e-9 * values.max(initial=0.0):
                return np.asarray(vectors * np.sqrt(values.clip(min=0.0)))
    raise ProfileUnusableError(
        "the profile's covariance of the block energies is not a covariance; calibrate again"
    )


def _link_columns(prices: Prices) -> tuple[list[float], list[float]]:
    """Give two columns for the price of a bit and for the fixed cost: their Cholesky factor."""
    if prices.fit is None:
        return [(prices.e_c.u_stat or 0.0) / prices.e_c.value**2, 0.0], [0.0, 0.0]
    bit_variance, covariance, cost_variance = _at_rate(prices.fit, prices.rate_bit_per_s)
    u_bit = math.sqrt(bit_variance)
    shared = covariance / u_bit if u_bit else 0.0
    return [u_bit, 0.0], [shared, math.sqrt(max(0.0, cost_variance - shared**2))]


def _at_rate(fit: LinkFit, rate_bit_per_s: float) -> tuple[float, float, float]:
    """Carry the covariance over to (P_air / r + e_bit, E_0)."""
    matrix = np.array(fit.covariance, dtype=np.float64)
    if matrix.shape == (3, 3) and np.isfinite(matrix).all():
        per_bit = np.array([0.0, 1.0 / rate_bit_per_s, 1.0])
        bit_variance = float(per_bit @ matrix @ per_bit)
        if bit_variance >= 0.0 and matrix[0, 0] >= 0.0:
            return bit_variance, float(matrix[0] @ per_bit), float(matrix[0, 0])
    raise ProfileUnusableError(
        "the profile's covariance of the link's fit is not a covariance; calibrate the link again"
    )


def _offset_column(prices: Prices, blocks: Sequence[Block]) -> tuple[FloatArray, float, float]:
    """Give the offset's effect on the blocks, J, on a bit, J/bit, and on an upload, J."""

    def left(figure: Quantity) -> float:
        return without_scale(figure.u_sys or 0.0, figure.value, prices.scale_u_rel)

    if prices.compute_model == "per-block":
        block_j = np.array([left(figure) for figure in prices.blocks])
    else:
        flop = np.array([block.flop for block in blocks], dtype=np.float64)
        block_j = flop * left(prices.e_d) / prices.e_d.value**2
    bit_j = left(prices.e_c) / prices.e_c.value**2
    return block_j, bit_j, left(prices.fit.upload_cost_j) if prices.fit else 0.0
