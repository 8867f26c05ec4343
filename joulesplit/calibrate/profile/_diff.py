"""Two profiles side by side: which figures differ, and what else does. Pure.

The scale of one and the same sensor multiplies both values of a figure alike, so that of its
uncertainty only its share in the difference remains. Offsets are taken as independent: they
move with temperature, and for one sensor that only makes the interval wider.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from typing import Any, Literal

import msgspec

from joulesplit.calibrate.profile._device_profile import DeviceProfile
from joulesplit.calibrate.profile._figures import (
    Figure,
    Statistics,
    figures_of,
    statistics_of,
)
from joulesplit.calibrate.profile._sensor import Sensor
from joulesplit.metrology import combined_coverage_factor, combined_inverse_freedom, is_rounding

Significance = Literal["differs", "does not differ", "no interval"]

MEASURED_SETTINGS = frozenset({"transaction_s", "ready_bit_cleared_by", "typical_cycle_s"})
"""Settings of a sensor that it found out itself, a little different each time."""

NOT_CONDITIONS = frozenset(
    {"budget", "window_budget", "offset_u_w", "cycle_s", "observed_fraction"}
)
"""What differs from one opening of a sensor to the next without meaning anything: its budgets
are worked out at the voltage and for the windows of the day, its settings are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureDifference:
    """One figure in both profiles.

    Attributes:
        unit: Of all values here.
        difference: Second minus first.
        ci95: Of the difference; None where a profile states no uncertainty.
        relative: Difference over the first value.
    """

    name: str
    unit: str
    first: float
    second: float
    difference: float
    relative: float | None
    ci95: tuple[float, float] | None
    verdict: Significance


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileDifference:
    """Everything two profiles differ in.

    Attributes:
        same_sensor: The sensor's scale was taken as common and cancelled.
        sensor_reason: Why, one sentence.
        figures: That both have, and that may be compared.
        not_compared: Why others are left out, one sentence each.
        circumstances: What else differs, by dotted path: first and second value.
    """

    same_sensor: bool
    sensor_reason: str
    figures: tuple[FigureDifference, ...]
    not_compared: tuple[str, ...]
    circumstances: dict[str, tuple[Any, Any]]

    @property
    def differing(self) -> int:
        """How many figures differ."""
        return sum(figure.verdict == "differs" for figure in self.figures)


def diff_profiles(
    first: DeviceProfile, second: DeviceProfile, *, same_sensor: bool | None = None
) -> ProfileDifference:
    """Compare two profiles.

    Args:
        first: Stands left.
        second: Stands right; differences are second minus first.
        same_sensor: What the user knows; None to judge by kind, name, settings and board.
    """
    same, reason = _sameness(first, second, same_sensor)
    reasons = tuple(_incomparable(first, second))
    excluded = {name for names, _ in reasons for name in names}
    others = {figure.name: figure for figure in figures_of(second)}
    pairs = [
        (figure, others[figure.name])
        for figure in figures_of(first)
        if figure.name in others and _stem(figure.name) not in excluded
    ]
    return ProfileDifference(
        same_sensor=same,
        sensor_reason=reason,
        figures=tuple(
            _difference(one, other, (first.sensor, second.sensor), same) for one, other in pairs
        ),
        not_compared=tuple(text for _, text in reasons),
        circumstances=dict(_circumstances(first, second)),
    )


def _stem(name: str) -> str:
    """Return a figure's kind: ``e_l`` for every block's."""
    stem = name.partition(" ")[0]
    letter, _, index = stem.partition("_")
    return f"{letter}_l" if index.isdecimal() else stem


def _sameness(first: DeviceProfile, second: DeviceProfile, stated: bool | None) -> tuple[bool, str]:
    if first.sensor is None or second.sensor is None:
        return False, "a profile names no sensor, so no part of the uncertainties cancels"
    if stated is not None:
        said = "the same: its scale cancels" if stated else "two: nothing cancels"
        return stated, f"stated by the user: the sensor is {said}"
    unlike = sensor_difference(first.sensor, second.sensor)
    if unlike is None and _another_device(first, second):
        unlike = "the device"
    if unlike is not None:
        return False, f"{unlike} differs, so the scale of each sensor counts on its own"
    return True, (
        "same kind, name and settings on the same device: taken as one sensor, whose common "
        "scale cancels but for its share of the difference"
    )


def sensor_difference(first: Sensor, second: Sensor) -> str | None:
    """Return in what two sensors are not one and the same; None if in nothing."""
    for name in ("kind", "name", "rail", "simulated"):
        if getattr(first, name) != getattr(second, name):
            return f"sensor.{name}"
    for name in sorted((first.settings.keys() | second.settings.keys()) - MEASURED_SETTINGS):
        if first.settings.get(name) != second.settings.get(name):
            return f"sensor.settings.{name}"
    return None


def _another_device(first: DeviceProfile, second: DeviceProfile) -> bool:
    one, other = first.device, second.device
    named = one.hostname is not None and other.hostname is not None
    return one.board != other.board or (named and one.hostname != other.hostname)


def _incomparable(
    first: DeviceProfile, second: DeviceProfile
) -> Iterator[tuple[tuple[str, ...], str]]:
    compute, other = first.compute, second.compute
    if compute.flop_convention != other.flop_convention:
        yield (
            ("E_d", "E_d/E_c"),
            f"E_d counts FLOP by {compute.flop_convention} and {other.flop_convention}",
        )
    if compute.blocks and other.blocks and _cuts(first) != _cuts(second):
        yield ("e_l", "head_l", "t_l"), "e_l: the profiles are of other networks, or cut elsewhere"
    elif compute.model and other.model and compute.model.other_inputs(other.model.input_shapes):
        yield ("e_l", "head_l", "t_l"), "e_l: the profiles are of other shapes of the input"
    if first.link is None or second.link is None:
        return
    rate, other_rate = (p.link.uplink.rate_bit_per_s for p in (first, second) if p.link)
    if rate != other_rate:
        yield ("E_c", "E_d/E_c"), f"E_c is stated at {rate:g} bit/s and at {other_rate:g} bit/s"


def _cuts(profile: DeviceProfile) -> tuple[object, ...]:
    model = profile.compute.model
    return (model.sha256 if model else None, *(b.last_operator for b in profile.compute.blocks))


def _difference(
    one: Figure, other: Figure, sensors: tuple[Sensor | None, Sensor | None], same: bool
) -> FigureDifference:
    first, second = one.quantity.value, other.quantity.value
    difference = 0.0 if is_rounding(second - first, first, second) else second - first
    parts = statistics_of(one, sensors[0]), statistics_of(other, sensors[1])
    interval = _interval(difference, (first, second), parts, same)
    verdict: Significance = "no interval"
    if interval is not None:
        verdict = "does not differ" if interval[0] <= 0 <= interval[1] else "differs"
    return FigureDifference(
        name=one.name,
        unit=one.quantity.unit,
        first=first,
        second=second,
        difference=difference,
        relative=difference / abs(first) if first else None,
        ci95=interval,
        verdict=verdict,
    )


def _interval(
    difference: float,
    values: tuple[float, float],
    parts: tuple[Statistics | None, Statistics | None],
    same: bool,
) -> tuple[float, float] | None:
    one, other = parts
    if one is None or other is None:
        return None
    scales = [(part.u_scale, part.scale_inverse_freedom) for part in (one, other)]
    if same:
        # d·(1 + s) with one s: what the scale leaves is its share of the difference itself.
        pairs = zip(scales, values, strict=True)
        share, inverse = max((u / abs(v) if v else 0.0, inverse) for (u, inverse), v in pairs)
        scales = [(abs(difference) * share, inverse)]
    rests = [(part.u_rest, part.rest_inverse_freedom) for part in (one, other)]
    statistical = [(part.u_stat, 1 / part.degrees_of_freedom) for part in (one, other)]
    errors = [*scales, *rests, *statistical]
    factor = combined_coverage_factor(combined_inverse_freedom(errors))
    half = factor * hypot(*(u for u, _ in errors))
    return difference - half, difference + half


def _circumstances(
    first: DeviceProfile, second: DeviceProfile
) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for part, read in _CIRCUMSTANCES:
        one, other = _flat(read(first), part), _flat(read(second), part)
        for path in sorted(one.keys() | other.keys()):
            values = one.get(path), other.get(path)
            if values[0] != values[1] and path.rpartition(".")[2] not in MEASURED_SETTINGS:
                yield path, values


def _sensor_facts(profile: DeviceProfile) -> Any:
    if profile.sensor is None:
        return None
    facts = msgspec.to_builtins(profile.sensor)
    return {name: value for name, value in facts.items() if name not in NOT_CONDITIONS}


def _link_facts(profile: DeviceProfile) -> Any:
    link = profile.link
    if link is None:
        return None
    rate = link.uplink.rate_bit_per_s
    return {"interface": link.interface, "kind": link.kind, "rate_bit_per_s": rate}


_CIRCUMSTANCES: tuple[tuple[str, Any], ...] = (
    ("source", lambda profile: profile.source),
    ("verdict", lambda profile: profile.quality.verdict),
    ("tool", lambda profile: profile.tool.version),
    ("device", lambda profile: msgspec.to_builtins(profile.device)),
    ("sensor", _sensor_facts),
    ("model", lambda profile: msgspec.to_builtins(profile.compute.model)),
    ("runtime", lambda profile: msgspec.to_builtins(profile.compute.runtime)),
    ("link", _link_facts),
    ("plan", lambda profile: profile.campaign and profile.campaign.plan),
)


def _flat(value: Any, path: str) -> dict[str, Any]:
    """Return the leaves of nested objects by dotted path."""
    if isinstance(value, dict):
        leaves: dict[str, Any] = {}
        for name, inside in value.items():
            leaves |= _flat(inside, f"{path}.{name}")
        return leaves
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        named = {str(item.get("name", index)): item for index, item in enumerate(value)}
        return _flat(named, path)
    return {} if value is None else {path: value}
