"""Window energies to energy per inference and per bit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from calibrate.errors import EstimateError
from calibrate.stats import Array, LinearFit, weighted_fit
from calibrate.uncertainty import Estimate

Account = Literal["gross", "net"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One window as the fits see it.

    Attributes:
        block: l for compute windows, 0 for uploads.
        repetitions: Inferences or uploads in the window.
        airtime_s: Time on the air, s; 0 for compute.
        payload_bits: Payload sent, bit; 0 for compute.
        gross_j: ∫P dt over the work, J.
        net_j: The same less the local idle power, J.
        work_s: Duration of the work, s.
        idle_s: Idle time behind the local idle power, s.
    """

    block: int
    repetitions: int
    airtime_s: float
    payload_bits: int
    gross_j: float
    net_j: float
    work_s: float
    idle_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PerUnitFit:
    """Coefficients of a fit with what is needed to combine them.

    Attributes:
        values: Coefficients, shape (p,), float64; the units are those of the fit.
        covariance: Shape (p, p), float64.
        degrees_of_freedom: Shared by all.
        windows: Windows in the fit.
        n: Windows behind each coefficient, length p.
        scale: Reduced χ of the fit, see ``stats.LinearFit``.
    """

    values: Array
    covariance: Array
    degrees_of_freedom: int
    windows: int
    n: tuple[int, ...]
    scale: float

    def combine(self, weights: Sequence[float]) -> Estimate:
        """Return Σ w_i β_i with its statistical uncertainty."""
        w = np.asarray(weights, dtype=np.float64)
        return Estimate(
            value=float(w @ self.values),
            u_stat=float(np.sqrt(w @ self.covariance @ w)),
            degrees_of_freedom=self.degrees_of_freedom,
            n=self.windows,
        )

    def one(self, index: int) -> Estimate:
        """Return a single coefficient."""
        return Estimate(
            value=float(self.values[index]),
            u_stat=float(np.sqrt(self.covariance[index, index])),
            degrees_of_freedom=self.degrees_of_freedom,
            n=self.n[index],
        )


def _spread(observations: Sequence[Observation], account: Account) -> Array:
    """Return each window's expected standard deviation, up to a common factor.

    Load noise is white on the scale of a window, so ∫P dt over D scatters as √D; the net energy
    also takes the local idle mean over D_i times D. The factor comes from the residuals.
    """
    work: Array = np.array([o.work_s for o in observations], dtype=np.float64)
    idle: Array = np.array([o.idle_s for o in observations], dtype=np.float64)
    variance: Array = work if account == "gross" else work + work**2 / idle
    spread: Array = np.sqrt(variance)
    return spread


def _energies(observations: Sequence[Observation], account: Account) -> Array:
    return np.array([o.gross_j if account == "gross" else o.net_j for o in observations])


def _block_design(observations: Sequence[Observation], block_count: int) -> Array:
    design = np.zeros((len(observations), block_count + 1))
    design[:, 0] = 1.0
    for row, observation in enumerate(observations):
        design[row, observation.block] = observation.repetitions
    return design


def _per_unit(fit: LinearFit, counts: tuple[int, ...]) -> PerUnitFit:
    return PerUnitFit(
        values=fit.coefficients,
        covariance=fit.covariance,
        degrees_of_freedom=fit.degrees_of_freedom,
        windows=len(fit.residuals),
        n=counts,
        scale=fit.scale,
    )


def fit_blocks(
    observations: Sequence[Observation], block_count: int, account: Account
) -> PerUnitFit:
    """Fit E_w = E_window + e_l(w) · n_w over all compute windows at once.

    The cost of a window that does not grow with its work is common to all blocks, so every
    window helps to find it; the slopes are the energies per inference.

    Args:
        observations: Compute windows; every block in at least one, of at least two sizes overall.
        block_count: L.
        account: Which energy is fitted.

    Returns:
        Coefficients (E_window, e_1 … e_L), J.

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    counts = [sum(o.block == block for o in observations) for block in range(1, block_count + 1)]
    if 0 in counts:
        raise EstimateError(f"block {counts.index(0) + 1} was never measured: the plan left it out")
    fit = weighted_fit(
        _block_design(observations, block_count),
        _energies(observations, account),
        _spread(observations, account),
    )
    return _per_unit(fit, (len(observations), *counts))


def fit_latency(observations: Sequence[Observation], block_count: int) -> PerUnitFit:
    """Fit the duration of a window against its repetitions, as ``fit_blocks`` does energy.

    Returns:
        Coefficients (per window, t_1 … t_L), s.
    """
    counts = [sum(o.block == block for o in observations) for block in range(1, block_count + 1)]
    work = np.array([o.work_s for o in observations])
    fit = weighted_fit(_block_design(observations, block_count), work, np.sqrt(work))
    return _per_unit(fit, (len(observations), *counts))


def fit_link(observations: Sequence[Observation], account: Account) -> PerUnitFit:
    """Fit E_w = E_0 · uploads + P_air · airtime + e_bit · bits over the upload windows.

    Args:
        observations: Upload windows of several sizes and at least two rates.
        account: Which energy is fitted; with ``gross`` P_air includes the idle power.

    Returns:
        Coefficients (E_0 [J], P_air [W], e_bit [J/bit]).

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    design = np.array([[o.repetitions, o.airtime_s, o.payload_bits] for o in observations], float)
    fit = weighted_fit(design, _energies(observations, account), _spread(observations, account))
    return _per_unit(fit, (len(observations),) * 3)


def energy_per_bit(link: PerUnitFit, rate_bit_per_s: float) -> Estimate:
    """Return P_air / r + e_bit, the energy of one more bit at rate r, J/bit."""
    return link.combine((0.0, 1.0 / rate_bit_per_s, 1.0))
