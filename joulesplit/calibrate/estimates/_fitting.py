"""Window energies to energy per inference and per bit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._starts import StartGroup, start_groups
from joulesplit.calibrate.estimates._stats import LinearFit, weighted_fit
from joulesplit.calibrate.estimates._uncertainty import Estimate
from joulesplit.calibrate.profile import Account
from joulesplit.calibrate.windows import Observation
from joulesplit.metrology import Array, linear_u

FEWEST_FREEDOMS = 4
"""Degrees of freedom that figures of each size have to leave."""

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
        starts: What each subject in turn costs once per window; empty where none is told.
    """

    values: Array
    covariance: Array
    degrees_of_freedom: int
    windows: int
    n: tuple[int, ...]
    scale: float
    studentised: Array
    starts: tuple[Estimate, ...] = ()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearModel:
    """Windows as rows of a linear model E = X·β.

    Behind the windows may stand rows that are none: each says that a coefficient is nought, give
    or take its spread. So the least-squares fit of all rows is the best linear unbiased one of a
    model in which these coefficients are drawn by chance (Henderson, Biometrics 31, 1975).

    Attributes:
        design: X, shape (n, p), float64.
        observed: E, shape (n,), float64, J.
        spread: Expected standard deviation of each E up to a common factor, shape (n,), float64.
        prior_rows: How many rows at the end are not windows.
        freedom_spent: Degrees of freedom that the coefficients of these rows take.
    """

    design: Array
    observed: Array
    spread: Array
    prior_rows: int = 0
    freedom_spent: int = 0

    @property
    def windows(self) -> int:
        """Rows that are windows."""
        return len(self.observed) - self.prior_rows

    @property
    def even_spread(self) -> Array:
        """The spread if all windows scattered alike, shape (n,), float64."""
        even = np.ones_like(self.spread)
        typical = np.sqrt(np.mean(self.spread[: self.windows] ** 2))
        even[self.windows :] = self.spread[self.windows :] / typical
        return even

    def fit(self) -> LinearFit:
        """Return the weighted fit of all rows, see ``stats.weighted_fit``."""
        fit = weighted_fit(self.design, self.observed, self.spread)
        freedom = max(1, fit.degrees_of_freedom - self.freedom_spent)
        return replace(fit, degrees_of_freedom=freedom)

    def fit_of_windows(self) -> LinearFit:
        """Return the same fit, with residuals, leverage and gain of the windows alone."""
        fit, rows = self.fit(), slice(self.windows)
        return replace(
            fit,
            residuals=fit.residuals[rows],
            leverage=fit.leverage[rows],
            gain=fit.gain[:, rows],
            raw_residuals=fit.raw_residuals[rows],
        )

    def without(self, flagged: NDArray[np.bool_]) -> LinearModel:
        """Return the problem with the flagged windows left out."""
        kept = ~flagged
        return replace(
            self, design=self.design[kept], observed=self.observed[kept], spread=self.spread[kept]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SubjectModel:
    """Windows of subjects, each with a slope and what it costs to start it.

    Attributes:
        problem: Columns: mean start of the first group, slopes of the subjects, mean starts of
            the other groups, differences of starts from the mean.
        start_columns: Of each subject in turn: the columns that add up to its start.
        first_kind: Subjects, from 0, of the kind whose mean start is stated.
    """

    problem: LinearModel
    start_columns: tuple[tuple[int, ...], ...]
    first_kind: tuple[int, ...]

    def fit(self, counts: Sequence[int]) -> PerUnitFit:
        """Return mean start and slopes, and the start of every subject.

        Args:
            counts: Windows of each subject in turn.
        """
        fit, windows = self.problem.fit(), self.problem.windows
        wanted = np.vstack([self._mean_start, *np.eye(len(fit.coefficients))[self._slopes]])
        return PerUnitFit(
            values=wanted @ fit.coefficients,
            covariance=wanted @ fit.covariance @ wanted.T,
            degrees_of_freedom=fit.degrees_of_freedom,
            windows=windows,
            n=(windows, *counts),
            scale=fit.scale,
            studentised=fit.studentised[:windows],
            starts=tuple(
                _sum_of(fit, self._start(subject), windows)
                for subject in range(len(self.start_columns))
            ),
        )

    @property
    def _slopes(self) -> slice:
        return slice(1, 1 + len(self.start_columns))

    def _start(self, subject: int) -> Array:
        weights = np.zeros(self.problem.design.shape[1])
        weights[list(self.start_columns[subject])] = 1.0
        return weights

    @property
    def _mean_start(self) -> Array:
        starts = [self._start(subject) for subject in self.first_kind]
        mean: Array = np.mean(starts, axis=0)
        return mean


def _sum_of(fit: LinearFit, weights: Array, windows: int) -> Estimate:
    return Estimate(
        value=float(weights @ fit.coefficients),
        u_stat=linear_u(weights, fit.covariance),
        degrees_of_freedom=fit.degrees_of_freedom,
        n=windows,
    )


def _subject_model(
    observations: Sequence[Observation],
    observed: Array,
    spread: Array,
    subject_count: int,
    kinds: Sequence[int] | None,
) -> _SubjectModel:
    """Return windows as rows of E_w = E_start,s + e_s(w) · n_w, see ``start_groups``.

    Raises:
        EstimateError: A subject has no window.
    """
    _require_every_block(observations, subject_count)
    subjects = np.array([o.block for o in observations], dtype=np.intp)
    repetitions = np.array([o.repetitions for o in observations], dtype=np.float64)
    kinds = kinds or [0] * subject_count
    groups = start_groups(subjects, repetitions, observed, spread, kinds)
    slopes = (subjects[:, None] == np.arange(1, subject_count + 1)) * repetitions[:, None]
    first, *others = [np.isin(subjects, group.subjects)[:, None] for group in groups]
    design = np.hstack([first, slopes, *others]).astype(np.float64)
    means = (0, *range(1 + subject_count, design.shape[1]))
    starts: dict[int, tuple[int, ...]] = {
        s: (m,) for m, group in zip(means, groups, strict=True) for s in group.subjects
    }
    problem = LinearModel(design=design, observed=observed, spread=spread)
    for group in groups:
        if group.spread > 0:
            for subject in group.subjects:
                starts[subject] = (*starts[subject], problem.design.shape[1])
                problem = _with_own_start(problem, subjects == subject, group)
    spent = sum(group.freedom_spent for group in groups)
    return _SubjectModel(
        problem=replace(problem, freedom_spent=spent),
        start_columns=tuple(starts[s] for s in range(1, subject_count + 1)),
        first_kind=tuple(np.flatnonzero(np.array(kinds) == kinds[0]).tolist()),
    )


def _with_own_start(
    problem: LinearModel, of_subject: NDArray[np.bool_], group: StartGroup
) -> LinearModel:
    """Return the problem with one more column, the difference of a subject's start, and its row."""
    rows, columns = problem.design.shape
    design = np.zeros((rows + 1, columns + 1))
    design[:rows, :columns] = problem.design
    design[: problem.windows, columns] = of_subject
    design[rows, columns] = 1.0
    return LinearModel(
        design=design,
        observed=np.append(problem.observed, 0.0),
        spread=np.append(problem.spread, group.spread),
        prior_rows=problem.prior_rows + 1,
    )


def _block_model(
    observations: Sequence[Observation],
    block_count: int,
    account: Account,
    kinds: Sequence[int] | None,
) -> _SubjectModel:
    energies, spread = _energies(observations, account), _spread(observations, account)
    return _subject_model(observations, energies, spread, block_count, kinds)


def block_problem(
    observations: Sequence[Observation], block_count: int, account: Account
) -> LinearModel:
    """Return the compute windows as rows of E_w = E_start,l(w) + e_l(w) · n_w.

    The first column is the mean start of the first blocks, the next ones are e_1 … e_L.

    Raises:
        EstimateError: A block has no window.
    """
    return _block_model(observations, block_count, account, None).problem


def _require_every_block(observations: Sequence[Observation], block_count: int) -> None:
    if not observations:
        raise EstimateError("no window of computing was measured: the plan left all of them out")
    missing = set(range(1, block_count + 1)) - {o.block for o in observations}
    if missing:
        raise EstimateError(
            f"block {min(missing)} was never measured: the plan left it out, or the campaign was "
            "cut short and --resume measures it"
        )


def fit_blocks(
    observations: Sequence[Observation],
    block_count: int,
    account: Account,
    *,
    kinds: Sequence[int] | None = None,
) -> PerUnitFit:
    """Fit E_w = E_start,l(w) + e_l(w) · n_w over all compute windows at once.

    The slopes are the energies per inference. What a window costs once is as much common to all
    subjects as their windows say (``joulesplit.calibrate.estimates._starts``).

    Args:
        observations: Compute windows; every block in at least one, of at least two sizes overall.
        block_count: L.
        account: Which energy is fitted.
        kinds: Of each block in turn, or of what else stands in its place: the starts of each kind
            have a mean of their own. None for one kind.

    Returns:
        Coefficients (E_window, e_1 … e_L), J, E_window being the mean start of the first block's
        kind.

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    model = _block_model(observations, block_count, account, kinds)
    return model.fit(_counts(observations, block_count))


def _counts(observations: Sequence[Observation], block_count: int) -> list[int]:
    return [sum(o.block == block for o in observations) for block in range(1, block_count + 1)]


def _latency_model(
    observations: Sequence[Observation], block_count: int, kinds: Sequence[int] | None
) -> _SubjectModel:
    work = np.array([o.work_s for o in observations], dtype=np.float64)
    return _subject_model(observations, work, np.sqrt(work), block_count, kinds)


def latency_problem(observations: Sequence[Observation], block_count: int) -> LinearModel:
    """Return the compute windows as rows of T_w = T_start,l(w) + t_l(w) · n_w, in s, not J.

    Raises:
        EstimateError: A block has no window.
    """
    return _latency_model(observations, block_count, None).problem


def fit_latency(
    observations: Sequence[Observation], block_count: int, *, kinds: Sequence[int] | None = None
) -> PerUnitFit:
    """Fit the duration of a window against its repetitions, as ``fit_blocks`` does energy.

    Returns:
        Coefficients (per window, t_1 … t_L), s.

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    model = _latency_model(observations, block_count, kinds)
    return model.fit(_counts(observations, block_count))


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
    return PerUnitFit(
        values=fit.coefficients,
        covariance=fit.covariance,
        degrees_of_freedom=fit.degrees_of_freedom,
        windows=len(fit.residuals),
        n=(len(observations),) * len(fit.coefficients),
        scale=fit.scale,
        studentised=fit.studentised,
    )


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
    left = unexplained((airtime_s / spread)[:, None], rest / spread[:, None])
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
    if unexplained(burst / spread, design / spread) >= BURST_TOLERANCE:
        design = np.hstack([design, burst])
    return LinearModel(
        design=design,
        observed=_energies(observations, account),
        spread=_spread(observations, account),
    )


def unexplained(column: Array, others: Array) -> float:
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
