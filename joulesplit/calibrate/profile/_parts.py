"""The parts of a profile pooled over several: idle, compute, E_d/E_c. Pure.

Derived tables of a single run (other methods' views, operator classes, diagnostics of a fit) do
not carry over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Any

import msgspec

from joulesplit.calibrate.profile._compute import (
    BlockEnergy,
    Compute,
    EncodingEnergy,
    HeadEnergy,
)
from joulesplit.calibrate.profile._device_profile import DeviceProfile
from joulesplit.calibrate.profile._estimates import CampaignError
from joulesplit.calibrate.profile._figures import (
    Figure,
    Statistics,
    statistics_of,
)
from joulesplit.calibrate.profile._intervals import with_interval
from joulesplit.calibrate.profile._pooling import (
    Weights,
    inverse_variance,
    inverted,
    inverted_statistics,
    pooled,
)
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity
from joulesplit.metrology import FLAT_FREEDOM, Estimate, effective_degrees_of_freedom

Read = Callable[[DeviceProfile], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedProfiles:
    """Profiles with the weights of one part of them.

    Attributes:
        profiles: That have the part, with statistics on every figure of it.
        weights: The same for every figure.
    """

    profiles: tuple[DeviceProfile, ...]
    weights: Weights

    def quantity(self, read: Read, *, reciprocal: bool = False, scaled: bool = True) -> Quantity:
        """Return a figure pooled; one that is per joule is pooled as the energy it stands for."""
        quantities = [read(profile) for profile in self.profiles]
        parts = _statistics(self.profiles, quantities, scaled=scaled)
        if not reciprocal:
            return pooled(quantities, parts, self.weights, between=not scaled)
        energies = [inverted(quantity) for quantity in quantities]
        apart = [inverted_statistics(q, part) for q, part in zip(quantities, parts, strict=True)]
        return inverted(pooled(energies, apart, self.weights))

    def quantity_if_known(self, read: Read) -> Quantity | None:
        """Return a figure pooled; None unless every profile states it."""
        known = all(read(profile) is not None for profile in self.profiles)
        return self.quantity(read) if known else None

    def accounts(self, read: Read, *, reciprocal: bool = False) -> GrossNet:
        """Return both accounts of a figure pooled."""
        has_net = read(self.profiles[0]).net is not None
        return GrossNet(
            gross=self.quantity(lambda p: read(p).gross, reciprocal=reciprocal),
            net=self.quantity(lambda p: read(p).net, reciprocal=reciprocal) if has_net else None,
        )

    def mean_if_known(self, read: Read) -> float | None:
        """Return the weighted mean of systematic terms, as ``quantity`` does; None unless all."""
        known: list[float | None] = [read(profile) for profile in self.profiles]
        terms = [term for term in known if term is not None]
        if len(terms) < len(known):
            return None
        return sum(share * term for share, term in zip(self.weights.shares, terms, strict=True))

    def campaign(self, read: Read) -> CampaignError | None:
        """Return what the campaigns leave open of one kind of work; None unless all tell it."""
        if any(read(profile) is None for profile in self.profiles):
            return None
        return CampaignError(
            net_u_rel=self.mean_if_known(lambda p: read(p).net_u_rel) or 0.0,
            gross_u_rel=self.mean_if_known(lambda p: read(p).gross_u_rel) or 0.0,
        )

    def covariance(self, tables: Sequence[Sequence[float]]) -> tuple[float, ...]:
        """Return the covariance of the weighted means, element by element; empty if any is."""
        if len({len(table) for table in tables}) > 1:
            return ()
        factors = [(self.weights.inflation * share) ** 2 for share in self.weights.shares]
        return tuple(
            sum(factor * value for factor, value in zip(factors, values, strict=True))
            for values in zip(*tables, strict=True)
        )


def part_of(profiles: tuple[DeviceProfile, ...], leading: Read) -> WeightedProfiles:
    """Return profiles weighted by one figure.

    Args:
        profiles: To pool.
        leading: Reads that figure.
    """
    quantities = [leading(profile) for profile in profiles]
    parts = _statistics(profiles, quantities)
    weights = inverse_variance([quantity.value for quantity in quantities], parts)
    return WeightedProfiles(profiles=profiles, weights=weights)


def _statistics(
    profiles: Sequence[DeviceProfile], quantities: Sequence[Quantity], *, scaled: bool = True
) -> list[Statistics]:
    found = []
    for profile, quantity in zip(profiles, quantities, strict=True):
        part = statistics_of(Figure(name="", quantity=quantity, scaled=scaled), profile.sensor)
        assert part is not None, "a figure without statistics was refused before"
        found.append(part)
    return found


def pooled_compute(part: WeightedProfiles) -> Compute:
    """Return what computing costs, over all profiles."""
    first = part.profiles[0].compute
    return msgspec.structs.replace(
        first,
        e_d_flop_per_j=part.accounts(lambda p: p.compute.e_d_flop_per_j, reciprocal=True),
        blocks=tuple(_block(part, index) for index in range(len(first.blocks))),
        window_cost_j=part.quantity_if_known(lambda p: p.compute.window_cost_j),
        covariance_j2=part.covariance([p.compute.covariance_j2 for p in part.profiles]),
        heads=_heads(part),
        head_covariance_j2=_head_covariance(part),
        views=(),
        classes=None,
        phases=(),
        encodings=_encodings(part),
        campaign=part.campaign(lambda p: p.compute.campaign),
    )


def _heads(part: WeightedProfiles) -> tuple[HeadEnergy, ...]:
    """Return the heads pooled; none unless every profile has the same."""
    lists = [profile.compute.heads for profile in part.profiles]
    if len({tuple(head.last_block for head in heads) for heads in lists}) > 1:
        return ()
    return tuple(_head(part, index) for index in range(len(lists[0])))


def _encodings(part: WeightedProfiles) -> tuple[EncodingEnergy, ...]:
    """Return what making bytes costs pooled; none unless every profile has the same."""
    lists = [profile.compute.encodings for profile in part.profiles]
    if len({tuple((one.encoding, one.block) for one in made) for made in lists}) > 1:
        return ()
    return tuple(_encoding(part, index) for index in range(len(lists[0])))


def _encoding(part: WeightedProfiles, index: int) -> EncodingEnergy:
    return msgspec.structs.replace(
        part.profiles[0].compute.encodings[index],
        energy_j=part.accounts(lambda p: p.compute.encodings[index].energy_j),
        latency_s=part.quantity(lambda p: p.compute.encodings[index].latency_s, scaled=False),
    )


def _head_covariance(part: WeightedProfiles) -> tuple[float, ...]:
    """Return the heads' covariance pooled; empty unless every profile has the same heads."""
    if not _heads(part):
        return ()
    return part.covariance([profile.compute.head_covariance_j2 for profile in part.profiles])


def _head(part: WeightedProfiles, index: int) -> HeadEnergy:
    found = [profile.compute.heads[index] for profile in part.profiles]
    shares = part.weights.shares
    known = [head.net_over_blocks_u for head in found if head.net_over_blocks_u is not None]
    u = hypot(*(share * u for share, u in zip(shares, known, strict=False)))
    return HeadEnergy(
        last_block=found[0].last_block,
        energy_j=part.accounts(lambda p: p.compute.heads[index].energy_j),
        latency_s=part.quantity(lambda p: p.compute.heads[index].latency_s, scaled=False),
        net_over_blocks=sum(
            share * head.net_over_blocks for share, head in zip(shares, found, strict=True)
        ),
        net_over_blocks_u=u * part.weights.inflation if len(known) == len(found) else None,
        start_cost_j=part.quantity_if_known(lambda p: p.compute.heads[index].start_cost_j),
    )


def _block(part: WeightedProfiles, index: int) -> BlockEnergy:
    return msgspec.structs.replace(
        part.profiles[0].compute.blocks[index],
        energy_j=part.accounts(lambda p: p.compute.blocks[index].energy_j),
        latency_s=part.quantity(lambda p: p.compute.blocks[index].latency_s, scaled=False),
        views=(),
        start_cost_j=part.quantity_if_known(lambda p: p.compute.blocks[index].start_cost_j),
    )


def pooled_ratio(profile: DeviceProfile, profiles: Sequence[DeviceProfile]) -> GrossNet | None:
    """Return E_d/E_c of a merged profile; None unless every profile states it.

    Args:
        profile: Merged, with E_d and E_c.
        profiles: What it was pooled from.
    """
    stated = [p.e_d_over_e_c_flop_per_bit for p in profiles]
    known = [ratio for ratio in stated if ratio is not None]
    if len(known) < len(stated) or profile.link is None:
        return None
    e_d, e_c = profile.compute.e_d_flop_per_j, profile.link.uplink.e_c_bit_per_j
    nets = [ratio.net for ratio in known if ratio.net is not None]
    gross = _ratio(profile, (e_d.gross, e_c.gross), profiles, [ratio.gross for ratio in known])
    if e_d.net is None or e_c.net is None or len(nets) < len(known):
        return GrossNet(gross=gross, net=None)
    return GrossNet(gross=gross, net=_ratio(profile, (e_d.net, e_c.net), profiles, nets))


def _ratio(
    profile: DeviceProfile,
    figures: tuple[Quantity, Quantity],
    profiles: Sequence[DeviceProfile],
    stated: Sequence[Quantity],
) -> Quantity:
    """Return the quotient of two pooled figures; their common scale is in neither part."""
    parts = _statistics((profile, profile), figures)
    relative = [
        (part.u_stat / figure.value, part.degrees_of_freedom)
        for part, figure in zip(parts, figures, strict=True)
    ]
    value = figures[0].value / figures[1].value
    u_rel = hypot(*(u for u, _ in relative))
    estimate = Estimate(
        value=value,
        u_stat=value * u_rel,
        degrees_of_freedom=effective_degrees_of_freedom(relative, 0.0),
        n=sum(figure.n for figure in figures),
    )
    u_sys = value * max((quantity.u_sys or 0.0) / quantity.value for quantity in stated)
    inverse = max(part.rest_inverse_freedom for part in _statistics(profiles, stated, scaled=False))
    return with_interval(estimate, stated[0].unit, u_sys, flatness=FLAT_FREEDOM * inverse)
