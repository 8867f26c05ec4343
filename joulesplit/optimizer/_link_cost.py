"""What a split pays besides computing: the upload, its burst and connection, the answer, the wait.

Every term is one figure of the profile, times how often a candidate takes it. A figure that the
profile does not have counts 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
from joulesplit.optimizer._link_time import LinkTime
from joulesplit.optimizer._uncertainty import FloatArray
from joulesplit.optimizer._usage import Usage
from joulesplit.optimizer._waiting import Waiting
from joulesplit.optimizer.errors import ProfileUnusableError

BIT, UPLOAD, BURST, CONNECTION, ANSWER_BIT, WAIT, LATENESS, UNSENT = range(8)
"""Columns of the table; the last one is how long a size waits for TCP's window that was not sent
alone, which is known to lie between what others do."""

ESTIMATES = (0, 0, 0, 1, 2, 3, 0, 4)
"""What a bit, an upload, a burst and waiting for TCP's window cost comes from one fit, the others
each from windows of their own. The last one is a bound."""


WINDOWS = (
    *(OF_UPLOADS, OF_UPLOADS, OF_UPLOADS, OF_COMPUTING, OF_DOWNLOADS, OF_IDLE),
    *(OF_UPLOADS, OF_UPLOADS),
)
"""The kind of work whose campaign error is in each column; a phase is measured as computing."""


OF_THE_FIT = (BIT, UPLOAD, BURST, LATENESS)
"""Whose scatter is that of one fit."""


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
        late: While TCP's window opens after a pause, W; no figure where ``burst`` has it.
        late_covariance: See ``Waiting``; None likewise.
        connection_s: How long a new connection takes, s; 0 if not known.
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

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every term, in the order of the table's columns."""
        return (
            *(self.bit, self.upload, self.burst, self.connection, self.answer_bit, self.waiting),
            *(self.late, Term()),
        )

    def is_uncertain(self, usage: Usage) -> bool:
        """Say whether every figure that a use of the link takes states what it may be off by."""
        taken = _per_upload(usage, answer_bits=1)
        taken[[BIT, LATENESS]] = 1.0
        figures = [term.figure for term, times in zip(self.terms, taken, strict=True) if times]
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
    for row, bits in enumerate(upload_bits[:-1]):
        weights[row, LATENESS:] = _waits(sending, bits) / usage.uploads_per_burst
    lefts = [
        offset_left(term.figure, sending.scale_u_rel, term.campaign_u_rel) if term.figure else 0.0
        for term in sending.terms
    ]
    return inputs(
        weights,
        np.array([term.value for term in sending.terms]),
        _statistical(sending),
        estimates=ESTIMATES,
        inverse_freedom=[inverse_freedom_of(figure) for figure in _leading(sending)],
        idle=sending.idle_u_w * np.array([term.lasting_s for term in sending.terms]),
        offset=np.array(lefts),
        campaign=_campaign(sending),
    )


def _waits(sending: Sending, bits: int) -> FloatArray:
    """Give how long a first upload waits for TCP's window, s, and what that may be off by, J."""
    if sending.late.figure is None or sending.time is None:
        return np.zeros(2)
    late = sending.time.lateness(bits)
    u_s = late.error.u if late.error else 0.0
    return np.array([late.value_s, sending.late.value * u_s])


def _campaign(sending: Sending) -> dict[int, FloatArray]:
    """Give what the campaign leaves open of each term, by the kind of work it was measured in."""
    effects = np.array([term.value * term.campaign_u_rel for term in sending.terms])
    kinds = np.array(WINDOWS)
    return {kind: np.where(kinds == kind, effects, 0.0) for kind in set(WINDOWS)}


def _leading(sending: Sending) -> tuple[Quantity | None, ...]:
    """Return a figure of each estimate of scatter, in the order of ``ESTIMATES``."""
    terms = sending.terms
    return (*(terms[column].figure for column in (BIT, CONNECTION, ANSWER_BIT, WAIT)), None)


def _per_upload(usage: Usage, answer_bits: int) -> FloatArray:
    """Give how often an upload takes each figure but the price of its bits; float64, shape (8,)."""
    times = np.zeros(len(WINDOWS))
    times[UPLOAD] = 1.0
    times[BURST] = 1.0 / usage.uploads_per_burst
    times[CONNECTION] = usage.connections_per_upload
    times[ANSWER_BIT] = answer_bits
    times[WAIT] = usage.server_wait_s or 0.0
    return times


def fit_not_below_zero(
    fit: LinkFit | None, waiting: Waiting | None = None
) -> tuple[LinkFit | None, Waiting | None, tuple[float, float]]:
    """Return a link's fit once it counts that no upload, burst or wait costs less than nothing.

    What an upload costs for certain less than was measured a bit costs more, for they were fitted
    together. A burst that does not stand clear of nought is nought: taken where chance has it
    above and nought where chance has it below, it would be dearer in the mean than it is. Its
    uncertainty stays.

    Args:
        fit: As measured; None without one.
        waiting: For TCP's window, fitted together with it; None if it is not told apart.

    Returns:
        The fit, the wait, and by how much P_air, W, and e_bit, J/bit, are above what was measured.
    """
    if fit is None:
        return None, waiting, (0.0, 0.0)
    costs = (fit.upload_cost_j, fit.air_power_w, fit.bit_energy_j, fit.burst_cost_j)
    figures = (*costs, waiting.power if waiting else None)
    values = np.array([figure.value if figure else 0.0 for figure in figures])
    known, covariance = _without_unclear_burst(fit, values, _joint(_covariance(fit), waiting))
    known = not_below_zero(known, covariance, (0, 3, 4))
    if np.array_equal(known, values):
        return fit, waiting, (0.0, 0.0)
    upload, air, bit, burst, late = (
        msgspec.structs.replace(figure, value=float(value)) if figure else None
        for figure, value in zip(figures, known, strict=True)
    )
    changed = msgspec.structs.replace(
        fit, upload_cost_j=upload, air_power_w=air, bit_energy_j=bit, burst_cost_j=burst
    )
    waiting = replace(waiting, power=late) if waiting and late else None
    return changed, waiting, (float(known[1] - values[1]), float(known[2] - values[2]))


def _joint(covariance: FloatArray, waiting: Waiting | None) -> FloatArray:
    """Give the covariance of (E_0, P_air, e_bit, E_burst, P_late); float64, shape (5, 5)."""
    joint = np.zeros((5, 5))
    joint[:4, :4] = covariance
    if waiting is not None:
        joint[-1] = joint[:, -1] = waiting.covariance
    return joint


def _without_unclear_burst(
    fit: LinkFit, values: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Give values and covariance of (E_0, P_air, e_bit, E_burst, P_late), no E_burst if it may be.

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
    """Give the figures' own errors, P_0's apart; float64, shape (8, 8).

    The price of a bit and what uploads and bursts cost come from one fit and share its
    covariance; the others are independent. Of P_0 nothing is left.
    """
    own = np.zeros((len(WINDOWS), len(WINDOWS)))
    own[UNSENT, UNSENT] = 1.0
    for column in (BIT, CONNECTION, ANSWER_BIT):
        term = sending.terms[column]
        if term.figure is not None:
            common = sending.idle_u_w * term.lasting_s
            own[column, column] = apart_from(term.figure.u_stat, common)
    if sending.fit is not None:
        own[np.ix_(OF_THE_FIT, OF_THE_FIT)] = _fit_factor(sending, sending.fit)
    return own


def _fit_factor(sending: Sending, fit: LinkFit) -> FloatArray:
    """Give columns for (price of a bit, E_0, E_burst, P_late); float64, shape (4, 4)."""
    waiting = None
    if sending.late.figure is not None and sending.late_covariance is not None:
        waiting = Waiting(power=sending.late.figure, covariance=sending.late_covariance)
    covariance = _joint(_covariance(fit), waiting)
    figures = np.zeros((4, 5))
    figures[BIT, 1:3] = 1.0 / sending.rate_bit_per_s, 1.0
    figures[UPLOAD, 0] = figures[BURST, 3] = figures[-1, -1] = 1.0
    lasting_s = np.array([sending.terms[column].lasting_s for column in OF_THE_FIT])
    common = sending.idle_u_w**2 * np.outer(lasting_s, lasting_s)
    # P_0 is known from other windows than these, so taking its share off may overdraw a little; so
    # may what sizes differ by in their wait, which is stored to six digits.
    return factor(
        figures @ covariance @ figures.T - common,
        "the link's fit",
        overdrawn=sending.idle_u_w > 0.0 or waiting is not None,
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
