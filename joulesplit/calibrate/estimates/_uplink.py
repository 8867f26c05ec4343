"""Upload windows to E_c and the fit behind it, by both accounts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._baseline import (
    at_idle,
    idle_estimate,
    observations_at_common_idle,
)
from joulesplit.calibrate.estimates._campaign_terms import with_campaign
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
from joulesplit.calibrate.profile import GrossNet, LinkDiagnostics, LinkFit, RateCost, Uplink
from joulesplit.calibrate.windows import Observation, WindowRecord
from joulesplit.metrology import Array, SystematicBudget

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
    """Return E_c at the stated rate and the fit behind it.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    budget = with_campaign(budget, records, ("upload",))
    observations = observations_at_common_idle(records, "upload")
    fits = _fits(observations, idle_estimate(records))
    rates = rates_reached(observations)
    net = _link_fit(fits.net, observations, budget, diagnostics=link_diagnostics(observations))
    return Uplink(
        rate_bit_per_s=rate_bit_per_s,
        e_c_bit_per_j=_bits_per_joule(fits, rate_bit_per_s, budget),
        fit=net,
        fit_gross=_link_fit(_at_stated_idle(fits), observations, budget, lasting=fits.lasting),
        at_rates=tuple(_at_rates(fits, rates, budget)),
        views=(
            *e_c_views(observations, rate_bit_per_s, "net"),
            *e_c_views(
                observations,
                rate_bit_per_s,
                "gross",
                shared_half_j=fits.idle.half_width / rate_bit_per_s,
            ),
        ),
    )


def rates_left_out(uplink: Uplink) -> tuple[float, ...]:
    """Return the measured rates that E_c is not stated at, bit/s; see ``at_rates``."""
    stated = {cost.rate_bit_per_s for cost in uplink.at_rates}
    measured = uplink.fit.rates_bit_per_s if uplink.fit else ()
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
