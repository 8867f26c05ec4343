"""Power sensors that other packages bring along, by entry point.

A package offers one in its ``pyproject.toml``:

    [project.entry-points."joulesplit.sensors"]
    mymeter = "mypackage.meter:open_meter"

``open_meter`` takes a ``SensorRequest`` and returns a ``PowerSensor``, not yet open; it may be
called in another process. ``drivers.conformance`` checks that the sensor keeps its promises.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

from joulesplit.drivers._request import SensorRequest
from joulesplit.drivers.errors import SensorUnavailableError
from joulesplit.drivers.protocols import PowerSensor

GROUP = "joulesplit.sensors"


SensorPlugin = Callable[[SensorRequest], PowerSensor]


def find_plugins() -> dict[str, EntryPoint]:
    """Return the plug-ins installed here by name, none of them imported yet."""
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def open_plugin(request: SensorRequest) -> PowerSensor:
    """Return the sensor of the plug-in that a request names, not yet open.

    Raises:
        SensorUnavailableError: There is no such plug-in, or it cannot be imported.
    """
    found, name = find_plugins(), request.kind
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
