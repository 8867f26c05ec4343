"""From what a user says of a sensor to that sensor, not yet open. Never a simulated one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from joulesplit.drivers._identity import identify_free
from joulesplit.drivers._plugins import open_plugin
from joulesplit.drivers._request import INA2XX_KINDS, SensorRequest
from joulesplit.drivers.errors import BusError
from joulesplit.drivers.protocols import I2cBus, PowerSensor
from joulesplit.drivers.readings import REPLAY_KIND

if TYPE_CHECKING:
    from joulesplit.drivers._pi_ina219 import PiIna219
    from joulesplit.drivers.ina2xx import Correction, Ina2xx, SensorIdentity, Wiring
    from joulesplit.drivers.ina219 import Ina219
    from joulesplit.drivers.ina226 import Ina226


def open_sensor(request: SensorRequest) -> PowerSensor:
    """Return the sensor that is described, not yet open.

    Raises:
        SensorRequestError: Something that this kind needs is not said.
        SensorError: The source is not there, no plug-in's either.
    """
    request.check()
    return _OPENERS.get(request.kind, open_plugin)(request)


def open_i2c_bus(number: int) -> I2cBus:
    """Return an I2C bus of this machine.

    Raises:
        BusError: It is missing, or may not be opened.
    """
    from joulesplit.drivers._i2c import SmbusI2cBus

    return SmbusI2cBus(number)


def find_chips(number: int) -> tuple[tuple[int, str], ...]:
    """Return address and ``--sensor`` of each chip on a bus that is read here.

    Nothing is written. Chips that another program measures with, and those that do not answer
    soundly, are left out.

    Args:
        number: Of the bus.

    Raises:
        BusError: It cannot be opened.
    """
    from joulesplit.drivers.ina2xx import ADDRESSES

    bus = open_i2c_bus(number)
    try:
        known = [(address, _chip_at(bus, address)) for address in ADDRESSES]
    finally:
        bus.close()
    return tuple((address, sensor) for address, sensor in known if sensor is not None)


def _chip_at(bus: I2cBus, address: int) -> str | None:
    """Return the ``--sensor`` of the chip at an address, None if there is none to be read."""
    try:
        return identify_free(bus, address).sensor
    except BusError:
        return None


def identity_of(request: SensorRequest) -> SensorIdentity:
    """Return what the records of a sensor go by: the chip behind its shunt, whoever reads it.

    Raises:
        SensorRequestError: The shunt is not stated.
    """
    from joulesplit.drivers.ina2xx import SensorIdentity

    return SensorIdentity(
        kind=INA2XX_KINDS[request.kind],
        bus=request.bus,
        address=request.address,
        shunt_ohm=request.stated_shunt_ohm(),
    )


def recorded_correction(request: SensorRequest) -> Correction | None:
    """Return what zeros and spans say about a sensor; None if there are none.

    Raises:
        SensorRequestError: The shunt is not stated.
        CorrectionRecordError: They cannot be read.
    """
    from joulesplit.drivers.ina2xx import CorrectionStore

    identity = identity_of(request)
    if request.records is None:
        return None
    records = CorrectionStore(request.records).load(identity)
    return records.correction_at(wiring_of(request).divider)


def wiring_of(request: SensorRequest) -> Wiring:
    """Return how a chip on an I2C bus is wired and set, as it is described.

    Raises:
        SensorRequestError: The shunt is not stated.
    """
    from joulesplit.drivers.ina219 import Ina219Wiring
    from joulesplit.drivers.ina226 import Ina226Wiring

    if INA2XX_KINDS[request.kind] == "ina226":
        return Ina226Wiring(
            address=request.address,
            shunt_ohm=request.stated_shunt_ohm(),
            shunt_tolerance=request.shunt_tolerance,
            expected_peak_a=request.expected_peak_a,
            shunt_samples=request.shunt_samples,
            rail=request.rail,
            simulated=False,
        )
    return Ina219Wiring(
        address=request.address,
        shunt_ohm=request.stated_shunt_ohm(),
        shunt_tolerance=request.shunt_tolerance,
        expected_peak_a=request.expected_peak_a,
        grade=request.grade,
        shunt_samples=request.shunt_samples,
        rail=request.rail,
        simulated=False,
        bus_range_v=request.bus_range_v,
    )


def open_correctable(request: SensorRequest) -> Ina2xx | PiIna219:
    """Return a sensor to which zeros and spans apply, with those there are, not yet open.

    Raises:
        SensorRequestError: The shunt is not stated.
        SensorError: The bus is not there, or its records cannot be read.
    """
    openers: dict[str, Callable[[SensorRequest], Ina2xx | PiIna219]] = {
        "pi-ina219": _pi_ina219,
        "ina226": _ina226,
    }
    return openers.get(request.kind, _ina219)(request)


def _ina219(request: SensorRequest) -> Ina219:
    from joulesplit.drivers.ina219 import Ina219

    correction = recorded_correction(request)
    return Ina219(
        open_i2c_bus(request.bus),
        address=request.address,
        shunt_ohm=request.stated_shunt_ohm(),
        shunt_tolerance=request.shunt_tolerance,
        expected_peak_a=request.expected_peak_a,
        bus_range_v=request.bus_range_v,
        grade=request.grade,
        shunt_samples=request.shunt_samples,
        clock=request.clock,
        correction=correction,
        rail=request.rail,
    )


def _ina226(request: SensorRequest) -> Ina226:
    from joulesplit.drivers.ina226 import Ina226

    correction = recorded_correction(request)
    return Ina226(
        open_i2c_bus(request.bus),
        address=request.address,
        shunt_ohm=request.stated_shunt_ohm(),
        shunt_tolerance=request.shunt_tolerance,
        expected_peak_a=request.expected_peak_a,
        shunt_samples=request.shunt_samples,
        clock=request.clock,
        correction=correction,
        rail=request.rail,
    )


def _pi_ina219(request: SensorRequest) -> PiIna219:
    from joulesplit.drivers._pi_ina219 import PiIna219

    return PiIna219(
        request.bus,
        address=request.address,
        shunt_ohm=request.stated_shunt_ohm(),
        shunt_tolerance=request.shunt_tolerance,
        expected_peak_a=request.expected_peak_a,
        bus_range_v=request.bus_range_v,
        grade=request.grade,
        clock=request.clock,
        correction=recorded_correction(request),
        rail=request.rail,
    )


def _hwmon(request: SensorRequest) -> PowerSensor:
    from joulesplit.drivers._hwmon import HwmonSensor

    return HwmonSensor(
        clock=request.clock,
        chip=request.hwmon_chip,
        channel=request.hwmon_channel,
        scale_tolerance=request.shunt_tolerance,
        shunt_ohm=request.shunt_ohm,
        rail=request.rail,
    )


def _pi5_pmic(request: SensorRequest) -> PowerSensor:
    from joulesplit.drivers._pmic import PmicSensor

    return PmicSensor(clock=request.clock)


def _rapl(request: SensorRequest) -> PowerSensor:
    from joulesplit.drivers._rapl import RaplSensor

    return RaplSensor(clock=request.clock)


def _replay(request: SensorRequest) -> PowerSensor:
    from joulesplit.drivers._replay import ReplaySensor

    return ReplaySensor(request.stated_trace(), clock=request.clock)


_OPENERS: dict[str, Callable[[SensorRequest], PowerSensor]] = {
    "ina219": _ina219,
    "pi-ina219": _pi_ina219,
    "ina226": _ina226,
    "hwmon": _hwmon,
    "pi5-pmic": _pi5_pmic,
    "rapl": _rapl,
    REPLAY_KIND: _replay,
}
