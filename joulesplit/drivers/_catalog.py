"""The kinds of power sensor there are, and boards with a chip of the INA2xx family, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorKind:
    """One value of ``--sensor``.

    Attributes:
        name: As given to ``--sensor``.
        summary: What it is, one sentence.
    """

    name: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A board with an INA219 or an INA226, and what is known of its shunt.

    Attributes:
        key: Short name for the command line.
        name: Maker's name.
        addresses: 7-bit addresses its jumpers or channels allow, the default first.
        shunt_ohm: Shunt resistance, ohm.
        shunt_tolerance: Relative tolerance; where unconfirmed, a cautious assumption.
        grade: Grade of an INA219 if the maker states it.
        confirmed: False if the shunt or its tolerance comes from vendors' samples only: read the
            marking on the resistor.
        note: What else to know, one sentence.
        chip: On it, as ``--sensor`` names it.
    """

    key: str
    name: str
    addresses: tuple[int, ...]
    shunt_ohm: float
    shunt_tolerance: float
    grade: str | None
    confirmed: bool
    note: str
    chip: str = "ina219"


SENSOR_KINDS = (
    SensorKind(
        name="ina219",
        summary="INA219 on an I2C bus, one reading per conversion, every anomaly flagged.",
    ),
    SensorKind(
        name="pi-ina219", summary="INA219 through the PyPI library pi-ina219, if installed."
    ),
    SensorKind(
        name="ina226",
        summary="INA226 on an I2C bus, likewise: finer steps, tighter limits, 82 mV of shunt.",
    ),
    SensorKind(
        name="hwmon", summary="A power monitor that a kernel driver reads, coarse; point samples."
    ),
    SensorKind(
        name="pi5-pmic",
        summary="Raspberry Pi 5's own power chip: an estimate that leaves out 5 V loads.",
    ),
    SensorKind(
        name="rapl", summary="Energy counters of x86 processor packages, for development on a PC."
    ),
    SensorKind(name="replay", summary="What monitor --record wrote, played back to monitor."),
    SensorKind(
        name="simulated",
        summary="A simulated INA219 and load; measures nothing, marked as simulated everywhere.",
    ),
    SensorKind(name="simulated-ina226", summary="The same load at a simulated INA226."),
)
"""Every kind that is built in; plug-ins add their own."""

BOARDS = (
    Board(
        key="adafruit-904",
        name="Adafruit INA219 breakout (904) and FeatherWing (3650)",
        addresses=(0x40, 0x41, 0x44, 0x45),
        shunt_ohm=0.1,
        shunt_tolerance=0.01,
        grade="B",
        confirmed=True,
        note="Two solder jumpers choose the address; ±3.2 A.",
    ),
    Board(
        key="generic-r100",
        name="GY-219, CJMCU-219 and similar breakouts marked R100",
        addresses=(0x40, 0x41, 0x44, 0x45),
        shunt_ohm=0.1,
        shunt_tolerance=0.05,
        grade=None,
        confirmed=False,
        note="Many clones; solder and screw terminals may add a milliohm, 1 % of this shunt.",
    ),
    Board(
        key="dfrobot-sen0291",
        name="DFRobot Gravity I2C wattmeter (SEN0291)",
        addresses=(0x45, 0x40, 0x41, 0x44),
        shunt_ohm=0.01,
        shunt_tolerance=0.03,
        grade=None,
        confirmed=True,
        note="±8 A; the maker states up to 3 % uncalibrated.",
    ),
    Board(
        key="waveshare-4ch",
        name="Waveshare Current/Power Monitor HAT, four channels",
        addresses=(0x40, 0x41, 0x42, 0x43),
        shunt_ohm=0.1,
        shunt_tolerance=0.05,
        grade=None,
        confirmed=False,
        note="One chip per channel; the tolerance is not stated.",
    ),
    Board(
        key="waveshare-ups-c",
        name="Waveshare UPS HAT (C)",
        addresses=(0x43,),
        shunt_ohm=0.01,
        shunt_tolerance=0.05,
        grade=None,
        confirmed=False,
        note="May sense the battery, not the 5 V rail: check before trusting its power.",
    ),
    Board(
        key="rak16000",
        name="RAKwireless WisBlock RAK16000",
        addresses=(0x41,),
        shunt_ohm=0.1,
        shunt_tolerance=0.05,
        grade=None,
        confirmed=False,
        note="Shunt from the vendor's sample code.",
    ),
    Board(
        key="generic-226-r100",
        name="CJMCU-226, GY-226 and similar breakouts with an INA226, marked R100",
        addresses=(0x40, 0x41, 0x44, 0x45),
        shunt_ohm=0.1,
        shunt_tolerance=0.05,
        grade=None,
        confirmed=False,
        note="Ends at 0.82 A, less than a Raspberry Pi 4 or 5 draws; join VBUS to VIN−.",
        chip="ina226",
    ),
    Board(
        key="generic-226-r010",
        name="Breakouts with an INA226, marked R010",
        addresses=(0x40, 0x41, 0x44, 0x45),
        shunt_ohm=0.01,
        shunt_tolerance=0.05,
        grade=None,
        confirmed=False,
        note="±8.2 A; of 10 mΩ, 0.3 mΩ of solder are 3 %, so take a span; join VBUS to VIN−.",
        chip="ina226",
    ),
)
"""What is known of boards."""


def board(key: str) -> Board:
    """Return the board of this key.

    Raises:
        KeyError: There is none.
    """
    return {entry.key: entry for entry in BOARDS}[key]
