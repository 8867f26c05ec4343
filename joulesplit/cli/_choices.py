"""What the user chose on the command line. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joulesplit.drivers.ina219 import Grade

REPLAY = "replay"
SIMULATED = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorChoice:
    """What the user said about the power source.

    Attributes:
        kind: As given to ``--sensor``.
        bus: I2C bus number.
        address: 7-bit I2C address.
        shunt_ohm: Shunt resistance, ohm; None if not given.
        shunt_tolerance: Its relative tolerance.
        peak_current_a: Largest current to expect, A; None takes the widest range.
        bus_range_v: Range of the bus voltage, V.
        grade: ``A`` or ``B``; None if unknown.
        trace: File to replay; None if not given.
        hwmon_chip: Name, directory name or number of a kernel monitor; None if not given.
        rail: What the sensor is wired into.
        seed: Of a simulated world.
        shunt_samples: Shunt samples that an INA219 averages per conversion.
        supply_v: Voltage before the shunt, V.
        store: Directory of zeros and spans; None for this user's own.
    """

    kind: str
    bus: int = 1
    address: int = 0x40
    shunt_ohm: float | None = None
    shunt_tolerance: float = 0.01
    peak_current_a: float | None = None
    bus_range_v: int = 16
    grade: Grade | None = None
    trace: Path | None = None
    hwmon_chip: str | None = None
    rail: str = "5 V supply"
    seed: int = 1
    shunt_samples: int = 16
    supply_v: float = 5.1
    store: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeChoice:
    """What the user said about the edge server.

    Attributes:
        url: ``http://HOST:PORT``; None if not given.
        token: What the server was started with; None if not given.
    """

    url: str | None
    token: str | None
