"""Window energies to energy per inference and per bit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._stats import LinearFit, weighted_fit
from joulesplit.calibrate.estimates._uncertainty import Estimate
from joulesplit.calibrate.profile import Account
from joulesplit.calibrate.windows import Observation
from joulesplit.metrology import Array, linear_u

BURST_TOLERANCE = 0.1
"""What a burst costs once is told from uploads, airtime and bits if they leave so much of its
column unexplained: a variance inflation of 10 at most (Marquardt, Technometrics 12, 1970).
Windows of one length leave 0.01 to 0.04, lengths that differ twofold 0.12 or more."""


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
        studentised: Residual of each window over its standard deviation, in order of time,
            shape (windows,), float64.
    """

    values: Array
    covariance: Array
    degrees_of_freedom: int
    windows: int
    n: tuple[int, ...]
    scale: float
    studentised: Array

    def combine(self, weights: Sequence[float] | Array) -> Estimate:
        """Return Σ w_i β_i with its statistical uncertainty."""
        w = np.asarray(weights, dtype=np.float64)
        return Estimate(
            value=float(w @ self.values),
            u_stat=linear_u(w, self.covariance),
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

    Load noise is white on the scale of a window. Net energy sums power over work and settling,
    D, less D times the local idle mean over D_i: D + D²/D_i. Gross energy gets the idle power
    of the work back, so only the settling S stays taken off: D + S²/D_i. The factor comes from
    the residuals.
    """
    work: Array = np.array([o.work_s for o in observations], dtype=np.float64)
    settle: Array = np.array([o.settle_s for o in observations], dtype=np.float64)
    idle: Array = np.array([o.idle_s for o in observations], dtype=np.float64)
    taken_off = settle if account == "gross" else work + settle
    spread: Array = np.sqrt(work + settle + taken_off**2 / idle)
    return spread


def _energies(observations: Sequence[Observation], account: Account) -> Array:
    return np.array([o.gross_j if account == "gross" else o.net_j for o in observations])


def _block_design(observations: Sequence[Observation], block_count: int) -> Array:
    design = np.zeros((len(observations), block_count + 1))
    design[:, 0] = 1.0
    for row, observation in enumerate(observations):
        design[row, observation.block] = observation.repetitions
    return design


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """Windows as rows of a linear model E = X·β.

    Attributes:
        design: X, shape (n, p), float64.
        observed: E, shape (n,), float64, J.
        spread: Expected standard deviation of each E up to a common factor, shape (n,), float64.
    """

    design: Array
    observed: Array
    spread: Array

    def fit(self) -> LinearFit:
        """Return the weighted fit, see ``stats.weighted_fit``."""
        return weighted_fit(self.design, self.observed, self.spread)

    def without(self, flagged: NDArray[np.bool_]) -> LinearModel:
        """Return the problem with the flagged windows left out."""
        kept = ~flagged
        return LinearModel(
            design=self.design[kept], observed=self.observed[kept], spread=self.spread[kept]
        )


def block_problem(
    observations: Sequence[Observation], block_count: int, account: Account
) -> LinearModel:
    """Return the compute windows as rows of E_w = E_window + e_l(w) · n_w.

    Raises:
        EstimateError: A block has no window.
    """
    _require_every_block(observations, block_count)
    return LinearModel(
        design=_block_design(observations, block_count),
        observed=_energies(observations, account),
        spread=_spread(observations, account),
    )


def _require_every_block(observations: Sequence[Observation], block_count: int) -> None:
    missing = set(range(1, block_count + 1)) - {o.block for o in observations}
    if missing:
        raise EstimateError(
            f"block {min(missing)} was never measured: the plan left it out, or the campaign was "
            "cut short and --resume measures it"
        )


def _per_unit(fit: LinearFit, counts: tuple[int, ...]) -> PerUnitFit:
    return PerUnitFit(
        values=fit.coefficients,
        covariance=fit.covariance,
        degrees_of_freedom=fit.degrees_of_freedom,
        windows=len(fit.residuals),
        n=counts,
        scale=fit.scale,
        studentised=fit.studentised,
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
    fit = block_problem(observations, block_count, account).fit()
    return _per_unit(fit, (len(observations), *_counts(observations, block_count)))


def _counts(observations: Sequence[Observation], block_count: int) -> list[int]:
    return [sum(o.block == block for o in observations) for block in range(1, block_count + 1)]


def latency_problem(observations: Sequence[Observation], block_count: int) -> LinearModel:
    """Return the compute windows as rows of T_w = T_window + t_l(w) · n_w, in s instead of J.

    Raises:
        EstimateError: A block has no window.
    """
    _require_every_block(observations, block_count)
    work = np.array([o.work_s for o in observations], dtype=np.float64)
    design = _block_design(observations, block_count)
    return LinearModel(design=design, observed=work, spread=np.sqrt(work))


def fit_latency(observations: Sequence[Observation], block_count: int) -> PerUnitFit:
    """Fit the duration of a window against its repetitions, as ``fit_blocks`` does energy.

    Returns:
        Coefficients (per window, t_1 … t_L), s.

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    fit = latency_problem(observations, block_count).fit()
    return _per_unit(fit, (len(observations), *_counts(observations, block_count)))


def fit_link(observations: Sequence[Observation], account: Account) -> PerUnitFit:
    """Fit E_w = E_0 · uploads + P_air · airtime + e_bit · bits (+ E_burst) over upload windows.

    E_burst is what a window of uploads costs once, however many they are: waking the radio and
    its tail. Where the windows differ too little in length to tell it, it is left out, and what
    there is of it raises the others.

    Args:
        observations: Upload windows of several sizes and at least two rates.
        account: Which energy is fitted; with ``gross`` P_air includes the idle power.

    Returns:
        Coefficients (E_0 [J], P_air [W], e_bit [J/bit]) and, if the windows can tell it (see
        ``BURST_TOLERANCE``), E_burst [J].

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    fit = link_problem(observations, account).fit()
    return _per_unit(fit, (len(observations),) * len(fit.coefficients))


def link_problem(observations: Sequence[Observation], account: Account) -> LinearModel:
    """Return the upload windows as rows of the model of ``fit_link``."""
    rows = [[o.repetitions, o.airtime_s, o.payload_bits] for o in observations]
    return transfer_problem(observations, np.array(rows, dtype=np.float64), account)


def tells_airtime(observations: Sequence[Observation]) -> bool:
    """Return whether windows tell what airtime costs from what transfers and bits cost.

    At one rate they do not: airtime is then the bits' time, whatever the sizes.
    """
    spread = _spread(observations, "net")
    rest = np.array([[o.repetitions, o.payload_bits] for o in observations], dtype=np.float64)
    airtime_s = np.array([o.airtime_s for o in observations], dtype=np.float64)
    left = _unexplained((airtime_s / spread)[:, None], rest / spread[:, None])
    return left >= BURST_TOLERANCE


def transfer_problem(
    observations: Sequence[Observation], design: Array, account: Account
) -> LinearModel:
    """Return windows of transfers as rows of a model that a burst's cost is part of.

    Args:
        observations: The windows.
        design: What grows with the transfers, shape (n, p), float64.
        account: Which energy is fitted.

    Returns:
        The problem; its last column is the burst, if the others leave enough of it unexplained.
    """
    spread, burst = _spread(observations, "net")[:, None], np.ones((len(observations), 1))
    if _unexplained(burst / spread, design / spread) >= BURST_TOLERANCE:
        design = np.hstack([design, burst])
    return LinearModel(
        design=design,
        observed=_energies(observations, account),
        spread=_spread(observations, account),
    )


def _unexplained(column: Array, others: Array) -> float:
    """Return the share of a column that a linear combination of others leaves (1 − R²)."""
    norms = np.linalg.norm(others, axis=0)
    q, _ = np.linalg.qr(others / np.where(norms > 0, norms, 1.0))
    left = column - q @ (q.T @ column)
    return float(np.sum(left**2) / np.sum(column**2))


def energy_per_bit(link: PerUnitFit, rate_bit_per_s: float) -> Estimate:
    """Return P_air / r + e_bit, the energy of one more bit at rate r, J/bit."""
    return link.combine(bit_weights(rate_bit_per_s, len(link.values)))


def bit_weights(rate_bit_per_s: float, coefficients: int) -> Array:
    """Return the weights of the link's coefficients in the energy of one more bit."""
    return np.array([0.0, 1.0 / rate_bit_per_s, 1.0, 0.0])[:coefficients]
