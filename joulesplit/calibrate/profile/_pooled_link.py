"""The way to the server, pooled over several profiles. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from joulesplit.calibrate.profile._device_profile import DeviceProfile
from joulesplit.calibrate.profile._link import Link, LinkFit, OffLine, Uplink, UploadCosts
from joulesplit.calibrate.profile._parts import Read, WeightedProfiles
from joulesplit.calibrate.profile._quantity import Quantity


def pooled_link(part: WeightedProfiles, link: Link) -> Link:
    """Return the way to the server, over all profiles.

    Args:
        part: The profiles.
        link: Of one of them, for what they have in common.
    """
    uplink = msgspec.structs.replace(
        link.uplink,
        e_c_bit_per_j=part.accounts(lambda p: uplink_of(p).e_c_bit_per_j, reciprocal=True),
        fit=_fit(part, lambda uplink: uplink.fit),
        fit_gross=_fit(part, lambda uplink: uplink.fit_gross),
        stated=_costs(part, lambda uplink: uplink.stated),
        stated_gross=_costs(part, lambda uplink: uplink.stated_gross),
        rate_bit_per_s=part.mean_if_known(lambda p: uplink_of(p).rate_bit_per_s),
        at_rates=(),
        tail=None,
        views=(),
        campaign=part.campaign(lambda p: uplink_of(p).campaign),
        campaign_of_sizes=part.campaign(lambda p: uplink_of(p).campaign_of_sizes),
    )
    return msgspec.structs.replace(link, uplink=_with_overhead(part, uplink), downlink=None)


def _with_overhead(part: WeightedProfiles, uplink: Uplink) -> Uplink:
    found = [uplink_of(profile).interface_bits_per_payload_bit for profile in part.profiles]
    known = [value for value in found if value is not None]
    complete = len(known) == len(found)
    pairs = zip(part.weights.shares, known, strict=False)
    mean = sum(share * value for share, value in pairs) if complete else None
    return msgspec.structs.replace(uplink, interface_bits_per_payload_bit=mean)


def uplink_of(profile: DeviceProfile) -> Uplink:
    assert profile.link is not None, "profiles without the link were refused before"
    return profile.link.uplink


def _fit(part: WeightedProfiles, read: Callable[[Uplink], LinkFit | None]) -> LinkFit | None:
    """Return the fit of one account pooled; None unless every profile has it."""
    fits = [fit for profile in part.profiles if (fit := read(uplink_of(profile))) is not None]
    if len(fits) < len(part.profiles):
        return None

    def figure(name: str) -> Quantity:
        return part.quantity(lambda p: getattr(read(uplink_of(p)), name))

    return LinkFit(
        upload_cost_j=figure("upload_cost_j"),
        air_power_w=figure("air_power_w"),
        bit_energy_j=figure("bit_energy_j"),
        burst_cost_j=figure("burst_cost_j")
        if all(fit.burst_cost_j is not None for fit in fits)
        else None,
        covariance=_square(part, [fit.covariance for fit in fits]),
        rates_bit_per_s=tuple(sorted({rate for fit in fits for rate in fit.rates_bit_per_s})),
        payload_bits=tuple(sorted({bits for fit in fits for bits in fit.payload_bits})),
    )


def _square(
    part: WeightedProfiles, tables: Sequence[tuple[tuple[float, ...], ...]]
) -> tuple[tuple[float, ...], ...]:
    """Return the covariance of what all of them have, row by row."""
    side = min(len(table) for table in tables)
    flat = part.covariance(
        [[value for row in table[:side] for value in row[:side]] for table in tables]
    )
    return tuple(flat[start : start + side] for start in range(0, len(flat), side))


def _costs(
    part: WeightedProfiles, read: Callable[[Uplink], UploadCosts | None]
) -> UploadCosts | None:
    """Return what uploads cost by one account; None unless all profiles tell the same of it."""
    if not has_same_stated(part.profiles):
        return None
    found = [costs for p in part.profiles if (costs := read(uplink_of(p))) is not None]
    if not found:
        return None

    def costs_of(profile: DeviceProfile) -> UploadCosts:
        costs = read(uplink_of(profile))
        assert costs is not None, "profiles with and without it were told apart"
        return costs

    first = found[0]
    return UploadCosts(
        upload_cost_j=part.quantity(lambda p: costs_of(p).upload_cost_j),
        bit_energy_j=part.quantity(lambda p: costs_of(p).bit_energy_j),
        burst_cost_j=part.quantity_if_known(lambda p: costs_of(p).burst_cost_j),
        waiting_power_w=part.quantity_if_known(lambda p: costs_of(p).waiting_power_w),
        covariance=_square(part, [costs.covariance for costs in found]),
        payload_bits=first.payload_bits,
        off_line=tuple(
            OffLine(
                payload_bits=size.payload_bits,
                energy_j=part.quantity(_off_line_of(costs_of, place)),
            )
            for place, size in enumerate(first.off_line)
        ),
    )


def _off_line_of(costs_of: Callable[[DeviceProfile], UploadCosts], place: int) -> Read:
    return lambda profile: costs_of(profile).off_line[place].energy_j


def has_same_stated(profiles: Sequence[DeviceProfile]) -> bool:
    """Say whether all profiles tell what uploads cost by the same figures, of the same sizes."""
    kinds = {
        tuple(_kind(costs) for costs in (uplink.stated, uplink.stated_gross))
        for uplink in map(uplink_of, profiles)
    }
    return len(kinds) <= 1


def _kind(costs: UploadCosts | None) -> tuple[object, ...] | None:
    if costs is None:
        return None
    return (
        costs.burst_cost_j is None,
        costs.waiting_power_w is None,
        costs.payload_bits,
        tuple(size.payload_bits for size in costs.off_line),
    )
