"""Which sensor is meant, and how it is wired: what a user says before any sensor is opened."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict

from joulesplit.drivers._clock import MonotonicClock
from joulesplit.drivers.errors import SensorRequestError
from joulesplit.drivers.protocols import Clock, PowerSensor
from joulesplit.drivers.readings import REPLAY_KIND

if TYPE_CHECKING:
    from joulesplit.drivers.ina2xx import Grade

SIMULATED = "simulated"
"""The kind that measures nothing; only whole commands can make it."""
SIMULATED_KINDS = {SIMULATED: "ina219", "simulated-ina226": "ina226"}
"""It and its variants, and which chip each simulates."""
INA2XX_KINDS = {"ina219": "ina219", "pi-ina219": "ina219", "ina226": "ina226"}
"""Kinds that read a chip over I2C, and which: they need its shunt and apply its corrections, and
two ways to read one chip share its records."""


class SensorOptions(TypedDict, total=False):
    """Everything that a ``SensorRequest`` says beside the kind of sensor; none is needed."""

    bus: int
    address: int
    shunt_ohm: float | None
    shunt_tolerance: float
    expected_peak_a: float | None
    bus_range_v: int
    grade: Literal["A", "B"] | None
    shunt_samples: int
    rail: str
    hwmon_chip: str | None
    hwmon_channel: str | None
    trace: Path | None
    records: Path | None
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorRequest:
    """A power sensor as the user describes it; called, it returns that sensor, not yet open.

    It can be pickled, so that the process that samples can be given it. A sensor takes from it
    what concerns it, and so does a plug-in.

    Attributes:
        kind: What to read: a name of ``SENSOR_KINDS``, or of an installed plug-in.
        bus: I2C bus number.
        address: 7-bit I2C address.
        shunt_ohm: Shunt resistance, ohm; None if not given.
        shunt_tolerance: Its relative tolerance.
        expected_peak_a: Largest current to expect, A; sets the range. None takes the widest.
        bus_range_v: Range of an INA219's bus voltage, 16 or 32 V.
        grade: Printed on an INA219, ``A`` or ``B``; None if unknown.
        shunt_samples: Half milliseconds of shunt conversion that a chip averages per reading: 1,
            2, 4 to 128; samples of an INA219.
        rail: What the sensor is wired into.
        hwmon_chip: Name, directory name or number of a kernel monitor; None if not given.
        hwmon_channel: Number or label of its channel; None if not given.
        trace: File to replay; None if not given.
        records: Directory of zeros and spans to correct by; None corrects nothing.
        clock: Time; the machine's own unless a test says otherwise.
    """

    kind: str
    bus: int = 1
    address: int = 0x40
    shunt_ohm: float | None = None
    shunt_tolerance: float = 0.01
    expected_peak_a: float | None = None
    bus_range_v: int = 16
    grade: Grade | None = None
    shunt_samples: int = 16
    rail: str = "5 V supply"
    hwmon_chip: str | None = None
    hwmon_channel: str | None = None
    trace: Path | None = None
    records: Path | None = None
    clock: Clock = field(default_factory=MonotonicClock, compare=False)

    def __call__(self) -> PowerSensor:
        """Return the sensor, not yet open: a request is a sensor factory.

        Raises:
            SensorRequestError: Something that this kind needs is not said.
            SensorError: The source is not there, no plug-in's either.
        """
        from joulesplit.drivers._opening import open_sensor

        return open_sensor(self)

    def check(self) -> None:
        """Refuse what can be refused without looking for the sensor.

        Raises:
            SensorRequestError: Something that this kind needs is not said, or cannot be.
        """
        if self.kind in INA2XX_KINDS:
            self.stated_shunt_ohm()
        if self.kind == REPLAY_KIND:
            self.stated_trace()
        if self.kind in SIMULATED_KINDS:
            raise SensorRequestError(
                "a simulated sensor needs a world to measure, which it is never opened without: "
                "take a sensor that is wired in"
            )

    def stated_shunt_ohm(self) -> float:
        """Return the shunt's resistance, ohm, on which every joule depends.

        Raises:
            SensorRequestError: It is not stated, or cannot be.
        """
        if self.shunt_ohm is None:
            raise SensorRequestError(
                f"the sensor {self.kind} needs shunt_ohm (--shunt-ohm): read it off the resistor "
                "of your board (R100 is 0.1, R010 is 0.01); every joule depends on it"
            )
        if not (isfinite(self.shunt_ohm) and self.shunt_ohm > 0):
            raise SensorRequestError(
                f"a shunt of {self.shunt_ohm} ohm cannot be: read it off the resistor"
            )
        return self.shunt_ohm

    def stated_trace(self) -> Path:
        """Return the recording to play back.

        Raises:
            SensorRequestError: None is stated.
        """
        if self.trace is None:
            raise SensorRequestError(
                "the sensor replay needs trace (--trace FILE), as `joulesplit monitor --record` "
                "writes it"
            )
        return self.trace


def simulated_kind(chip: str) -> str:
    """Return the kind that simulates a chip, given as ``--sensor`` names it."""
    return next(kind for kind, simulated in SIMULATED_KINDS.items() if simulated == chip)
