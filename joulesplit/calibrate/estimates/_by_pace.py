"""What uploads cost at each pace, from that pace's own windows. Pure.

E_w = E_0(pace) · uploads + e(pace) · bits (+ P_late · lateness) (+ E_burst).

Nothing ties one pace to another but what a burst costs, which is the same radio's waking and tail,
and what being awake costs: a bit may cost less unpaced, where frames go in bundles, or more at a
higher rate, and each figure is still that pace's own.

Lateness is by how much longer the first upload of a window took than those that follow it: after a
pause TCP starts anew, the longer the more there is to send. The radio waits awake meanwhile, which
is so told from what every upload costs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._baseline import observations_at_common_idle
from joulesplit.calibrate.estimates._burst_by_size import burst_lack_j
from joulesplit.calibrate.estimates._disturbed import disturbed_uploads
from joulesplit.calibrate.estimates._fitting import (
    BURST_TOLERANCE,
    FEWEST_FREEDOMS,
    LinearModel,
    bit_weights,
    energy_per_bit,
    fit_link,
    link_problem,
    transfer_problem,
    unexplained,
)
from joulesplit.calibrate.estimates._in_stream import (
    FEWEST_SIZES,
    lateness_s,
    lone_lateness_s,
    rate_scatter,
    settled,
    upload_size,
)
from joulesplit.calibrate.estimates._stats import LinearFit, coverage_factor, nested_p
from joulesplit.calibrate.estimates._uncertainty import Estimate
from joulesplit.calibrate.profile import Account
from joulesplit.calibrate.windows import Observation, Pace, WindowRecord
from joulesplit.metrology import Array, degrees_of_factor, linear_u

LATENESS_TOLERANCE = 0.01
"""What the other columns leave of the lateness at least. What waiting costs need not be known well,
only apart from the rest."""

MUCH_LATENESS = 0.03
"""So much has to be told apart even where what a burst costs then cannot be."""

LEAST_LATENESS = 1e-3
"""Root mean square of the lateness over the transfer times that it is worth a figure of its own:
less is what reading clocks makes."""

UNPACED: Pace = "unlimited"
"""Uploads as fast as the link takes them."""

PLANE_FIGURES = 3
"""E_0, P_air and e_bit of ``fit_link``."""

FIGURES_BESIDE = 2
"""Behind the two of each pace: lateness and burst."""

ACCOUNTS: tuple[Account, Account] = ("net", "gross")

BENT_LEVEL = 0.05
"""Sizes that are on a straight line are called bent in so many campaigns; that costs degrees of
freedom and moves nothing. Sizes that are not, and are not called so, are in the uncertainty."""


def told_paces(observations: Sequence[Observation]) -> tuple[Pace, ...]:
    """Return the paces that have figures of their own: unpaced first, then by rate.

    Empty if the windows do not say how they were paced, or are no more than the figures.
    """
    sizes: dict[Pace, set[int]] = defaultdict(set)
    for observation in observations:
        if observation.pace is not None:
            sizes[observation.pace].add(upload_size(observation))
    told = [pace for pace, known in sizes.items() if len(known) >= FEWEST_SIZES]
    windows = sum(observation.pace in told for observation in observations)
    if windows <= 2 * len(told) + FIGURES_BESIDE:
        return ()
    return tuple(sorted(told, key=lambda pace: 0.0 if pace == UNPACED else float(pace)))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeShare:
    """What e of a pace owes to how well it is known what a bit takes in a stream.

    The windows' lateness is held against that time, so their residuals show little of its error.

    Attributes:
        u: Standard uncertainty, J/bit.
        degrees_of_freedom: Behind it.
    """

    u: float
    degrees_of_freedom: float

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval that this alone makes of e, J/bit."""
        return coverage_factor(self.degrees_of_freedom) * self.u

    def widening(self, bit: Estimate) -> Estimate:
        """Return e by the windows' scatter with this as well.

        The intervals of the two are added as what is independent is. Welch's and Satterthwaite's
        formula takes the scatter of two or three windows for what it is by chance.
        """
        u_stat = float(np.hypot(bit.u_stat, self.u))
        if u_stat == bit.u_stat:
            return bit
        own = coverage_factor(bit.degrees_of_freedom) * bit.u_stat
        factor = float(np.hypot(own, self.half_width)) / u_stat
        return replace(bit, u_stat=u_stat, degrees_of_freedom=degrees_of_factor(factor))


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceFit:
    """A fit over windows of several paces.

    Attributes:
        paces: Of which there are figures; columns 2·i and 2·i + 1 are E_0 and e of the i-th.
        fit: Behind those of the paces come bends, the lateness and the burst, as far as told.
        has_burst: Whether what a burst costs could be told.
        has_lateness: Whether what waiting costs could be told.
        first_late_s: By how much longer the first upload of a window of each pace takes, s: mean of
            the sizes, and their standard deviation.
        time_shares: Of the paces whose windows were held against the time in a stream.
        windows: In the fit.
        bends: Paces and sizes of the columns behind those of the paces: how much more an upload
            costs than the straight line from the smallest to the largest size has it. Empty where
            sizes are not bent.
        burst_lacks_j: By how much bursts of different sizes of a pace differ, standard deviation.
    """

    paces: tuple[Pace, ...]
    fit: LinearFit
    windows: int
    has_burst: bool
    has_lateness: bool
    first_late_s: Mapping[Pace, tuple[float, float]]
    time_shares: Mapping[Pace, TimeShare]
    bends: tuple[tuple[Pace, int], ...] = ()
    burst_lacks_j: Mapping[Pace, float] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[int, ...]:
        """Which of E_0, e, E_burst and P_late are told, by their number."""
        told = (True, True, self.has_burst, self.has_lateness)
        return tuple(number for number, is_told in enumerate(told) if is_told)

    def bent_sizes(self, pace: Pace) -> tuple[int, ...]:
        """Return the sizes of a pace with columns of their own, bit."""
        return tuple(size for of, size in self.bends if of == pace)

    def rows(self, pace: Pace) -> tuple[int, ...]:
        """Return the columns of a pace's figures, then of its bends."""
        first = 2 * len(self.paces)
        bends = (first + place for place, (of, _) in enumerate(self.bends) if of == pace)
        return (*self.places(pace), *bends)

    def places(self, pace: Pace) -> tuple[int, ...]:
        """Return the columns of E_0, e and, if told, E_burst and P_late of a pace."""
        first, last = 2 * self.paces.index(pace), len(self.fit.coefficients) - 1
        burst = (last,) if self.has_burst else ()
        lateness = (last - len(burst),) if self.has_lateness else ()
        return (first, first + 1, *burst, *lateness)

    def one(self, column: int) -> Estimate:
        """Return a coefficient."""
        weights = np.zeros(len(self.fit.coefficients))
        weights[column] = 1.0
        estimate = Estimate(
            value=float(self.fit.coefficients[column]),
            u_stat=linear_u(weights, self.fit.covariance),
            degrees_of_freedom=self.fit.degrees_of_freedom,
            n=self.windows,
        )
        share = self._time_share(column)
        return share.widening(estimate) if share else estimate

    def _time_share(self, column: int) -> TimeShare | None:
        """Return what a coefficient owes to the time in a stream: none does but each pace's e."""
        number, is_bit = divmod(column, 2)
        if not is_bit or number >= len(self.paces):
            return None
        return self.time_shares.get(self.paces[number])

    def bit(self, pace: Pace) -> Estimate:
        """Return what one more bit costs at a pace, in the unit of the fit per bit."""
        return self.one(self.places(pace)[1])

    def weights(self, pace: Pace) -> Array:
        """Return the figures of a pace as sums of coefficients, shape (2 to 4 + bends, p), float64.

        Its bends come last. A burst pays for its first upload's lateness, which the windows' own
        column has taken up: the radio is awake while TCP's window opens again.
        """
        places = self.rows(pace)
        weights = np.zeros((len(places), len(self.fit.coefficients)))
        weights[range(len(places)), places] = 1.0
        if self.has_burst and self.has_lateness:
            weights[2, -2] = self.first_late_s[pace][0]
        return weights

    def covariance(self, pace: Pace, idle_w: float = 0.0) -> Array:
        """Return the covariance of those figures, and how sizes differ in their lateness in it.

        Args:
            pace: Of the figures.
            idle_w: What waiting costs beside what was fitted, W.
        """
        weights = self.weights(pace)
        block: Array = weights @ self.fit.covariance @ weights.T
        if pace in self.time_shares:
            block[1, 1] += self.time_shares[pace].u ** 2
        if self.has_burst and self.has_lateness:
            power_w = self.fit.coefficients[-2] + idle_w
            power_w2 = power_w**2 + self.fit.covariance[-2, -2]
            block[2, 2] += power_w2 * self.first_late_s[pace][1] ** 2
        if self.has_burst:
            block[2, 2] += self.burst_lacks_j.get(pace, 0.0) ** 2
        return block


def pace_problem(observations: Sequence[Observation], account: Account) -> LinearModel:
    """Return the windows of all told paces as rows of the model.

    Where sizes are on no straight line, those between the smallest and the largest have columns of
    their own for how far they lie from it: e is then the mean slope between these two.

    Args:
        observations: Windows of told paces only, see ``of_told_paces``.
        account: Which energy is fitted.
    """
    straight = straight_problem(observations, account)
    return _with_bends(straight, observations) if is_bent(observations) else straight


def straight_problem(observations: Sequence[Observation], account: Account) -> LinearModel:
    """Return the same with all sizes of a pace on a straight line."""
    design = with_lateness(_own_columns(observations), observations)
    problem = transfer_problem(observations, design, account)
    if account == "net":
        return problem
    gross_j = np.array([o.gross_j for o in settled(observations)], dtype=np.float64)
    return replace(problem, observed=gross_j)


def is_bent(observations: Sequence[Observation]) -> bool:
    """Return whether the sizes of a pace are on no straight line, by net or by gross energy.

    Uploads that take whole round trips, as with a small window of the receiver, are off it by what
    idling costs meanwhile, and hardly by what is above it.

    Args:
        observations: Windows of told paces only, see ``of_told_paces``.
    """
    return any(_is_bent_by(observations, account) for account in ACCOUNTS)


def _is_bent_by(observations: Sequence[Observation], account: Account) -> bool:
    straight = straight_problem(observations, account)
    bent = _with_bends(straight, observations)
    if len(observations) - bent.design.shape[1] < FEWEST_FREEDOMS:
        return False
    try:
        probability = nested_p(straight.fit(), bent.fit())
    except EstimateError:
        return False
    return probability is not None and probability < BENT_LEVEL / len(ACCOUNTS)


def _with_bends(straight: LinearModel, observations: Sequence[Observation]) -> LinearModel:
    """Return a model with a column more for each size of a pace that lies between two others.

    What a burst and lateness cost stays in it as it was.
    """
    columns = [
        [o.repetitions * (o.pace == pace and upload_size(o) == size) for o in observations]
        for pace, size in _sizes_between(observations)
    ]
    bends = np.array(columns, dtype=np.float64).reshape(len(columns), len(observations)).T
    own = 2 * len(told_paces(observations))
    design = np.hstack([straight.design[:, :own], bends, straight.design[:, own:]])
    return replace(straight, design=design)


def _sizes_between(observations: Sequence[Observation]) -> tuple[tuple[Pace, int], ...]:
    """Return each told pace's sizes that lie between two others of it, bit."""
    return tuple(
        (pace, size)
        for pace in told_paces(observations)
        for size in sizes_of(observations, pace)[1:-1]
    )


def sizes_of(observations: Sequence[Observation], pace: Pace) -> tuple[int, ...]:
    """Return the sizes that went up at a pace, bit, in rising order."""
    return tuple(sorted({upload_size(o) for o in observations if o.pace == pace}))


def _own_columns(observations: Sequence[Observation]) -> Array:
    """Return the columns of E_0 and e of each pace, shape (n, 2 · paces), float64."""
    paces = told_paces(observations)
    design = np.zeros((len(observations), 2 * len(paces)))
    for row, observation in enumerate(observations):
        assert observation.pace is not None
        first = 2 * paces.index(observation.pace)
        design[row, first] = observation.repetitions
        design[row, first + 1] = observation.payload_bits
    return design


def with_lateness(design: Array, observations: Sequence[Observation]) -> Array:
    """Return a design with the windows' lateness as one column more, where there is any.

    Args:
        design: Shape (n, p), float64.
        observations: The windows, n of them, each of a known pace.
    """
    late_s = np.zeros(len(observations))
    airtime_s = np.array([observation.airtime_s for observation in observations])
    for pace in {observation.pace for observation in observations}:
        own = np.array([observation.pace == pace for observation in observations])
        late_s[own] = lateness_s([o for o in observations if o.pace == pace])
    if float(np.sqrt(np.mean((late_s / airtime_s) ** 2))) < LEAST_LATENESS:
        return design
    spread = np.sqrt([o.work_s + o.settle_s for o in observations])[:, None]
    # As the windows count in the fit: half of a few milliseconds is next to nothing.
    late_rel = float(
        np.linalg.norm(late_s / spread[:, 0]) / np.linalg.norm(airtime_s / spread[:, 0])
    )
    column, burst = late_s[:, None], np.ones((len(observations), 1))
    # What is late by the same each time is what a burst costs, and that is not given up for little.
    late_apart = unexplained(column / spread, np.hstack([design, burst]) / spread)
    burst_apart = unexplained(burst / spread, np.hstack([design, column]) / spread)
    told = late_apart >= LATENESS_TOLERANCE
    told = told and (late_rel * late_apart**0.5 >= MUCH_LATENESS or burst_apart >= BURST_TOLERANCE)
    return np.hstack([design, column]) if told else design


def of_told_paces(observations: Sequence[Observation]) -> list[Observation]:
    """Return the windows whose pace has figures of its own."""
    paces = told_paces(observations)
    return [observation for observation in observations if observation.pace in paces]


def fit_paces(observations: Sequence[Observation], account: Account) -> PaceFit:
    """Fit the windows of all told paces.

    Raises:
        EstimateError: No pace can be told, or the windows do not determine the figures.
    """
    told = of_told_paces(observations)
    if not told:
        raise EstimateError(
            "no pace has uploads of two sizes, so what a bit costs is not told from what an "
            "upload costs: raise upload_sizes in the plan"
        )
    problem = pace_problem(told, account)
    fit, paces, has_burst = problem.fit(), told_paces(told), _has_burst_column(told)
    has_lateness = _has_lateness_column(told)
    # Without the column net windows are held against nothing: their residuals show it all.
    is_held = account == "gross" or has_lateness
    return PaceFit(
        paces=paces,
        fit=fit,
        windows=len(told),
        has_burst=has_burst,
        has_lateness=has_lateness,
        first_late_s=_first_late_s(told),
        time_shares=_time_shares(told, fit) if is_held else {},
        bends=_sizes_between(told) if is_bent(told) else (),
        burst_lacks_j={pace: burst_lack_j(problem, told, pace) for pace in paces if has_burst},
    )


def _time_shares(told: Sequence[Observation], fit: LinearFit) -> dict[Pace, TimeShare]:
    """Return what the paces owe to the time in a stream, where windows were held against it.

    A bit is on the air at the power that its energy over its time is.
    """
    shares = {}
    for place, pace in enumerate(told_paces(told)):
        scatter = rate_scatter([o for o in told if o.pace == pace])
        if scatter is not None and scatter.u_rel > 0.0:
            shares[pace] = TimeShare(
                u=abs(float(fit.coefficients[2 * place + 1])) * scatter.u_rel,
                degrees_of_freedom=scatter.degrees_of_freedom,
            )
    return shares


def _first_late_s(told: Sequence[Observation]) -> dict[Pace, tuple[float, float]]:
    return {pace: _over_sizes([o for o in told if o.pace == pace]) for pace in told_paces(told)}


def _has_lateness_column(told: Sequence[Observation]) -> bool:
    own = _own_columns(told)
    return bool(with_lateness(own, told).shape[1] > own.shape[1])


def _over_sizes(own: Sequence[Observation]) -> tuple[float, float]:
    """Return mean and standard deviation, over the sizes of a pace, of a first lateness, s."""
    means_s = [late_s.mean() for late_s in lone_lateness_s(own).values()]
    return float(np.mean(means_s)), float(np.std(means_s, ddof=1))


def _has_burst_column(told: Sequence[Observation]) -> bool:
    without = with_lateness(_own_columns(told), told).shape[1]
    return bool(straight_problem(told, "net").design.shape[1] > without)


def upload_observations(records: Sequence[WindowRecord]) -> list[Observation]:
    """Return the upload windows that the link's figures come from: those of one and the same link.

    Args:
        records: Every window of the campaign, in order of time.
    """
    left_out = disturbed_uploads(records)
    uploads = [place for place, record in enumerate(records) if record.task.kind == "upload"]
    observations = observations_at_common_idle(records, "upload")
    return [o for place, o in zip(uploads, observations, strict=True) if place not in left_out]


def stated_pace(observations: Sequence[Observation], rate_bit_per_s: float) -> Pace | None:
    """Return the pace that E_c is stated at: unpaced, as an inference sends, if that was measured.

    Args:
        observations: Of uploads.
        rate_bit_per_s: That E_c is stated at where nothing went unpaced, bit/s.

    Returns:
        None where the windows do not give figures of that pace; then E_c is the plane's.
    """
    told = told_paces(observations)
    if UNPACED in told:
        return UNPACED
    return rate_bit_per_s if rate_bit_per_s in told else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BitFigure:
    """One more bit at the pace that E_c is stated at, as a weighted sum of a fit's coefficients.

    Attributes:
        problem: The windows.
        weights: Of its coefficients, shape (p,), float64.
        energy: J/bit.
        duration_s: How much longer the work lasts for it, s/bit.
        time_half: Of the interval of 95 % what the windows' scatter does not show of how long it
            takes in a stream, J/bit.
    """

    problem: LinearModel
    weights: Array
    energy: Estimate
    duration_s: float
    time_half: float = 0.0


def stated_bit(
    observations: Sequence[Observation], rate_bit_per_s: float, account: Account
) -> BitFigure:
    """Return the energy of one more bit as E_c states it.

    Args:
        observations: Upload windows, see ``upload_observations``.
        rate_bit_per_s: See ``stated_pace``.
        account: Which energy.

    Raises:
        EstimateError: The windows do not determine it.
    """
    pace = stated_pace(observations, rate_bit_per_s)
    if pace is None:
        plane = link_problem(observations, account)
        return BitFigure(
            problem=plane,
            weights=bit_weights(rate_bit_per_s, plane.design.shape[1]),
            energy=energy_per_bit(fit_link(observations, account), rate_bit_per_s),
            duration_s=1 / rate_bit_per_s,
        )
    told = of_told_paces(observations)
    fit = fit_paces(told, account)
    column = fit.places(pace)[1]
    problem = pace_problem(told, account)
    weights = np.zeros(problem.design.shape[1])
    weights[column] = 1.0
    lasting = lasting_of(problem, told)
    return BitFigure(
        problem=problem,
        weights=weights,
        energy=fit.bit(pace),
        duration_s=float(lasting[column]),
        time_half=fit.time_shares[pace].half_width if pace in fit.time_shares else 0.0,
    )


def sent_weights(
    observations: Sequence[Observation],
    pace: Pace,
    amounts: tuple[float, float, float, float],
) -> Array:
    """Return the weights of ``upload_problem`` in what is sent at a pace, shape (p,).

    Args:
        observations: Of told paces.
        pace: One of them.
        amounts: Uploads, airtime (part of the bits here), bits and bursts.
    """
    uploads, _, bits, bursts = amounts
    weights = np.zeros(upload_problem(observations, "net").design.shape[1])
    first = 2 * told_paces(observations).index(pace)
    weights[first], weights[first + 1] = uploads, bits
    if _has_burst_column(observations):
        weights[-1] = bursts
    return weights


def lasting_of(problem: LinearModel, observations: Sequence[Observation]) -> Array:
    """Return how long each coefficient of a problem lasts, s: the work's length against the same.

    Raises:
        EstimateError: The windows do not determine it.
    """
    lengths_s = np.array([o.work_s for o in settled(observations)], dtype=np.float64)
    return replace(problem, observed=lengths_s).fit().coefficients


def upload_problem(observations: Sequence[Observation], account: Account) -> LinearModel:
    """Return windows as rows of the model that their scatter is judged by.

    Each pace has its own figures; where the windows do not say how they were paced, it is the
    plane of ``fit_link``.
    """
    if len(of_told_paces(observations)) == len(observations):
        return pace_problem(observations, account)
    return link_problem(observations, account)


def bit_columns(observations: Sequence[Observation]) -> slice:
    """Return the columns of ``upload_problem`` that grow with what is sent."""
    paces = told_paces(observations)
    return slice(1, 2 * len(paces), 2) if paces else slice(1, 3)


def has_burst(observations: Sequence[Observation]) -> bool:
    """Return whether windows tell what a burst of uploads costs once.

    Raises:
        EstimateError: They do not determine the figures.
    """
    told = of_told_paces(observations)
    if told:
        return fit_paces(told, "net").has_burst
    return bool(link_problem(observations, "net").design.shape[1] > PLANE_FIGURES)
