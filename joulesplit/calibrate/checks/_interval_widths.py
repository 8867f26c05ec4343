"""Is an interval what its value, uncertainties and degrees of freedom give? Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot

import numpy as np

from joulesplit.calibrate.checks._soundness import leaves_of
from joulesplit.calibrate.checks._spec import CHANGED, CheckSpec
from joulesplit.calibrate.profile import Check, DeviceProfile, Quantity
from joulesplit.metrology import (
    combined_coverage_factor,
    combined_inverse_freedom,
    flat_inverse_freedom,
)

INTERVAL_LIMIT = 0.015
"""How far an interval may be off what its uncertainties give, relative: three digits of each."""

CENTRE_LIMIT = 0.01
"""How far off a value's place in its interval may be, of the interval's half."""

INTERVALS_FOLLOW = CheckSpec(
    name="intervals-follow",
    finds="intervals that are not what their value, uncertainties and degrees of freedom give",
    unit="figures",
    limit=0,
    severity="fail",
    advice=f"{{names}}: value, uncertainties and interval do not fit each other: {CHANGED}",
)


def interval_checks(profile: DeviceProfile) -> Iterator[Check]:
    """Yield the check of every interval in a profile of sound form."""
    names = [*_wrong_intervals(profile), *_wrong_views(profile)]
    yield INTERVALS_FOLLOW.judge(len(names), names=", ".join(names[:3]))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Interval:
    """An interval with what it should be made of.

    Attributes:
        half: Of its length, by the form in which the value is nearest to its middle.
        uncertainty: Standard, of all that is stated.
        least, most: 1/ν that the parts can have together.
    """

    path: str
    half: float
    uncertainty: float
    least: float
    most: float


UNSTATED = 1.0
"""1/ν of what scatters by so few observations as there can be."""


def _wrong_intervals(profile: DeviceProfile) -> Iterator[str]:
    """Name the intervals that are not what value, uncertainties and freedom give."""
    told = []
    for path, quantity in leaves_of(profile).figures:
        if quantity.ci95 is None or quantity.u_stat is None or quantity.u_sys is None:
            continue
        half = _half_width(quantity, is_ratio=path.startswith("e_d_over_e_c"))
        if half is None:
            yield path
            continue
        freedom = quantity.degrees_of_freedom
        scatter = 1 / freedom if freedom else 0.0
        told.append(
            _Interval(
                path=path,
                half=half,
                uncertainty=hypot(quantity.u_stat, quantity.u_sys),
                least=_together(quantity, scatter, flat_inverse_freedom(1.0)),
                most=_together(quantity, scatter if freedom else UNSTATED, 0.0),
            )
        )
    yield from _of_other_width(told)


def _together(quantity: Quantity, scatter: float, bounds: float) -> float:
    parts = ((quantity.u_stat or 0.0, scatter), (quantity.u_sys or 0.0, bounds))
    return combined_inverse_freedom(parts)


def _of_other_width(told: list[_Interval]) -> Iterator[str]:
    """Name the intervals whose width no distribution of their parts gives."""
    if not told:
        return
    ends = np.array([[one.least, one.most] for one in told])
    factors = combined_coverage_factor(ends)
    for one, (low, high) in zip(told, factors, strict=True):
        least, most = low * (1 - INTERVAL_LIMIT), high * (1 + INTERVAL_LIMIT)
        if not least * one.uncertainty <= one.half <= most * one.uncertainty:
            yield one.path


def _half_width(quantity: Quantity, *, is_ratio: bool) -> float | None:
    """Return half of an interval, about the value or about what the value is 1 over.

    Fieller's interval of a ratio has its value off the middle by as much as the half is wide.

    Returns:
        None if the value is in the middle of neither.
    """
    interval = quantity.ci95 or (quantity.value, quantity.value)
    half = (interval[1] - interval[0]) / 2
    slack = half**2 / quantity.value if is_ratio and quantity.value > 0 else 0.0
    return _half_about(quantity.value, interval, slack)


def _half_about(value: float, interval: tuple[float, float], slack: float = 0.0) -> float | None:
    low, high = interval
    half = (high - low) / 2
    if abs((high + low) / 2 - value) <= CENTRE_LIMIT * half + slack:
        return half
    if low <= 0:
        return None
    below, above = value / low - 1, 1 - value / high
    centred = abs(below - above) <= CENTRE_LIMIT * (below + above)
    return value * (below + above) / 2 if centred else None


def _wrong_views(profile: DeviceProfile) -> Iterator[str]:
    """Name the figures of other methods that are not in the middle of their intervals."""
    for path, view in leaves_of(profile).views:
        for name in ("ci95", "bootstrap_ci95"):
            interval = getattr(view, name)
            if interval is not None and _half_about(view.value, interval) is None:
                yield f"{path}.{name}"
