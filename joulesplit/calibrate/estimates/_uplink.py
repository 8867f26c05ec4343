"""Upload windows to E_c and the fit behind it, by both accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import hypot

import msgspec
import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._baseline import at_idle, idle_estimate
from joulesplit.calibrate.estimates._by_pace import (
    ACCOUNTS,
    UNPACED,
    fit_paces,
    lasting_of,
    of_told_paces,
    pace_problem,
    sizes_of,
    stated_bit,
    stated_pace,
    told_paces,
    upload_observations,
)
from joulesplit.calibrate.estimates._campaign_terms import campaign_error, with_campaign
from joulesplit.calibrate.estimates._disturbed import undisturbed_uploads
from joulesplit.calibrate.estimates._fitting import (
    PerUnitFit,
    energy_per_bit,
    fit_link,
    link_problem,
)
from joulesplit.calibrate.estimates._link_diagnostics import link_diagnostics, rates_reached
from joulesplit.calibrate.estimates._method_views import e_c_views
from joulesplit.calibrate.estimates._uncertainty import (
    Estimate,
    quantity,
    reciprocal,
    require_positive,
)
from joulesplit.calibrate.estimates._upload_time import upload_time
from joulesplit.calibrate.profile import (
    Account,
    EstimateView,
    GrossNet,
    LinkDiagnostics,
    LinkFit,
    OffLine,
    RateCost,
    Uplink,
    UploadCosts,
    UploadTime,
)
from joulesplit.calibrate.windows import Observation, Pace, WindowRecord
from joulesplit.metrology import Array, SystematicBudget

CARRIED_SHARE = 0.95
"""A pace is carried if its bits come to so much of it."""

COST_UNITS = ("J", "J/bit", "J", "W")
"""Of the figures of one pace: E_0, e, E_burst, P_late."""

LINK_FIT_UNITS = ("J", "W", "J/bit", "J")
"""Of the coefficients of ``fitting.fit_link``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _LinkFits:
    """The fits of one campaign's uploads.

    Attributes:
        net, gross: J against uploads, airtime, bits and, where it can be told, bursts.
        lasting: The windows' length against the same: how long each of them lasts.
        idle: P_0, W.
    """

    net: PerUnitFit
    gross: PerUnitFit
    lasting: Array
    idle: Estimate


def uplink_of(
    records: Sequence[WindowRecord], rate_bit_per_s: float, budget: SystematicBudget
) -> Uplink:
    """Return E_c as an inference uploads, at each pace, and the fit for rates in between.

    Args:
        records: Every window of the campaign, in order of time.
        rate_bit_per_s: That E_c is stated at where nothing went unpaced, bit/s.
        budget: The sensor's systematic terms.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    of_a_bit, by_size = (
        with_campaign(budget, records, ("upload",), of_a_bit=one, by_size=not one)
        for one in (True, False)
    )
    budget = with_campaign(budget, records, ("upload",))
    observations = upload_observations(records)
    idle = idle_estimate(records)
    told = told_paces(observations)
    paces = _Paces(observations, idle, budget, of_a_bit) if told else None
    uplink = _plane(observations, rate_bit_per_s, idle, budget)
    views = _views(observations, rate_bit_per_s, idle)
    if paces is None:
        return msgspec.structs.replace(uplink, views=views)
    uplink = _by_pace(uplink, paces, records, rate_bit_per_s)
    if uplink.stated is not None and uplink.stated.off_line:
        uplink = msgspec.structs.replace(uplink, campaign_of_sizes=campaign_error(by_size))
    return msgspec.structs.replace(uplink, views=views)


def _plane(
    observations: Sequence[Observation],
    rate_bit_per_s: float,
    idle: Estimate,
    budget: SystematicBudget,
) -> Uplink:
    """Return what the fit over all rates says, at the stated one too."""
    fits = _fits(observations, idle)
    net = _link_fit(fits.net, observations, budget, diagnostics=link_diagnostics(observations))
    return Uplink(
        rate_bit_per_s=rate_bit_per_s,
        e_c_bit_per_j=_bits_per_joule(fits, rate_bit_per_s, budget),
        fit=net,
        fit_gross=_link_fit(_at_stated_idle(fits), observations, budget, lasting=fits.lasting),
        at_rates=tuple(_at_rates(fits, rates_reached(observations), budget)),
        campaign=campaign_error(budget),
    )


def _views(
    observations: Sequence[Observation], rate_bit_per_s: float, idle: Estimate
) -> tuple[EstimateView, ...]:
    net, gross = (stated_bit(observations, rate_bit_per_s, account) for account in ACCOUNTS)
    shared_half_j = hypot(idle.half_width * gross.duration_s, gross.time_half)
    return (
        *e_c_views(net, "net", shared_half_j=net.time_half),
        *e_c_views(gross, "gross", shared_half_j=shared_half_j),
    )


class _Paces:
    """What uploads cost at each pace, from its own windows.

    Args:
        observations: Upload windows of one and the same link.
        idle: P_0, W.
        budget: The systematic terms of what is sent.
        of_a_bit: Of the price of one more bit.
    """

    def __init__(
        self,
        observations: Sequence[Observation],
        idle: Estimate,
        budget: SystematicBudget,
        of_a_bit: SystematicBudget,
    ) -> None:
        told = of_told_paces(observations)
        self.observations, self._idle = told, idle
        self._budget, self._of_a_bit = budget, of_a_bit
        self.net, self.gross = fit_paces(told, "net"), fit_paces(told, "gross")
        self.lasting = lasting_of(pace_problem(told, "gross"), told)

    def e_c(self, pace: Pace) -> GrossNet:
        """Return E_c at a pace, bit/J.

        Raises:
            EstimateError: The energy per bit is not known to be above zero.
        """
        at = f"at {pace} bit/s, J/bit," if pace != UNPACED else "of unpaced uploads, J/bit,"
        gross_bit, net_bit = (
            require_positive(fit.bit(pace), f"the {account} energy per bit {at}")
            for account, fit in (("gross", self.gross), ("net", self.net))
        )
        bit_s = float(self.lasting[self.net.places(pace)[1]])
        gross_bit = at_idle(gross_bit, bit_s, self._idle)
        gross_j = quantity(gross_bit, "J/bit", self._of_a_bit, offset_duration=bit_s)
        return GrossNet(
            gross=reciprocal(1.0, gross_j, "bit/J"),
            net=reciprocal(1.0, quantity(net_bit, "J/bit", self._of_a_bit), "bit/J"),
        )

    def costs(self, pace: Pace, account: Account) -> UploadCosts:
        """Return what an upload costs at a pace as a profile keeps it."""
        fit = self.net if account == "net" else self.gross
        places = fit.rows(pace)
        sizes = fit.bent_sizes(pace)
        lasting_s = self._lasting_s(pace) if account == "gross" else np.zeros_like(places)
        idle_w = self._idle.value if account == "gross" else 0.0
        late_s = self._late_s(pace) * idle_w
        covariance = fit.covariance(pace, idle_w)
        covariance += self._idle.u_stat**2 * np.outer(lasting_s, lasting_s)
        values = fit.weights(pace) @ fit.fit.coefficients + late_s
        units = (*(COST_UNITS[column] for column in fit.columns), *("J" for _ in sizes))
        figures = [
            quantity(
                replace(
                    fit.one(place),
                    value=float(values[row]),
                    u_stat=float(np.sqrt(covariance[row, row])),
                ),
                units[row],
                self._budget,
                offset_duration=float(lasting_s[row]),
            )
            for row, place in enumerate(places)
        ]
        by_column = dict(zip(fit.columns, figures, strict=False))
        return UploadCosts(
            upload_cost_j=by_column[0],
            bit_energy_j=by_column[1],
            burst_cost_j=by_column.get(2),
            waiting_power_w=by_column.get(3),
            covariance=tuple(tuple(float(x) for x in row) for row in covariance),
            payload_bits=sizes_of(self.observations, pace),
            off_line=tuple(
                OffLine(payload_bits=size, energy_j=figure)
                for size, figure in zip(sizes, figures[len(fit.columns) :], strict=True)
            ),
        )

    def _late_s(self, pace: Pace) -> Array:
        """Return how long each figure waits for TCP's window, which the gross fit has without P_0.

        A burst waits as long as the first uploads of the sizes do on average, and a watt of waiting
        is one of P_0 as well.
        """
        late_s = {2: self.gross.first_late_s[pace][0], 3: 1.0}
        of_figures = [late_s.get(column, 0.0) for column in self.gross.columns]
        return np.array([*of_figures, *(0.0 for _ in self.gross.bent_sizes(pace))])

    def _lasting_s(self, pace: Pace) -> Array:
        return self.gross.weights(pace) @ self.lasting + self._late_s(pace)


def reached_bit_per_s(observations: Sequence[Observation], pace: Pace) -> float:
    """Return the rate that a pace's bits came to, whatever each upload takes besides, bit/s."""
    own = [o for o in observations if o.pace == pace]
    rows = np.array([[o.repetitions, o.payload_bits] for o in own], dtype=np.float64)
    airtime_s = np.array([o.airtime_s for o in own], dtype=np.float64)
    weights = 1 / np.sqrt(airtime_s)
    slopes = np.linalg.lstsq(rows * weights[:, None], airtime_s * weights, rcond=None)[0]
    return float(1 / slopes[1])


def _is_carried(observations: Sequence[Observation], pace: Pace) -> bool:
    if pace == UNPACED:
        return True
    return reached_bit_per_s(observations, pace) >= CARRIED_SHARE * float(pace)


def _by_pace(
    uplink: Uplink, paces: _Paces, records: Sequence[WindowRecord], rate_bit_per_s: float
) -> Uplink:
    """Return an uplink whose figures are those of each pace's own windows."""
    at_rates = tuple(_carried(paces))
    pace = stated_pace(paces.observations, rate_bit_per_s)
    uplink = msgspec.structs.replace(
        uplink, at_rates=at_rates, fit=_with_misfit(uplink.fit, at_rates)
    )
    if pace is None:
        return uplink
    return msgspec.structs.replace(
        uplink,
        rate_bit_per_s=_stated_rate(paces, pace),
        e_c_bit_per_j=paces.e_c(pace),
        stated=paces.costs(pace, "net"),
        stated_gross=paces.costs(pace, "gross"),
        unpaced=pace == UNPACED,
        time=_time(records, pace),
    )


def _stated_rate(paces: _Paces, pace: Pace) -> float:
    if pace != UNPACED and _is_carried(paces.observations, pace):
        return float(pace)
    return float(f"{reached_bit_per_s(paces.observations, pace):.4g}")


def _carried(paces: _Paces) -> Iterator[RateCost]:
    """Return E_c at each paced rate that the link carried, if it is known to be above zero."""
    for pace in paces.net.paces:
        if pace == UNPACED or not _is_carried(paces.observations, pace):
            continue
        try:
            e_c = paces.e_c(pace)
        except EstimateError:
            continue
        yield RateCost(rate_bit_per_s=float(pace), e_c_bit_per_j=e_c)


def _with_misfit(fit: LinkFit | None, at_rates: Sequence[RateCost]) -> LinkFit | None:
    """Return the fit with what the paces' own figures depart from it, as an uncertainty.

    What lies between measured rates is not known better than the measured ones lie on the fit.
    """
    if fit is None or not at_rates:
        return fit
    departures = [
        (fit.air_power_w.value / cost.rate_bit_per_s + fit.bit_energy_j.value)
        * cost.e_c_bit_per_j.net.value
        - 1
        for cost in at_rates
        if cost.e_c_bit_per_j.net is not None
    ]
    rms = (sum(one**2 for one in departures) / len(departures)) ** 0.5
    return msgspec.structs.replace(fit, misfit_u_rel=rms)


def _time(records: Sequence[WindowRecord], pace: Pace) -> UploadTime | None:
    own = [record for record in undisturbed_uploads(records) if record.pace == pace]
    try:
        return upload_time(own, pace)
    except EstimateError:
        return None


def rates_not_carried(records: Sequence[WindowRecord]) -> tuple[float, ...]:
    """Return the paces of a campaign that the link did not carry, bit/s: they have no figure."""
    told = of_told_paces(upload_observations(records))
    return tuple(float(pace) for pace in told_paces(told) if not _is_carried(told, pace))


def rates_left_out(uplink: Uplink, records: Sequence[WindowRecord]) -> tuple[float, ...]:
    """Return the rates at which a bit's energy is not told from zero, bit/s; see ``at_rates``.

    Args:
        uplink: With its figures.
        records: Every window of the campaign.
    """
    stated = {cost.rate_bit_per_s for cost in uplink.at_rates}
    measured = uplink.fit.rates_bit_per_s if uplink.fit else ()
    told = told_paces(upload_observations(records))
    if told:
        not_carried = rates_not_carried(records)
        paced = [float(pace) for pace in told if pace != UNPACED]
        measured = tuple(rate for rate in paced if rate not in not_carried)
    return tuple(rate for rate in measured if rate not in stated)


def _fits(observations: Sequence[Observation], idle: Estimate) -> _LinkFits:
    problem = link_problem(observations, "gross")
    lengths_s = np.array([observation.work_s for observation in observations], dtype=np.float64)
    return _LinkFits(
        net=fit_link(observations, "net"),
        gross=fit_link(observations, "gross"),
        lasting=replace(problem, observed=lengths_s).fit().coefficients,
        idle=idle,
    )


def _at_stated_idle(fits: _LinkFits) -> PerUnitFit:
    """Return the gross fit with the uncertainty of the P_0 that it is stated at.

    A P_0 that is too high by δ makes each coefficient too high by δ times as long as it lasts.
    """
    common = fits.idle.u_stat**2 * np.outer(fits.lasting, fits.lasting)
    return replace(fits.gross, covariance=fits.gross.covariance + common)


def _link_fit(
    fit: PerUnitFit,
    observations: Sequence[Observation],
    budget: SystematicBudget,
    *,
    diagnostics: LinkDiagnostics | None = None,
    lasting: Array | None = None,
) -> LinkFit:
    """Return a fit as a profile keeps it.

    Args:
        fit: By one account.
        observations: What was fitted.
        budget: The sensor's.
        diagnostics: Of the fit.
        lasting: How long each coefficient lasts, by the gross account, which an offset of the
            sensor adds to; None by the net account, where it cancels.
    """
    durations = [0.0] * len(fit.values) if lasting is None else [float(x) for x in lasting]
    figures = [
        quantity(fit.one(place), unit, budget, offset_duration=duration)
        for place, (unit, duration) in enumerate(zip(LINK_FIT_UNITS, durations, strict=False))
    ]
    return LinkFit(
        upload_cost_j=figures[0],
        air_power_w=figures[1],
        bit_energy_j=figures[2],
        covariance=tuple(tuple(float(x) for x in row) for row in fit.covariance),
        rates_bit_per_s=rates_reached(observations),
        payload_bits=tuple(sorted({o.payload_bits // o.repetitions for o in observations})),
        burst_cost_j=figures[3] if len(figures) > 3 else None,
        diagnostics=diagnostics,
    )


def _at_rates(
    fits: _LinkFits, rates: Sequence[float], budget: SystematicBudget
) -> Iterator[RateCost]:
    """Return E_c at each rate whose energy per bit is known to be above zero.

    The check ``rates-left-out`` names the others.
    """
    for rate in rates:
        try:
            e_c = _bits_per_joule(fits, rate, budget)
        except EstimateError:
            continue
        yield RateCost(rate_bit_per_s=rate, e_c_bit_per_j=e_c)


def _bits_per_joule(fits: _LinkFits, rate_bit_per_s: float, budget: SystematicBudget) -> GrossNet:
    at = f"at {rate_bit_per_s:.3g} bit/s, J/bit,"
    gross_bit, net_bit = (
        require_positive(energy_per_bit(fit, rate_bit_per_s), f"the {account} energy per bit {at}")
        for account, fit in (("gross", fits.gross), ("net", fits.net))
    )
    bit_s = 1 / rate_bit_per_s
    gross_bit = at_idle(gross_bit, bit_s, fits.idle)
    gross_j = quantity(gross_bit, "J/bit", budget, offset_duration=bit_s)
    return GrossNet(
        gross=reciprocal(1.0, gross_j, "bit/J"),
        net=reciprocal(1.0, quantity(net_bit, "J/bit", budget), "bit/J"),
    )
