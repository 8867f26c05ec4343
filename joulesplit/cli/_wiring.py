"""The composition root: the one place that chooses a power source, real or simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from joulesplit.cli._choices import REPLAY, SIMULATED, SensorChoice
from joulesplit.cli._errors import CommandError

if TYPE_CHECKING:
    from joulesplit.calibrate import EnergyMeter
    from joulesplit.calibrate.sampling import SensorFactory
    from joulesplit.cli._simulation import SimulatedWorld
    from joulesplit.drivers import PiIna219
    from joulesplit.drivers.ina219 import Ina219
    from joulesplit.drivers.protocols import Clock, I2cBus, PowerSensor


def _shunt_ohm(choice: SensorChoice) -> float:
    if choice.shunt_ohm is None:
        raise CommandError(
            f"--sensor {choice.kind} needs --shunt-ohm: read it off the resistor of your board "
            "(R100 is 0.1, R010 is 0.01); every joule depends on it"
        )
    if not (isfinite(choice.shunt_ohm) and choice.shunt_ohm > 0):
        raise CommandError(f"a shunt of {choice.shunt_ohm} ohm cannot be: read it off the resistor")
    return choice.shunt_ohm


def _trace(choice: SensorChoice) -> Path:
    if choice.trace is None:
        raise CommandError("--sensor replay needs --trace FILE, as `monitor --record` writes it")
    return choice.trace


def open_i2c_bus(number: int) -> I2cBus:
    """Return an I2C bus of this machine.

    Raises:
        BusError: It is missing, or may not be opened.
    """
    from joulesplit.drivers import SmbusI2cBus

    return SmbusI2cBus(number)


def open_sensor(choice: SensorChoice) -> PowerSensor:
    """Return the chosen power sensor, not yet open. Never a simulated one.

    Raises:
        CommandError: An option is missing.
        SensorError: The source is not there, no plug-in's either.
    """
    if choice.kind == SIMULATED:
        raise CommandError("a simulated sensor needs a world: only whole commands can make one")
    return _OPENERS.get(choice.kind, _plugin)(choice)


def require_live(choice: SensorChoice) -> None:
    """Refuse a recording where work that runs now is to be measured.

    Raises:
        CommandError: It is one.
    """
    if choice.kind == REPLAY:
        raise _not_live("--sensor replay")


def _not_live(what: str) -> CommandError:
    return CommandError(
        f"{what} delivers readings of another time, which say nothing of work that runs now: it "
        "is for `joulesplit monitor`; measure with a sensor that is wired in"
    )


def try_sensor(choice: SensorChoice) -> None:
    """Open the chosen sensor and close it again, so that what is wrong with it shows first.

    What is worth knowing about its wiring goes to standard error.

    Raises:
        CommandError: An option is missing, or it replays a recording.
        SensorError: The source is not there, or is not what it should be.
    """
    if choice.kind != SIMULATED:
        give_advice(choice)
        with open_sensor(choice) as sensor:
            if sensor.description.replayed:
                raise _not_live(f"--sensor {choice.kind}")


def give_advice(choice: SensorChoice) -> None:
    """Say on standard error what to know about the chosen wiring before measuring."""
    from joulesplit.cli._output import note
    from joulesplit.cli._sensor_care import advice_of

    for line in advice_of(choice):
        note(f"warning: {line}")


@contextmanager
def energy_meter(choice: SensorChoice) -> Iterator[EnergyMeter]:
    """Sample the chosen sensor in a process of its own and meter windows with it.

    Raises:
        CommandError: An option is missing.
        SensorError: The source is not there, or is not what it should be.
    """
    from joulesplit.calibrate import EnergyMeter
    from joulesplit.calibrate.sampling import SamplerProcess
    from joulesplit.drivers import MonotonicClock

    clock = MonotonicClock()
    with SamplerProcess(sensor_factory(choice), clock) as sampler:
        yield EnergyMeter(sampler, clock)


def sensor_factory(choice: SensorChoice) -> SensorFactory:
    """Return a picklable maker of the chosen sensor.

    For ``simulated`` it is an idle world: nothing but the commands that also simulate the work
    can make it do any.
    """
    if choice.kind == SIMULATED:
        from joulesplit.drivers import MonotonicClock

        world: SimulatedWorld = simulated_world(choice.seed, MonotonicClock())
        return world.sensor_factory
    _check_options(choice)
    return partial(open_sensor, choice)


def simulated_world(seed: int, clock: Clock) -> SimulatedWorld:
    """Return a simulated world that begins now, in real time."""
    from joulesplit.calibrate.workloads import BoardCosts
    from joulesplit.cli._simulation import COLD_SHARE, SimulatedWorld, draw_world

    setup = draw_world(seed, clock.now_ns(), costs=BoardCosts(cold_share=COLD_SHARE))
    return SimulatedWorld.shared(setup, clock)


def _check_options(choice: SensorChoice) -> None:
    """Refuse what can be refused before a process is started."""
    if choice.kind in ("ina219", "pi-ina219"):
        _shunt_ohm(choice)
    if choice.kind == REPLAY:
        _trace(choice)


def open_ina219(choice: SensorChoice) -> Ina219:
    """Return the INA219 of the user's choice, with what is recorded about it, not yet open.

    Raises:
        CommandError: The shunt is missing.
        SensorError: The bus is not there, or its records cannot be read.
    """
    from joulesplit.cli._sensor_care import correction_of
    from joulesplit.drivers import MonotonicClock
    from joulesplit.drivers.ina219 import Ina219

    shunt_ohm = _shunt_ohm(choice)
    return Ina219(
        open_i2c_bus(choice.bus),
        address=choice.address,
        shunt_ohm=shunt_ohm,
        shunt_tolerance=choice.shunt_tolerance,
        expected_peak_a=choice.peak_current_a,
        bus_range_v=choice.bus_range_v,
        grade=choice.grade,
        shunt_samples=choice.shunt_samples,
        clock=MonotonicClock(),
        correction=correction_of(choice, shunt_ohm),
        rail=choice.rail,
    )


def open_pi_ina219(choice: SensorChoice) -> PiIna219:
    """Return the same chip through the PyPI library, likewise corrected, not yet open.

    Raises:
        CommandError: The shunt is missing.
        SensorError: Its records cannot be read.
    """
    from joulesplit.cli._sensor_care import correction_of
    from joulesplit.drivers import MonotonicClock, PiIna219

    shunt_ohm = _shunt_ohm(choice)
    return PiIna219(
        choice.bus,
        address=choice.address,
        shunt_ohm=shunt_ohm,
        shunt_tolerance=choice.shunt_tolerance,
        expected_peak_a=choice.peak_current_a,
        bus_range_v=choice.bus_range_v,
        grade=choice.grade,
        clock=MonotonicClock(),
        correction=correction_of(choice, shunt_ohm),
        rail=choice.rail,
    )


def open_correctable(choice: SensorChoice) -> Ina219 | PiIna219:
    """Return the chosen sensor, one to which zeros and spans apply, not yet open.

    Raises:
        CommandError: The shunt is missing.
        SensorError: The bus is not there, or its records cannot be read.
    """
    return open_pi_ina219(choice) if choice.kind == "pi-ina219" else open_ina219(choice)


def _hwmon(choice: SensorChoice) -> PowerSensor:
    from joulesplit.drivers import HwmonSensor, MonotonicClock

    return HwmonSensor(
        clock=MonotonicClock(),
        chip=choice.hwmon_chip,
        scale_tolerance=choice.shunt_tolerance,
        shunt_ohm=choice.shunt_ohm,
        rail=choice.rail,
    )


def _pi5_pmic(choice: SensorChoice) -> PowerSensor:
    from joulesplit.drivers import MonotonicClock, PmicSensor

    del choice
    return PmicSensor(clock=MonotonicClock())


def _rapl(choice: SensorChoice) -> PowerSensor:
    from joulesplit.drivers import MonotonicClock, RaplSensor

    del choice
    return RaplSensor(clock=MonotonicClock())


def _replay(choice: SensorChoice) -> PowerSensor:
    from joulesplit.drivers import MonotonicClock, ReplaySensor

    return ReplaySensor(_trace(choice), clock=MonotonicClock())


def _plugin(choice: SensorChoice) -> PowerSensor:
    from joulesplit.drivers import MonotonicClock, SensorRequest, open_plugin

    request = SensorRequest(
        clock=MonotonicClock(),
        bus=choice.bus,
        address=choice.address,
        shunt_ohm=choice.shunt_ohm,
        shunt_tolerance=choice.shunt_tolerance,
        expected_peak_a=choice.peak_current_a,
        rail=choice.rail,
        trace=choice.trace,
    )
    return open_plugin(choice.kind, request)


_OPENERS: dict[str, Callable[[SensorChoice], PowerSensor]] = {
    "ina219": open_ina219,
    "pi-ina219": open_pi_ina219,
    "hwmon": _hwmon,
    "pi5-pmic": _pi5_pmic,
    "rapl": _rapl,
    REPLAY: _replay,
}

KINDS = (*_OPENERS, SIMULATED)
"""Every value of ``--sensor`` that is built in; plug-ins add their own."""
