"""How far what blocks cost alone is off what they cost inside a network, from measured heads. Pure.

A block inside a network costs e_i·(1 + δ + ε_i): δ is common to all (cold caches, fused operators),
ε_i is each block's own and scatters with the standard deviation τ. Between two measured heads the
blocks' sum is scaled to what lies between the heads, which takes δ out; what is left is τ. A run of
blocks between two neighbouring heads shows δ·S + Σ e_i ε_i, with S the sum of its blocks. So k runs
tell τ with k − 1 degrees of freedom, δ being one unknown of theirs; a single run leaves δ to τ.

The runs' own measuring errors are in what they show as well. With τ² + n² as the variance of a run,
n² its measured part, the prior of the variance is the usual 1/variance, cut where it would be below
n² (Hill, J. Amer. Statist. Ass. 60 (1965) 806). With n = 0 what follows is Student's t exactly;
with n above all scatter τ comes out near what n could hide, never as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from joulesplit.metrology import Array, coverage_factor

_GRID = np.geomspace(1e-3, 1e5, 161)
"""Of τ, in units of the runs' own scatter."""

WITH_COVARIANCE = 40
"""More runs than these are taken as measured independently: so many tell τ well either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksInsideError:
    """What a block measured alone may be off by inside a network, relative.

    Attributes:
        spread: τ, standard uncertainty, every block for itself.
        common: Of all blocks of a sum together, where no measured head takes it out.
        inverse_freedom: 1/ν of both.
        runs: How many runs of blocks between measured heads told it; 0 if it was stated.
    """

    spread: float
    common: float
    inverse_freedom: float
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """What k runs of blocks between neighbouring measured heads showed.

    Attributes:
        excess_j: What the heads lie apart beyond the sum of the blocks, J; float64, shape (k,).
        blocks_j: That sum, J; float64, shape (k,).
        squares_j2: Sum of the squares of the blocks' energies, J²; float64, shape (k,).
        covariance_j2: Of ``excess_j`` by measuring alone, J²; float64, shape (k, k).
    """

    excess_j: Array
    blocks_j: Array
    squares_j2: Array
    covariance_j2: Array


def model_error(runs: Runs) -> BlocksInsideError | None:
    """Return what the runs tell; None where there are none."""
    count = len(runs.excess_j)
    if count == 0:
        return None
    freedom = max(count - 1, 1)
    measured = float((np.diag(runs.covariance_j2) / runs.squares_j2).mean())
    drift, scale = _roughly(runs, measured)
    spread, common = 0.0, abs(drift)
    if scale > 1e-12 * (1.0 + common):
        spreads = scale * _GRID
        log_density, drifts, drift_u = _restricted_likelihood(runs, spreads)
        # Of τ on a logarithmic grid: the prior τ / (τ² + n²), times τ for the grid.
        log_density += 2 * np.log(spreads) - np.log(spreads**2 + measured)
        share = np.exp(log_density - log_density.max())
        spread = _reach(spreads, share / share.sum()) / coverage_factor(freedom)
        common = float(np.hypot(drifts, drift_u)[share.argmax()])
    return BlocksInsideError(spread=spread, common=common, inverse_freedom=1 / freedom, runs=count)


def _roughly(runs: Runs, measured: float) -> tuple[float, float]:
    """Return about what all blocks have in common, and how far they scatter about it."""
    count = len(runs.excess_j)
    drift = float(runs.excess_j.sum() / runs.blocks_j.sum()) if count > 1 else 0.0
    off = np.square(runs.excess_j - drift * runs.blocks_j) / runs.squares_j2
    return drift, float(np.sqrt(off.sum() / max(count - 1, 1) + measured))


def _restricted_likelihood(runs: Runs, spreads: Array) -> tuple[Array, Array, Array]:
    """Return log L(τ), δ and its standard uncertainty, δ integrated out; each of shape (T,)."""
    count = len(runs.excess_j)
    measured = runs.covariance_j2
    if count > WITH_COVARIANCE:
        return _of_independent_runs(runs, spreads)
    total = spreads[:, None, None] ** 2 * np.diag(runs.squares_j2) + measured
    right = np.stack([runs.excess_j, runs.blocks_j], axis=1)
    solved = np.linalg.solve(total, np.broadcast_to(right, (len(spreads), count, 2)))
    _, log_determinant = np.linalg.slogdet(total)
    products = np.einsum("ka,tkb->tab", right, solved)
    return _without_drift(products, log_determinant, count)


def _of_independent_runs(runs: Runs, spreads: Array) -> tuple[Array, Array, Array]:
    variances = np.outer(spreads**2, runs.squares_j2) + np.diag(runs.covariance_j2)
    right = np.stack([runs.excess_j, runs.blocks_j], axis=1)
    products = np.einsum("ka,tk,kb->tab", right, 1 / variances, right)
    return _without_drift(products, np.log(variances).sum(axis=1), len(runs.excess_j))


def _without_drift(
    products: Array, log_determinant: Array, count: int
) -> tuple[Array, Array, Array]:
    excess, mixed, blocks = products[:, 0, 0], products[:, 0, 1], products[:, 1, 1]
    if count == 1:
        return -0.5 * (log_determinant + excess), np.zeros_like(excess), np.zeros_like(excess)
    left = excess - mixed**2 / blocks
    log_likelihood = -0.5 * (log_determinant + np.log(blocks) + left)
    return log_likelihood, mixed / blocks, 1 / np.sqrt(blocks)


def _reach(spreads: Array, share: Array) -> float:
    """Return what 95 % of errors stay within, normal ones of each τ by its share."""
    from scipy.special import ndtr

    low, high = float(spreads[0]), 10.0 * float(spreads[-1])
    for _ in range(40):
        middle = (low * high) ** 0.5
        inside = float(share @ (2.0 * ndtr(middle / spreads) - 1.0))
        low, high = (middle, high) if inside < 0.95 else (low, middle)
    return float((low * high) ** 0.5)
