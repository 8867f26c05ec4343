"""The power sensor of a program: by the name of its kind, as a factory, or as an object."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union, Unpack

from joulesplit.drivers import SIMULATED_KINDS, MonotonicClock, SensorOptions, SensorRequest
from joulesplit.drivers.errors import SensorRequestError
from joulesplit.drivers.protocols import PowerSensor

if TYPE_CHECKING:
    from joulesplit.calibrate.instrument import DeviceUnderTest

SensorLike = str | Callable[[], PowerSensor] | PowerSensor
"""The kind of a sensor; what returns one that is not open, such as a ``SensorRequest``; or one."""

SIMULATED_SEED = 1
"""Of a simulated board that none is given for."""

DeviceLike = Union[SensorLike, "DeviceUnderTest"]
"""A sensor that measures this machine, or a device with its sensor."""

RECORDS_IN = "joulesplit/sensors"
"""Where zeros and spans are kept, in a user's data directory."""


def own_records() -> Path:
    """Return the directory of this user's zeros and spans; behind ``sudo``, of who typed it."""
    from joulesplit.calibrate.environment import home_of_person

    data = os.environ.get("XDG_DATA_HOME") or home_of_person() / ".local/share"
    return Path(data) / RECORDS_IN


def sensor_request(kind: str, **options: Unpack[SensorOptions]) -> SensorRequest:
    """Describe a sensor, which is corrected by this user's zeros and spans unless told otherwise.

    Args:
        kind: ``ina219``, ``ina226``, ``pi-ina219``, ``hwmon``, ``pi5-pmic``, ``rapl``, ``replay``
            or the name of an installed plug-in.
        options: What ``SensorRequest`` has beside the kind, such as ``shunt_ohm``.

    Raises:
        SensorRequestError: Something that this kind needs is not said, or cannot be.
    """
    options.setdefault("records", own_records())
    request = SensorRequest(kind=kind, **options)
    request.check()
    return request


def open_sensor(kind: str, **options: Unpack[SensorOptions]) -> PowerSensor:
    """Return a real power sensor, not yet open: use it inside ``with``. Never a simulated one.

    Zeros and spans that ``joulesplit sensor`` recorded of it are applied.

    Args:
        kind: ``ina219``, ``ina226``, ``pi-ina219``, ``hwmon``, ``pi5-pmic``, ``rapl``, ``replay``
            or the name of an installed plug-in.
        options: What ``SensorRequest`` has beside the kind, such as ``shunt_ohm``.

    Raises:
        SensorRequestError: Something that this kind needs is not said, or cannot be.
        SensorError: The source is not there, no plug-in's either.
    """
    return sensor_request(kind, **options)()


def sensor_factory(
    sensor: SensorLike, **options: Unpack[SensorOptions]
) -> Callable[[], PowerSensor]:
    """Return what makes the sensor, for the process that samples.

    Args:
        sensor: Its kind, what returns it, or the sensor itself, not open.
        options: For a kind, what ``SensorRequest`` has beside it.

    Raises:
        SensorRequestError: Something that this kind needs is not said, or options are given for
            a sensor that is described already.
    """
    if isinstance(sensor, str):
        return sensor_request(sensor, **options)
    if options:
        raise _described_already(options)
    return sensor if callable(sensor) else _Given(sensor)


@dataclass(frozen=True, slots=True)
class _Given:
    """Hands out a sensor that somebody made; another process gets a copy of it."""

    sensor: PowerSensor

    def __call__(self) -> PowerSensor:
        return self.sensor


def device_of(sensor: DeviceLike, **options: Unpack[SensorOptions]) -> DeviceUnderTest:
    """Return what is to be measured: this machine under a sensor, unless it is given as a whole.

    A simulated board is one only where it is asked for by name, never in place of a sensor.

    Args:
        sensor: As for ``sensor_factory``, or a device with its sensor; ``simulated`` or
            ``simulated:SEED`` is a board with its sensor that exists in this program alone, and
            ``simulated-ina226`` one with an INA226.
        options: For a kind, what ``SensorRequest`` has beside it.

    Raises:
        SensorRequestError: As ``sensor_factory``.
    """
    from joulesplit.calibrate.instrument import DeviceUnderTest, RealDevice

    if isinstance(sensor, DeviceUnderTest):
        if options:
            raise _described_already(options)
        return sensor
    if isinstance(sensor, str) and sensor.partition(":")[0] in SIMULATED_KINDS:
        return _simulated(sensor, options)
    return RealDevice(sensor_factory=sensor_factory(sensor, **options), clock=MonotonicClock())


def _simulated(sensor: str, options: SensorOptions) -> DeviceUnderTest:
    """Return a simulated board with its sensor: ``simulated``, or ``simulated:SEED``.

    Raises:
        SensorRequestError: The seed is no number, or options describe what is drawn.
    """
    from joulesplit._simulation import world_from_now

    kind, _, seed = sensor.partition(":")
    seed = seed or str(SIMULATED_SEED)
    if options or not seed.isdecimal():
        given = ", ".join(options) or "that seed"
        raise SensorRequestError(
            f"{sensor!r} with {given} is no simulated board: everything in it is drawn from its "
            'seed, a whole number, as in "simulated:7"'
        )
    return world_from_now(int(seed), MonotonicClock(), chip=SIMULATED_KINDS[kind])


def _described_already(options: SensorOptions) -> SensorRequestError:
    return SensorRequestError(
        f"{', '.join(options)} would describe a sensor that is made already: give options "
        'together with a kind, such as "ina219"'
    )
