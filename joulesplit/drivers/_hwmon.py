"""Power monitors that a kernel driver already reads: ``/sys/class/hwmon``.

Interface: kernel documentation, hwmon/sysfs-interface: ``curr1_input`` in mA, ``in1_input`` in mV,
``power1_input`` in µW. The kernel's ina2xx driver runs an INA219 at its power-on settings, without
averaging, so this source suits monitoring better than a measurement.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from joulesplit.drivers._polled_sensor import POWER_ONLY_VOLTAGE_V, PolledSensor
from joulesplit.drivers.errors import SensorConfigurationError, SensorUnavailableError
from joulesplit.drivers.ina219 import (
    POWER_ON_CONFIGURATION,
    Circuit,
    accuracy_terms,
    decode_configuration,
)
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import AccuracyTerm, Reading, ReadingFlag, SensorDescription

HWMON_ROOT = Path("/sys/class/hwmon")
AMPERE_PER_MA = 1e-3
VOLT_PER_MV = 1e-3
WATT_PER_UW = 1e-6
UOHM_PER_OHM = 1_000_000
INA219_NAME = "ina219"
TYPICAL_RAIL_V = 5.0
PEAK_CURRENT_A = 3.0  # of a Raspberry Pi 5, as the kernel asks nobody for the largest current


@dataclass(frozen=True, slots=True, kw_only=True)
class HwmonChip:
    """One hwmon directory that can give a power.

    Attributes:
        directory: Its directory.
        name: What its driver calls it.
        has_current: It has ``curr1_input`` and ``in1_input``.
        has_power: It has ``power1_input``.
        shunt_ohm: What the driver takes the shunt to be, None if it does not say.
    """

    directory: Path
    name: str
    has_current: bool
    has_power: bool
    shunt_ohm: float | None

    def goes_by(self, wanted: str | None) -> bool:
        """Say whether a user means it: by name, directory name or its number; None means any."""
        names = (self.name, self.directory.name, self.directory.name.removeprefix("hwmon"))
        return wanted is None or wanted in names


def find_power_chips(root: Path = HWMON_ROOT) -> tuple[HwmonChip, ...]:
    """Return the hwmon chips under ``root`` that measure a power, in order of their numbers."""
    chips = (_inspect(directory) for directory in sorted(root.glob("hwmon*"), key=_number_of))
    return tuple(chip for chip in chips if chip.has_current or chip.has_power)


def _number_of(directory: Path) -> int:
    """Return N of ``hwmonN``."""
    number = directory.name.removeprefix("hwmon")
    return int(number) if number.isdecimal() else sys.maxsize


def _inspect(directory: Path) -> HwmonChip:
    shunt = directory / "shunt_resistor"
    name = directory / "name"
    return HwmonChip(
        directory=directory,
        name=name.read_text().strip() if name.is_file() else directory.name,
        has_current=all((directory / file).is_file() for file in ("curr1_input", "in1_input")),
        has_power=(directory / "power1_input").is_file(),
        shunt_ohm=int(shunt.read_text()) / UOHM_PER_OHM if shunt.is_file() else None,
    )


class HwmonSensor(PolledSensor):
    """A hwmon chip, read at even intervals; each reading is a point sample, not a mean.

    Args:
        clock: Time.
        chip: Name, directory name (``hwmon2``) or number of the chip; None takes the only one.
        root: Where the chips are.
        interval_s: From one reading to the next, s.
        scale_tolerance: Relative tolerance of the power: the shunt's for an INA219, otherwise
            what the maker of the board states.
        shunt_ohm: The shunt on the board, ohm; a driver that takes it for another is refused. None
            trusts the driver.
        rail: What it is wired into.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        chip: str | None = None,
        root: Path = HWMON_ROOT,
        interval_s: float = 0.05,
        scale_tolerance: float,
        shunt_ohm: float | None = None,
        rail: str = "5 V supply",
    ) -> None:
        super().__init__(clock=clock, interval_s=interval_s)
        self._wanted = chip
        self._root = root
        self._scale_tolerance = scale_tolerance
        self._shunt_ohm = shunt_ohm
        self._rail = rail
        self._chip: HwmonChip | None = None

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is; final once the sensor is open."""
        chip = self._chip
        name = chip.name if chip else (self._wanted or "not opened")
        power_only = chip is not None and not chip.has_current
        return SensorDescription(
            kind="hwmon",
            name=f"kernel power monitor {name}",
            rail=self._rail,
            includes="what flows through the monitor's shunt, as its kernel driver computes it",
            simulated=False,
            modelled=False,
            cycle_s=self._interval_s,
            observed_fraction=self._observed_fraction(),
            voltage_resolution_v=VOLT_PER_MV,
            current_resolution_a=AMPERE_PER_MA,
            full_scale_a=float("inf"),
            accuracy=self._accuracy(),
            settings={
                "chip": name,
                "directory": str(chip.directory) if chip else None,
                "shunt_ohm": chip.shunt_ohm if chip else None,
                "power_only": power_only,
            },
        )

    def _observed_fraction(self) -> float:
        """Return the observed share; 0 where nobody says how long the chip averages."""
        if self._chip is None or self._chip.name != INA219_NAME:
            return 0.0
        return min(1.0, decode_configuration(POWER_ON_CONFIGURATION).shunt_s / self._interval_s)

    def _accuracy(self) -> tuple[AccuracyTerm, ...]:
        chip = self._chip
        if chip is not None and chip.name == INA219_NAME and chip.shunt_ohm:
            return accuracy_terms(
                Circuit(
                    grade=None,
                    gain=decode_configuration(POWER_ON_CONFIGURATION).gain,
                    shunt_ohm=chip.shunt_ohm,
                    shunt_tolerance=self._scale_tolerance,
                    peak_current_a=PEAK_CURRENT_A,
                    bus_voltage_v=TYPICAL_RAIL_V,
                )
            )
        return (
            AccuracyTerm(
                name="stated accuracy",
                kind="scale",
                half_width=self._scale_tolerance,
                distribution="rectangular",
                source="given by the user",
            ),
        )

    def _open(self) -> None:
        chips = find_power_chips(self._root)
        meant = [chip for chip in chips if chip.goes_by(self._wanted)]
        there = ", ".join(f"{chip.directory.name} ({chip.name})" for chip in meant or chips)
        if len(meant) > 1:
            raise SensorConfigurationError(
                f"{len(meant)} hwmon chips in {self._root} could be meant: {there}; choose one by "
                f"its number, as in --hwmon-chip {meant[0].directory.name}"
            )
        if not meant:
            raise SensorUnavailableError(
                f"no hwmon chip {self._wanted or ''} with a power or current input in {self._root} "
                f"(found: {there or 'none'}); load its driver, for an INA219: modprobe ina2xx and "
                "echo ina219 0x40 > /sys/bus/i2c/devices/i2c-1/new_device"
            )
        self._refuse_other_shunt(meant[0])
        self._chip = meant[0]

    def _refuse_other_shunt(self, chip: HwmonChip) -> None:
        """Without a device tree the kernel takes every INA219's shunt to be 10 milliohm."""
        if self._shunt_ohm is None or chip.shunt_ohm is None:
            return
        wanted_uohm = round(self._shunt_ohm * UOHM_PER_OHM)
        if wanted_uohm != round(chip.shunt_ohm * UOHM_PER_OHM):
            raise SensorConfigurationError(
                f"the kernel takes the shunt of {chip.name} to be {chip.shunt_ohm:g} ohm, the "
                f"board's is {self._shunt_ohm:g} ohm: every current would be wrong by that ratio; "
                f"set it with: echo {wanted_uohm} | sudo tee {chip.directory / 'shunt_resistor'}"
            )

    def _sample(self, flags: ReadingFlag) -> Reading:
        assert self._chip is not None
        if self._chip.has_current:
            words = (self._number("curr1_input"), self._number("in1_input"))
            current_a, voltage_v = words[0] * AMPERE_PER_MA, words[1] * VOLT_PER_MV
            return Reading(
                t_ns=self._clock.now_ns(),
                raw=words,
                voltage_v=voltage_v,
                current_a=current_a,
                flags=flags,
            )
        power_uw = self._number("power1_input")
        return Reading(
            t_ns=self._clock.now_ns(),
            raw=(power_uw,),
            voltage_v=POWER_ONLY_VOLTAGE_V,
            current_a=power_uw * WATT_PER_UW / POWER_ONLY_VOLTAGE_V,
            flags=flags,
        )

    def _number(self, file: str) -> int:
        assert self._chip is not None
        try:
            return int((self._chip.directory / file).read_text())
        except (OSError, ValueError) as error:
            raise SensorUnavailableError(
                f"{self._chip.directory / file} cannot be read ({error}); is the chip still "
                "powered and its driver bound?"
            ) from error
