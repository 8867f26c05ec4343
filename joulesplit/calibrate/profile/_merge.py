"""Profiles of one device pooled into one. Pure.

Statistical parts by inverse variance, systematic parts kept: a sensor that reads 1 % high reads
1 % high however often one measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from joulesplit.calibrate.errors import ProfileMergeError
from joulesplit.calibrate.profile._agreement import require_agreement, require_poolable
from joulesplit.calibrate.profile._compute import making_name
from joulesplit.calibrate.profile._device import MergedSource
from joulesplit.calibrate.profile._device_profile import DeviceProfile, Idle, Tool
from joulesplit.calibrate.profile._parts import (
    WeightedProfiles,
    part_of,
    pooled_compute,
    pooled_ratio,
)
from joulesplit.calibrate.profile._pooled_link import has_same_stated, pooled_link
from joulesplit.calibrate.profile._quality import Check, Quality
from joulesplit.calibrate.profile._sensor import Sampling

STATED = "what uploads cost at the pace of E_c, which is told by other figures or of other sizes"

RANK_OF_OUTCOME = {"pass": 0, "warn": 1, "fail": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileToPool:
    """One profile to pool.

    Attributes:
        name: Of its file, for messages.
        sha256: Of its content.
        profile: What it says.
    """

    name: str
    sha256: str
    profile: DeviceProfile


def merge_profiles(
    candidates: Sequence[ProfileToPool], *, created: str, tool: Tool
) -> DeviceProfile:
    """Pool profiles of one device, sensor, runtime, network and rate.

    Args:
        candidates: At least two, each given once.
        created: ISO 8601 with offset.
        tool: What merges.

    Raises:
        ProfileMergeError: They may not be pooled, or contradict each other.
    """
    profiles = tuple(candidate.profile for candidate in candidates)
    require_poolable(profiles, [candidate.name for candidate in candidates])
    _require_distinct(candidates)
    agreement = require_agreement(profiles)
    newest = max(profiles, key=lambda profile: profile.created)
    compute, link, idle = _compute_part(profiles), _link_part(profiles), _idle_part(profiles)
    merged = msgspec.structs.replace(
        newest,
        created=created,
        tool=tool,
        sampling=_sampling(profiles),
        idle=_pooled_idle(idle) if idle else None,
        compute=pooled_compute(compute),
        link=pooled_link(link, newest.link) if link and newest.link else None,
        quality=_quality(profiles, agreement),
        merged=_sources(candidates, compute, link, idle),
        campaign=None,
    )
    return msgspec.structs.replace(merged, e_d_over_e_c_flop_per_bit=pooled_ratio(merged, profiles))


def left_out_of_merge(profiles: Sequence[DeviceProfile]) -> tuple[str, ...]:
    """Name what pooling profiles leaves out because not all of them have the same."""
    heads = [tuple(str(head.last_block) for head in p.compute.heads) for p in profiles]
    made = [tuple(making_name(one) for one in p.compute.encodings) for p in profiles]
    lists = {"the heads that end at blocks": heads, "what making bytes costs:": made}
    differing = tuple(
        f"{what} {', '.join(dict.fromkeys(name for names in found for name in names))}"
        for what, found in lists.items()
        if len(set(found)) > 1
    )
    linked = [profile for profile in profiles if profile.link is not None]
    return differing if has_same_stated(linked) else (*differing, STATED)


def _require_distinct(candidates: Sequence[ProfileToPool]) -> None:
    seen: set[str] = set()
    for candidate in candidates:
        own = {candidate.sha256, *(source.sha256 for source in candidate.profile.merged)}
        if own & seen:
            raise ProfileMergeError(
                f"{candidate.name} is in the merge twice: the same windows count only once"
            )
        seen |= own


def _compute_part(profiles: tuple[DeviceProfile, ...]) -> WeightedProfiles:
    def leading(profile: DeviceProfile) -> object:
        return profile.compute.e_d_flop_per_j.net or profile.compute.e_d_flop_per_j.gross

    return part_of(profiles, leading)


def _link_part(profiles: tuple[DeviceProfile, ...]) -> WeightedProfiles | None:
    def leading(profile: DeviceProfile) -> object:
        assert profile.link is not None, "profiles with and without a link were refused before"
        return profile.link.uplink.e_c_bit_per_j.net or profile.link.uplink.e_c_bit_per_j.gross

    return part_of(profiles, leading) if profiles[0].link else None


def _idle_part(profiles: tuple[DeviceProfile, ...]) -> WeightedProfiles | None:
    return part_of(profiles, _idle_power) if profiles[0].idle else None


def _pooled_idle(part: WeightedProfiles) -> Idle:
    return Idle(
        power_w=part.quantity(_idle_power),
        campaign_u_w=part.mean_if_known(lambda p: p.idle.campaign_u_w if p.idle else None),
    )


def _idle_power(profile: DeviceProfile) -> object:
    assert profile.idle is not None, "profiles with and without idle were refused before"
    return profile.idle.power_w


def _sampling(profiles: Sequence[DeviceProfile]) -> Sampling | None:
    parts = [profile.sampling for profile in profiles if profile.sampling is not None]
    if not parts:
        return None
    shares = [part.cpu_fraction for part in parts if part.cpu_fraction is not None]
    return Sampling(
        readings=sum(part.readings for part in parts),
        lost=sum(part.lost for part in parts),
        clipped=sum(part.clipped for part in parts),
        cpu_fraction=sum(shares) / len(shares) if shares else None,
    )


def _quality(profiles: Sequence[DeviceProfile], agreement: Check) -> Quality:
    """Return every named check as the profile that fared worst has it."""
    worst: dict[str, Check] = {}
    for check in (check for profile in profiles for check in profile.quality.checks):
        known = worst.get(check.name)
        if known is None or RANK_OF_OUTCOME[check.outcome] > RANK_OF_OUTCOME[known.outcome]:
            worst[check.name] = check
    checks = (*(c for c in worst.values() if c.name != agreement.name), agreement)
    suspect = any(check.outcome != "pass" for check in checks) or any(
        profile.quality.verdict != "valid" for profile in profiles
    )
    return Quality(verdict="suspect" if suspect else "valid", checks=checks)


def _sources(
    candidates: Sequence[ProfileToPool],
    compute: WeightedProfiles,
    link: WeightedProfiles | None,
    idle: WeightedProfiles | None,
) -> tuple[MergedSource, ...]:
    return tuple(
        MergedSource(
            created=candidate.profile.created,
            sha256=candidate.sha256,
            compute_weight=compute.weights.shares[index],
            link_weight=link.weights.shares[index] if link else None,
            idle_weight=idle.weights.shares[index] if idle else None,
        )
        for index, candidate in enumerate(candidates)
    )
