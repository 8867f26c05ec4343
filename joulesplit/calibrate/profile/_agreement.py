"""May profiles be pooled: are they of the same thing, and do they agree? Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from joulesplit.calibrate.checks import CheckSpec
from joulesplit.calibrate.errors import ProfileMergeError
from joulesplit.calibrate.profile._device_profile import DeviceProfile
from joulesplit.calibrate.profile._diff import sensor_difference
from joulesplit.calibrate.profile._figures import figures_of, statistics_of
from joulesplit.calibrate.profile._link import Uplink
from joulesplit.calibrate.profile._pooling import agreement_probability
from joulesplit.calibrate.profile._quality import Check

CONTRADICTION_P = 0.001
"""Profiles contradict each other if their figures would scatter like this less often than once in
a thousand merges, all figures together (Bonferroni)."""

PROFILES_AGREE = CheckSpec(
    name="profiles-agree",
    finds="probability that the figures of merged profiles scatter so if they are of one device",
    unit="1",
    limit=CONTRADICTION_P,
    minimum=True,
    severity="fail",
    advice="something changed between the profiles: see `joulesplit profile diff`",
)
"""May profiles be pooled: do their figures scatter as those of one device?"""

ComparedField = tuple[str, Callable[[DeviceProfile], Any]]

ALIKE_RATE = 1.05
"""By so much the rates that one link takes differ from day to day at most."""


def _stated_rate(uplink: Uplink) -> float | None:
    """Return the rate that E_c is stated at where it was chosen, bit/s; None where measured."""
    return None if uplink.unpaced else uplink.rate_bit_per_s


SAME: tuple[ComparedField, ...] = (
    ("simulated", lambda p: p.simulated),
    ("source", lambda p: p.source),
    ("truth", lambda p: p.truth),
    ("device.board", lambda p: p.device.board),
    ("device.machine", lambda p: p.device.machine),
    ("device.userland_bits", lambda p: p.device.userland_bits),
    ("device.cpu_count", lambda p: p.device.cpu_count),
    ("device.governor", lambda p: p.device.governor),
    ("device.wifi_power_save", lambda p: p.device.wifi_power_save),
    ("compute.flop_convention", lambda p: p.compute.flop_convention),
    ("compute.model.sha256", lambda p: p.compute.model and p.compute.model.sha256),
    ("compute.runtime", lambda p: msgspec.to_builtins(p.compute.runtime)),
    ("compute.blocks", lambda p: [(b.last_operator, b.output_bits) for b in p.compute.blocks]),
    ("idle", lambda p: p.idle is None),
    ("compute.e_d_flop_per_j.net", lambda p: p.compute.e_d_flop_per_j.net is None),
    ("link.interface", lambda p: p.link and p.link.interface),
    ("link.kind", lambda p: p.link and p.link.kind),
    ("link.loopback", lambda p: p.link and p.link.loopback),
    ("link.uplink.rate_bit_per_s", lambda p: p.link and _stated_rate(p.link.uplink)),
    ("link.uplink.unpaced", lambda p: p.link and p.link.uplink.unpaced),
    ("link.uplink.e_c_bit_per_j.net", lambda p: p.link and p.link.uplink.e_c_bit_per_j.net is None),
    ("link.uplink.fit", lambda p: p.link and p.link.uplink.fit is None),
)
"""What has to be the same, by its path in the profile."""


def require_poolable(profiles: Sequence[DeviceProfile], names: Sequence[str]) -> None:
    """Refuse profiles that are not of the same device, sensor, runtime, network and rate.

    Args:
        profiles: At least two.
        names: Of their files, for the message.

    Raises:
        ProfileMergeError: They may not be pooled; the message names the first field that says so.
    """
    if len(profiles) < 2:
        raise ProfileMergeError("one profile cannot be merged: give two or more of one device")
    for profile, name in zip(profiles, names, strict=True):
        _require_usable(profile, name)
    for profile, name in zip(profiles[1:], names[1:], strict=True):
        field = _differing_field(profiles[0], profile)
        if field is not None:
            raise ProfileMergeError(
                f"{names[0]} and {name} may not be pooled: they differ in {field}; "
                f"`joulesplit profile diff {names[0]} {name}` shows how"
            )


def _require_usable(profile: DeviceProfile, name: str) -> None:
    if profile.sensor is None:
        raise ProfileMergeError(f"{name} cannot be pooled: sensor is missing (not a measurement)")
    if profile.quality.verdict == "rejected":
        raise ProfileMergeError(
            f"{name} cannot be pooled: quality.verdict is rejected; leave it out"
        )
    for figure in figures_of(profile):
        part = statistics_of(figure, profile.sensor)
        if part is None or part.u_stat <= 0:
            raise ProfileMergeError(
                f"{name} cannot be pooled: {figure.name} states no statistical uncertainty"
            )


def _differing_field(first: DeviceProfile, other: DeviceProfile) -> str | None:
    for path, read in SAME:
        if read(first) != read(other):
            return path
    if not _has_alike_rate(first, other):
        return "link.uplink.rate_bit_per_s"
    one, two = first.compute.model, other.compute.model
    if one and two and one.other_inputs(two.input_shapes):
        return "compute.model.input_shapes"
    hostnames = first.device.hostname, other.device.hostname
    # A redacted profile has no name: that it lacks one is no sign of another device.
    if None not in hostnames and hostnames[0] != hostnames[1]:
        return "device.hostname"
    assert first.sensor is not None
    assert other.sensor is not None
    return sensor_difference(first.sensor, other.sensor)


def _has_alike_rate(first: DeviceProfile, other: DeviceProfile) -> bool:
    if first.link is None or other.link is None:
        return True
    slow, fast = sorted(one.link.uplink.rate_bit_per_s for one in (first, other) if one.link)
    return fast <= ALIKE_RATE * slow


def require_agreement(profiles: Sequence[DeviceProfile]) -> Check:
    """Test whether the profiles' energies and powers agree within their statistics.

    Times are not tested: they repeat so well within a campaign that a change of a thousandth,
    which says nothing of energy, would forbid every merge.

    Returns:
        The check of the figure that agrees worst, for the quality of the merged profile; its
        value is the probability, corrected for the number of figures.

    Raises:
        ProfileMergeError: They contradict each other.
    """
    tested = list(_tested(profiles))
    probability, name = min(tested)
    corrected = min(1.0, probability * len(tested))
    check = PROFILES_AGREE.judge(corrected)
    if check.outcome != "pass":
        raise ProfileMergeError(
            f"the profiles contradict each other in {name}: its values would scatter like this "
            f"with probability {corrected:.1g}, the limit is {CONTRADICTION_P:g} (chi-square over "
            f"{len(tested)} figures); something changed between them: see `joulesplit profile diff`"
        )
    return check


def _tested(profiles: Sequence[DeviceProfile]) -> Iterator[tuple[float, str]]:
    """Yield the probability of each figure that all profiles have, and its name."""
    named = [{figure.name: figure for figure in figures_of(p)} for p in profiles]
    for name, first in named[0].items():
        if not first.scaled or not all(name in figures for figures in named):
            continue
        parts = [
            statistics_of(figures[name], profile.sensor)
            for figures, profile in zip(named, profiles, strict=True)
        ]
        known = [part for part in parts if part is not None]
        yield agreement_probability([f[name].quantity.value for f in named], known), name
