"""What a profile says sending costs, by one account: bits, uploads, bursts, answers, waiting."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

from joulesplit.calibrate.profile import (
    CONNECTION_PHASE,
    Account,
    CampaignError,
    DeviceProfile,
    Downlink,
    GrossNet,
    Link,
    LinkFit,
    Quantity,
    Uplink,
    UploadCosts,
)
from joulesplit.optimizer._campaign import campaign_of
from joulesplit.optimizer._checked_figure import inverted, perhaps_zero, positive
from joulesplit.optimizer._link_cost import Sending, Term, fit_not_below_zero
from joulesplit.optimizer._link_rate import BitPrice, bit_price, moved_by
from joulesplit.optimizer._link_time import LinkTime, link_time
from joulesplit.optimizer._size_prices import SizePrices, off_line_lasting_s, size_prices
from joulesplit.optimizer._waiting import Waiting, usual_wait_s, waiting_apart
from joulesplit.optimizer.errors import ProfileUnusableError


def usable_link(profile: DeviceProfile) -> Link:
    """Give a profile's link.

    Raises:
        ProfileUnusableError: There is none, nothing went on the air, or its rate cannot be.
    """
    link = profile.link
    if link is None:
        raise ProfileUnusableError(
            "the profile has no link, so an upload has no price; calibrate again with an edge "
            "server"
        )
    if link.loopback and not profile.simulated:
        raise ProfileUnusableError(
            "the profile's link is loopback, so nothing went on the air; calibrate again with "
            "the edge server on another machine"
        )
    rate = link.uplink.rate_bit_per_s
    if not (math.isfinite(rate) and rate > 0.0):
        raise ProfileUnusableError(
            f"the profile states E_c at {rate} bit/s; calibrate the link again"
        )
    return link


def sending_of(
    profile: DeviceProfile, link: Link, account: Account, rate_bit_per_s: float | None = None
) -> Sending:
    """Take the figures of the link out of a profile.

    Args:
        profile: The profile.
        link: Its link.
        account: Which definition of energy.
        rate_bit_per_s: Payload bits per second that are sent; None see ``link_rate.bit_price``.

    Raises:
        ProfileUnusableError: No E_c by that account, or a figure that cannot be true.
    """
    sending = _sending(profile, link, account, rate_bit_per_s)
    # What such a wait takes beyond P_0 nobody knows; so much is certain.
    return replace(sending, late=sending.waiting) if sending.waits_unpriced else sending


def _sending(
    profile: DeviceProfile, link: Link, account: Account, rate_bit_per_s: float | None
) -> Sending:
    """Give them as windows tell them."""
    gross, uplink = account == "gross", link.uplink
    plane = _sound_fit(uplink.fit_gross if gross else uplink.fit)
    price = bit_price(uplink, plane, account, rate_bit_per_s)
    as_stated = price.rate_bit_per_s == uplink.rate_bit_per_s
    idle = profile.idle.power_w if gross and profile.idle else None
    measured, wait = _stated_fit(uplink, plane, idle, gross=gross) if as_stated else (plane, None)
    sizes = _sizes(uplink, price, (idle, wait), gross=gross) if as_stated else None
    fit, wait, sizes, moved = fit_not_below_zero(measured, wait, sizes)
    price = moved_by(price, moved[0] / price.rate_bit_per_s + moved[1])
    upload_s, burst_s = _lasting_s(uplink, idle, wait)
    campaign = campaign_of(profile, account)
    answer, answer_s = _answer(link.downlink, account)
    connection, connection_s = _connection(profile, account)
    held = float(idle is not None)
    return Sending(
        e_c=price.e_c,
        rate_bit_per_s=price.rate_bit_per_s,
        rate_note=price.note,
        fit=fit,
        bit=Term(
            figure=price.bit,
            lasting_s=held / price.rate_bit_per_s,
            campaign_u_rel=campaign.uploads,
        ),
        upload=_fixed((fit, measured), "upload_cost_j", upload_s, campaign.uploads),
        burst=_fixed((fit, measured), "burst_cost_j", burst_s, campaign.uploads),
        connection=_once(connection, held * connection_s, campaign.computing),
        answer_bit=_once(answer, held * answer_s, campaign.downloads),
        answer_rate_bit_per_s=1.0 / answer_s if answer_s else None,
        waiting=_once(idle, held, campaign.idle),
        scale_u_rel=profile.sensor.scale_u_rel if profile.sensor else 0.0,
        idle_u_w=(idle.u_stat or 0.0) if idle else 0.0,
        time=_time(uplink, price.rate_bit_per_s),
        late=_late(wait, held, campaign.uploads),
        late_covariance=wait.covariance if wait else None,
        connection_s=connection_s,
        sizes=sizes,
        sizes_u_rel=_of(uplink.campaign_of_sizes, account),
    )


def _once(figure: Quantity | None, lasting_s: float, campaign_u_rel: float) -> Term:
    return Term(figure=figure, lasting_s=lasting_s, campaign_u_rel=campaign_u_rel)


def _of(campaign: CampaignError | None, account: Account) -> float | None:
    return campaign.of(account) if campaign else None


def _sizes(
    uplink: Uplink,
    price: BitPrice,
    waits: tuple[Quantity | None, Waiting | None],
    *,
    gross: bool,
) -> SizePrices | None:
    """Give the sizes that E_c was measured with, and what they depart from the line."""
    idle, wait = waits
    own = uplink.stated_gross if gross else uplink.stated
    if own is None or uplink.stated is None:
        return None
    lasting_s = off_line_lasting_s(
        uplink.stated.off_line, own.off_line, idle.value if idle else 0.0
    )
    return size_prices(
        own,
        _time(uplink, price.rate_bit_per_s),
        lasting_s=lasting_s,
        usual_wait_s=usual_wait_s(uplink.time) if wait else None,
        power_w=price.bit.value * price.rate_bit_per_s,
    )


def _time(uplink: Uplink, rate_bit_per_s: float) -> LinkTime | None:
    if uplink.time is None:
        return None
    as_stated = rate_bit_per_s == uplink.rate_bit_per_s
    return link_time(uplink.time, None if as_stated else rate_bit_per_s)


def _late(wait: Waiting | None, lasting_s: float, campaign_u_rel: float) -> Term:
    if wait is None:
        return Term()
    return Term(figure=wait.power, lasting_s=lasting_s, campaign_u_rel=campaign_u_rel)


def _fixed(
    fits: tuple[LinkFit | None, LinkFit | None],
    name: Literal["upload_cost_j", "burst_cost_j"],
    lasting_s: float,
    campaign_u_rel: float,
) -> Term:
    """Give a fixed cost as it is known, and whether the windows alone had it below zero."""
    fit, measured = fits
    alone: Quantity | None = getattr(measured, name) if measured else None
    return Term(
        figure=getattr(fit, name) if fit else None,
        lasting_s=lasting_s,
        measured_below_zero=alone is not None and alone.value < 0.0,
        campaign_u_rel=campaign_u_rel,
    )


def _sound_fit(fit: LinkFit | None) -> LinkFit | None:
    if fit is None:
        return None
    perhaps_zero(fit.upload_cost_j, "the fixed cost of an upload")
    if fit.burst_cost_j is not None:
        perhaps_zero(fit.burst_cost_j, "the fixed cost of a burst of uploads")
    return fit


def _stated_fit(
    uplink: Uplink, fit: LinkFit | None, idle: Quantity | None, *, gross: bool
) -> tuple[LinkFit | None, Waiting | None]:
    """Give what uploads cost as E_c states it: from that pace's own windows, if there are any.

    And what waiting for TCP's window costs, where that is known apart.
    """
    own = uplink.stated_gross if gross else uplink.stated
    if own is None:
        return fit, None
    measured = _of_one_pace(own, uplink)
    _sound_fit(measured)
    return waiting_apart(measured, own, uplink.time, idle_w=idle.value if idle else 0.0)


def _of_one_pace(costs: UploadCosts, uplink: Uplink) -> LinkFit:
    """Give what an upload costs at one pace as a fit whose airtime is part of the bits."""
    none = Quantity(value=0.0, unit="W", ci95=(0.0, 0.0), u_stat=0.0, u_sys=0.0, n=0)
    covariance = [[0.0] * 4 for _ in range(4)]
    places = (0, 2, 3)[: 2 + (costs.burst_cost_j is not None)]
    for row, row_place in enumerate(places):
        for column, column_place in enumerate(places):
            covariance[row_place][column_place] = costs.covariance[row][column]
    return LinkFit(
        upload_cost_j=costs.upload_cost_j,
        air_power_w=none,
        bit_energy_j=costs.bit_energy_j,
        covariance=tuple(tuple(row) for row in covariance),
        rates_bit_per_s=(uplink.rate_bit_per_s,),
        payload_bits=uplink.fit.payload_bits if uplink.fit else (),
        burst_cost_j=costs.burst_cost_j,
    )


def _lasting_s(uplink: Uplink, idle: Quantity | None, wait: Waiting | None) -> tuple[float, float]:
    """Give how long an upload and a burst last beyond their airtime, s: gross less net over P_0.

    A burst without its wait, where that is known apart.
    """
    net: LinkFit | UploadCosts | None = uplink.stated or uplink.fit
    gross: LinkFit | UploadCosts | None = uplink.stated_gross or uplink.fit_gross
    if idle is None or net is None or gross is None or idle.value <= 0.0:
        return 0.0, 0.0
    upload_j = gross.upload_cost_j.value - net.upload_cost_j.value
    burst_s = 0.0
    if gross.burst_cost_j is not None and net.burst_cost_j is not None:
        burst_s = (gross.burst_cost_j.value - net.burst_cost_j.value) / idle.value
        burst_s -= usual_wait_s(uplink.time) if wait else 0.0
    return upload_j / idle.value, burst_s


def _answer(downlink: Downlink | None, account: Account) -> tuple[Quantity | None, float]:
    """Give the price of a bit that comes back, J/bit, and its time, s/bit."""
    figure = _if_known(downlink.e_c_bit_per_j, account) if downlink else None
    if downlink is None or figure is None:
        return None, 0.0
    return inverted(positive(figure, "E_c of receiving"), "J/bit"), 1.0 / downlink.rate_bit_per_s


def _connection(profile: DeviceProfile, account: Account) -> tuple[Quantity | None, float]:
    """Give what a new connection costs, J, and its time, s.

    What does not stand out of the scatter counts nothing; ``prices`` tells its bound.
    """
    for phase in profile.compute.phases:
        if phase.name == CONNECTION_PHASE:
            figure = _if_known(phase.energy_j, account) if phase.energy_j else None
            return figure, phase.latency_s.value
    return None, 0.0


def _if_known(figure: GrossNet, account: Account) -> Quantity | None:
    return figure.net if account == "net" else figure.gross
