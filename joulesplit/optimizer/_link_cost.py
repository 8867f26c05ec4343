"""What a split pays besides computing: the upload, its burst and connection, the answer, the wait.

Every term is one figure of the profile, times how often a candidate takes it. A figure that the
profile does not have counts 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

import msgspec
import numpy as np

from joulesplit.calibrate.profile import LinkFit, Quantity
from joulesplit.metrology import Inputs, not_below_zero
from joulesplit.optimizer._linear_figures import (
    OF_COMPUTING,
    OF_DOWNLOADS,
    OF_IDLE,
    OF_UPLOADS,
    apart_from,
    factor,
    inputs,
    inverse_freedom_of,
    is_uncertain,
    offset_left,
)
from joulesplit.optimizer._link_time import KnownTime, LinkTime
from joulesplit.optimizer._size_prices import LINE_FIGURES, SizePrices, UploadSource
from joulesplit.optimizer._uncertainty import FloatArray
from joulesplit.optimizer._usage import Usage
from joulesplit.optimizer._waiting import Waiting
from joulesplit.optimizer.errors import ProfileUnusableError

BIT, UPLOAD, BURST, CONNECTION, ANSWER_BIT, WAIT, LATENESS = range(7)
"""First columns of the table. Behind them come sizes off the line, and then, for each size that is
sent, what is not known of it because it was not measured."""

FIRST_SIZE = 7

ESTIMATES = (0, 0, 0, 1, 2, 3, 0)
"""What a bit, an upload, a burst, waiting for TCP's window and sizes off the line cost comes from
one fit, the others each from windows of their own."""

NOT_MEASURED = 4
"""The estimate of what a size may be off that was not measured."""

FREEDOM_OF_A_GUESS = 1 / 8
"""1/ν of that: it is known itself to a quarter at best (GUM G.4.2)."""

WINDOWS = (
    *(OF_UPLOADS, OF_UPLOADS, OF_UPLOADS, OF_COMPUTING, OF_DOWNLOADS, OF_IDLE),
    OF_UPLOADS,
)
"""The kind of work whose campaign error is in each column; a phase is measured as computing."""


OF_THE_FIT = (BIT, UPLOAD, BURST, LATENESS)
"""Whose scatter is that of one fit, with that of sizes off the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A figure of the link.

    Attributes:
        figure: J, J/bit or W; None if the profile does not have it.
        lasting_s: How long it lasts, and so how much of P_0 is in it by the gross account: s,
            s/bit for a price of a bit, 1 for P_0 itself. 0 by the net account.
        measured_below_zero: The windows alone had it there.
        campaign_u_rel: What the campaign leaves open of it, relative standard uncertainty.
    """

    figure: Quantity | None = None
    lasting_s: float = 0.0
    measured_below_zero: bool = False
    campaign_u_rel: float = 0.0

    @property
    def value(self) -> float:
        """The figure; 0 if there is none."""
        return self.figure.value if self.figure else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What a profile knows of the link, by one account.

    Attributes:
        e_c: bit/J at ``rate_bit_per_s``.
        rate_bit_per_s: Payload bits per second going up.
        rate_note: What a reader must know of that rate; empty if nothing.
        fit: The link's fit by this account; None without one.
        bit: The price of a bit going up, J/bit: 1/E_c.
        upload: Once per upload, J.
        burst: Once per burst of uploads, J.
        connection: A new connection with one small exchange, J.
        answer_bit: Receiving one bit, J/bit.
        answer_rate_bit_per_s: Rate of receiving, bit/s; None if not known.
        waiting: P_0, W, by the gross account; no figure by the net one, where waiting is free.
        scale_u_rel: Relative standard uncertainty common to every joule.
        idle_u_w: Statistical standard uncertainty of the P_0 in all these figures, W; 0 by the
            net account.
        time: How long uploads take; None if the profile knows no more than their rate.
        late: While TCP's window opens after a pause, W; no figure where ``burst`` has it. P_0 where
            nothing has it, by the gross account.
        late_covariance: See ``Waiting``; None where windows do not tell it.
        connection_s: How long a new connection takes, s; 0 if not known.
        sizes: That were measured; None at another rate than they were, or if not known.
        sizes_u_rel: What the campaign leaves open of uploads if ``sizes`` price them.
    """

    e_c: Quantity
    rate_bit_per_s: float
    rate_note: str
    fit: LinkFit | None
    bit: Term
    upload: Term
    burst: Term
    connection: Term
    answer_bit: Term
    answer_rate_bit_per_s: float | None
    waiting: Term
    scale_u_rel: float
    idle_u_w: float
    time: LinkTime | None = None
    connection_s: float = 0.0
    late: Term = Term()
    late_covariance: FloatArray | None = None
    sizes: SizePrices | None = None
    sizes_u_rel: float | None = None

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every term, in the order of the table's columns."""
        return (
            *(self.bit, self.upload, self.burst, self.connection, self.answer_bit, self.waiting),
            *(self.late, *self._off_line),
        )

    @property
    def _off_line(self) -> tuple[Term, ...]:
        if self.sizes is None:
            return ()
        return tuple(
            Term(figure=figure, lasting_s=lasting_s, campaign_u_rel=self.bit.campaign_u_rel)
            for figure, lasting_s in zip(self.sizes.off_line, self.sizes.lasting_s, strict=True)
        )

    @property
    def windows(self) -> tuple[int, ...]:
        """The kind of work whose campaign error is in each term."""
        return (*WINDOWS, *(OF_UPLOADS for _ in self._off_line))

    @property
    def waits_unpriced(self) -> bool:
        """Whether windows do not tell what the wait for TCP's window after a pause costs.

        Where a burst is not told from the other costs its wait is in none of them.
        """
        told = self.burst.figure is not None or self.late_covariance is not None
        return not told and self.time is not None and self.time.knows_lateness

    def source(self, bits: int) -> UploadSource | None:
        """Say what an upload's size is priced by; None where sizes are not known."""
        return self.sizes.source(bits) if self.sizes else None

    def is_uncertain(self, usage: Usage) -> bool:
        """Say whether every figure that a use of the link takes states what it may be off by."""
        taken = _per_upload(usage, answer_bits=1)
        taken[[BIT, LATENESS]] = 1.0
        figures = [term.figure for term, times in zip(self.terms, taken, strict=False) if times]
        return is_uncertain([figure for figure in figures if figure is not None])


def sending_inputs(
    sending: Sending, usage: Usage, upload_bits: Sequence[int], answer_bits: int
) -> Inputs:
    """Give what each candidate sends, receives and waits.

    Args:
        sending: The profile's figures.
        usage: How often what is once per burst and connection falls on an upload.
        upload_bits: What goes up at l = 0 … L, bit.
        answer_bits: The network's result, which comes back unless l = L, bit.

    Raises:
        ProfileUnusableError: The fit's covariance is not one.
    """
    weights = np.tile(_per_upload(usage, answer_bits), (len(upload_bits), 1))
    # The last candidate stays on the device: nothing goes up, nothing comes back.
    weights[-1] = 0.0
    weights[:, BIT] = upload_bits
    sent = upload_bits[:-1]
    weights[:-1, LATENESS] = [_late_s(sending, bits).value_s for bits in sent]
    weights[:, LATENESS] /= usage.uploads_per_burst
    lefts = [
        offset_left(term.figure, sending.scale_u_rel, term.campaign_u_rel) if term.figure else 0.0
        for term in sending.terms
    ]
    opened, open_j = _open_j(sending, sent, usage)
    nothing = np.zeros(open_j.size)
    estimates = (*ESTIMATES, *(0 for _ in sending.terms[FIRST_SIZE:]))
    idle = sending.idle_u_w * np.array([term.lasting_s for term in sending.terms])
    return inputs(
        np.hstack([weights, _off_line(sending, upload_bits), opened]),
        np.array([*(term.value for term in sending.terms), *nothing]),
        _beside(_statistical(sending), np.diag(open_j)),
        estimates=[*estimates, *(NOT_MEASURED for _ in open_j)],
        inverse_freedom=[*map(inverse_freedom_of, _leading(sending)), FREEDOM_OF_A_GUESS],
        idle=np.append(idle, nothing),
        offset=np.append(lefts, nothing),
        campaign={k: np.append(one, nothing) for k, one in _campaign(sending).items()},
    )


def _beside(first: FloatArray, second: FloatArray) -> FloatArray:
    """Give the effects of causes of which none moves figures of both."""
    above = np.zeros((len(first), len(second)))
    return np.block([[first, above], [above.T, second]])


def _off_line(sending: Sending, upload_bits: Sequence[int]) -> FloatArray:
    """Give how much of each size off the line candidates take; the last one sends nothing."""
    weights = np.zeros((len(upload_bits), len(sending.terms) - FIRST_SIZE))
    if sending.sizes is not None:
        for row, bits in enumerate(upload_bits[:-1]):
            weights[row] = sending.sizes.weights(bits)
    return weights


def _open_j(sending: Sending, sent: Sequence[int], usage: Usage) -> tuple[FloatArray, FloatArray]:
    """Give what is open of each size that was not measured, J, and which candidates take it.

    Candidates of one size share it; what two sizes are off by has nothing in common.

    Returns:
        Weights, shape (L + 1, number of sizes), and standard uncertainties of each size, J.
    """
    sizes = sorted(set(sent))
    weights = np.zeros((len(sent) + 1, len(sizes)))
    for row, bits in enumerate(sent):
        weights[row, sizes.index(bits)] = 1.0
    each = [
        hypot(
            _late_u_j(sending, bits) / usage.uploads_per_burst,
            sending.sizes.open_u_j(bits) if sending.sizes else 0.0,
        )
        for bits in sizes
    ]
    return weights, np.array(each)


def _late_s(sending: Sending, bits: int) -> KnownTime:
    """Give how long a first upload waits for TCP's window, where that has a price of its own."""
    if sending.late.figure is None or sending.time is None:
        return KnownTime(value_s=0.0, error=None)
    return sending.time.lateness(bits)


def _late_u_j(sending: Sending, bits: int) -> float:
    error = _late_s(sending, bits).error
    return abs(sending.late.value) * error.u if error else 0.0


def _campaign(sending: Sending) -> dict[int, FloatArray]:
    """Give what the campaign leaves open of each term, by the kind of work it was measured in."""
    by_size = sending.sizes_u_rel if sending.sizes else None
    kinds = np.array(sending.windows)
    shares = np.array([term.campaign_u_rel for term in sending.terms])
    if by_size is not None:
        shares[kinds == OF_UPLOADS] = by_size
    effects = shares * np.array([term.value for term in sending.terms])
    return {kind: np.where(kinds == kind, effects, 0.0) for kind in set(WINDOWS)}


def _leading(sending: Sending) -> tuple[Quantity | None, ...]:
    """Return a figure of each estimate of scatter, in the order of ``ESTIMATES``."""
    terms = sending.terms
    return tuple(terms[column].figure for column in (BIT, CONNECTION, ANSWER_BIT, WAIT))


def _per_upload(usage: Usage, answer_bits: int) -> FloatArray:
    """Give how often an upload takes each figure but the price of its bits; float64, shape (7,)."""
    times = np.zeros(len(WINDOWS))
    times[UPLOAD] = 1.0
    times[BURST] = 1.0 / usage.uploads_per_burst
    times[CONNECTION] = usage.connections_per_upload
    times[ANSWER_BIT] = answer_bits
    times[WAIT] = usage.server_wait_s or 0.0
    return times


def fit_not_below_zero(
    fit: LinkFit | None, waiting: Waiting | None = None, sizes: SizePrices | None = None
) -> tuple[LinkFit | None, Waiting | None, SizePrices | None, tuple[float, float]]:
    """Return a link's fit once it counts that no upload, burst or wait costs less than nothing.

    What an upload costs for certain less than was measured a bit costs more, for they were fitted
    together. A burst that does not stand clear of nought is nought: taken where chance has it
    above and nought where chance has it below, it would be dearer in the mean than it is. Its
    uncertainty stays.

    Args:
        fit: As measured; None without one.
        waiting: For TCP's window, fitted together with it; None if it is not told apart.
        sizes: Off the line, fitted together with it; None if they are not known.

    Returns:
        The fit, the wait, the sizes, and by how much P_air, W, and e_bit, J/bit, are above what was
        measured.
    """
    if fit is None:
        return None, waiting, sizes, (0.0, 0.0)
    costs = (fit.upload_cost_j, fit.air_power_w, fit.bit_energy_j, fit.burst_cost_j)
    figures = (*costs, waiting.power if waiting else None, *(sizes.off_line if sizes else ()))
    values = np.array([figure.value if figure else 0.0 for figure in figures])
    joint = _joint(_covariance(fit), waiting, sizes)
    known, covariance = _without_unclear_burst(fit, values, joint)
    known = not_below_zero(known, covariance, (0, 3, 4))
    if np.array_equal(known, values):
        return fit, waiting, sizes, (0.0, 0.0)
    upload, air, bit, burst, late = (
        msgspec.structs.replace(figure, value=float(value)) if figure else None
        for figure, value in zip(figures[:LINE_FIGURES], known[:LINE_FIGURES], strict=True)
    )
    changed = msgspec.structs.replace(
        fit, upload_cost_j=upload, air_power_w=air, bit_energy_j=bit, burst_cost_j=burst
    )
    waiting = replace(waiting, power=late) if waiting and late else None
    sizes = sizes.with_values(known[LINE_FIGURES:].tolist()) if sizes else None
    moved = float(known[1] - values[1]), float(known[2] - values[2])
    return changed, waiting, sizes, moved


def _joint(covariance: FloatArray, waiting: Waiting | None, sizes: SizePrices | None) -> FloatArray:
    """Give the covariance of (E_0, P_air, e_bit, E_burst, P_late) and of sizes off the line.

    Float64, shape (5 + D, 5 + D).
    """
    side = LINE_FIGURES + (len(sizes.off_line) if sizes else 0)
    joint = np.zeros((side, side))
    joint[:4, :4] = covariance
    if waiting is not None:
        joint[4, :LINE_FIGURES] = joint[:LINE_FIGURES, 4] = waiting.covariance
    if sizes is not None:
        joint[LINE_FIGURES:] = sizes.covariance
        joint[:LINE_FIGURES, LINE_FIGURES:] = sizes.covariance[:, :LINE_FIGURES].T
    return joint


def _without_unclear_burst(
    fit: LinkFit, values: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Give values and covariance of ``_joint``, with no E_burst if that may be.

    Known to be nought it has no error and shares none: what else moves leaves it there.
    """
    interval = fit.burst_cost_j.ci95 if fit.burst_cost_j is not None else None
    if interval is None or interval[0] > 0.0 or covariance[3, 3] <= 0.0:
        return values, covariance
    gain = covariance[:, 3] / covariance[3, 3]
    known, left = values - gain * values[3], covariance - np.outer(gain, covariance[3])
    known[3], left[3], left[:, 3] = 0.0, 0.0, 0.0
    return known, left


def _statistical(sending: Sending) -> FloatArray:
    """Give the figures' own errors, P_0's apart; float64, shape (7 + D, 7 + D).

    The price of a bit and what uploads, bursts and sizes off the line cost come from one fit and
    share its covariance; the others are independent. Of P_0 nothing is left.
    """
    count = len(sending.terms)
    own = np.zeros((count, count))
    for column in (BIT, CONNECTION, ANSWER_BIT):
        term = sending.terms[column]
        if term.figure is not None:
            common = sending.idle_u_w * term.lasting_s
            own[column, column] = apart_from(term.figure.u_stat, common)
    if sending.fit is not None:
        fitted = (*OF_THE_FIT, *range(FIRST_SIZE, count))
        own[np.ix_(fitted, fitted)] = _fit_factor(sending, sending.fit, fitted)
    return own


def _fit_factor(sending: Sending, fit: LinkFit, fitted: Sequence[int]) -> FloatArray:
    """Give columns for (price of a bit, E_0, E_burst, P_late) and sizes off the line.

    Float64, shape (4 + D, 4 + D).
    """
    waiting = None
    if sending.late.figure is not None and sending.late_covariance is not None:
        waiting = Waiting(power=sending.late.figure, covariance=sending.late_covariance)
    covariance = _joint(_covariance(fit), waiting, sending.sizes)
    off_line = len(fitted) - len(OF_THE_FIT)
    figures = np.zeros((len(fitted), len(covariance)))
    figures[BIT, 1:3] = 1.0 / sending.rate_bit_per_s, 1.0
    figures[UPLOAD, 0] = figures[BURST, 3] = figures[len(OF_THE_FIT) - 1, 4] = 1.0
    figures[len(OF_THE_FIT) :, LINE_FIGURES:] = np.eye(off_line)
    lasting_s = np.array([sending.terms[column].lasting_s for column in fitted])
    common = sending.idle_u_w**2 * np.outer(lasting_s, lasting_s)
    # P_0 is known from other windows than these, so taking its share off may overdraw a little; so
    # may what sizes differ by in their wait, which is stored to six digits.
    return factor(
        figures @ covariance @ figures.T - common,
        "the link's fit",
        overdrawn=sending.idle_u_w > 0.0 or waiting is not None or off_line > 0,
    )


def _covariance(fit: LinkFit) -> FloatArray:
    """Give the covariance of (E_0, P_air, e_bit, E_burst); float64, shape (4, 4).

    Of a profile that keeps it for the first three only, the burst is taken as independent.

    Raises:
        ProfileUnusableError: It is not a covariance.
    """
    stored = np.array(fit.covariance, dtype=np.float64)
    if stored.shape not in {(3, 3), (4, 4)}:
        raise ProfileUnusableError(
            "the profile's covariance of the link's fit is not a covariance; calibrate the link "
            "again"
        )
    covariance = np.zeros((4, 4))
    covariance[3, 3] = (fit.burst_cost_j.u_stat or 0.0) ** 2 if fit.burst_cost_j else 0.0
    covariance[: len(stored), : len(stored)] = stored
    factor(covariance, "the link's fit")
    return covariance
