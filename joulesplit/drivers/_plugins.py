"""Power sensors that other packages bring along, by entry point.

A package offers one in its ``pyproject.toml``:

    [project.entry-points."joulesplit.sensors"]
    mymeter = "mypackage.meter:open_meter"

``open_meter`` takes a ``SensorRequest`` and returns a ``PowerSensor``, not yet open; it may be
called in another process. ``joulesplit.drivers.conformance`` checks that the sensor keeps its promises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from joulesplit.drivers.errors import SensorUnavailableError
from joulesplit.drivers.protocols import Clock, PowerSensor

GROUP = "joulesplit.sensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRequest:
    """What the user said; a plug-in takes what concerns it.

    Attributes:
        clock: Time.
        bus: I2C bus number.
        address: 7-bit I2C address.
        shunt_ohm: Shunt resistance, ohm; None if not given.
        shunt_tolerance: Its relative tolerance.
        expected_peak_a: Largest current to expect, A; None if the user does not say.
        rail: What the sensor is wired into.
        trace: A file given with ``--trace``; None if not given.
    """

    clock: Clock
    bus: int
    address: int
    shunt_ohm: float | None
    shunt_tolerance: float
    expected_peak_a: float | None
    rail: str
    trace: Path | None


SensorPlugin = Callable[[SensorRequest], PowerSensor]


def find_plugins() -> dict[str, EntryPoint]:
    """Return the plug-ins installed here by name, none of them imported yet."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def open_plugin(name: str, request: SensorRequest) -> PowerSensor:
    """Return the sensor of a plug-in, not yet open.

    Raises:
        SensorUnavailableError: There is no such plug-in, or it cannot be imported.
    """
    found = find_plugins()
    if name not in found:
        raise SensorUnavailableError(
            f"no installed package offers the sensor {name!r} (entry-point group {GROUP}); "
            f"there are: {', '.join(found) or 'none'}"
        )
    try:
        plugin: SensorPlugin = found[name].load()
    except (ImportError, AttributeError) as error:
        raise SensorUnavailableError(
            f"the sensor plug-in {name!r} cannot be imported ({error}); install its package again"
        ) from error
    return plugin(request)
