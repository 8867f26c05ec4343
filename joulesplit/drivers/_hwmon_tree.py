"""What the kernel's power monitors offer: the channels under ``/sys/class/hwmon``.

Interface: kernel documentation, hwmon/sysfs-interface. Voltages are numbered from 0 and currents
from 1, and a number in common means nothing by itself: ``in1`` is the bus voltage of an INA219 and
a pin of the USB-C socket of a POWER-Z. So a voltage belongs to a current by what the documentation
of its driver says, by its label, or by numbers that leave no choice; else no power is made of them.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

HWMON_ROOT = Path("/sys/class/hwmon")
UOHM_PER_OHM = 1_000_000

TI_FAMILY = frozenset(
    {"ina209", "ina219", "ina220", "ina226", "ina228", "ina230", "ina231", "ina232", "ina234"}
    | {"ina236", "ina237", "ina238", "ina260", "ina700", "ina780", "sq52206", "sy24655"}
)
"""Drivers ina209, ina2xx and ina238: in0 is over the shunt, in1 at the bus."""

_VOLTAGE_OF_CURRENT = {
    **{name: {1: 1} for name in TI_FAMILY},
    # curr4 is a sum, in4 to in7 are shunt voltages.
    "ina3221": {1: 1, 2: 2, 3: 3},
    "powerz": {1: 0},
    "ltc2947": {1: 0},
    # in2 is an input for measuring something else.
    "ltc2945": {1: 1},
    "ltc4151": {1: 1},
}
"""Number of the voltage of each current, by driver (kernel documentation, hwmon/)."""

_FILE = re.compile(r"^(in|curr|power|energy)(\d+)_input$")
_WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class HwmonChannel:
    """One current or power that a chip measures, with what belongs to it.

    Attributes:
        number: N of ``currN`` or ``powerN``.
        label: As the driver or the device tree calls it, empty if they do not.
        current: File of the current, None without one.
        voltage: File of the voltage at which that current flows, None if that is not known.
        power: File of the power, None without one.
        energy: File of the energy, None without one.
        shunt_ohm: What the driver takes the shunt to be, None if it does not say.
        shunt_file: Where it says so.
        switches: Files that say 1 while the channel is measured.
    """

    number: int
    label: str
    current: str | None
    voltage: str | None
    power: str | None
    energy: str | None
    shunt_ohm: float | None
    shunt_file: str | None
    switches: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """Whether it gives a power, by itself or as a product."""
        return self.power is not None or None not in (self.current, self.voltage)

    @property
    def title(self) -> str:
        """Number and label, for people."""
        return f"{self.number} ({self.label})" if self.label else str(self.number)

    def goes_by(self, wanted: str) -> bool:
        """Say whether a user means it, by number or by label."""
        return wanted == str(self.number) or wanted.casefold() == self.label.casefold() != ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HwmonChip:
    """One hwmon directory that can give a power.

    Attributes:
        directory: Its directory.
        name: What its driver calls it.
        channels: What it measures.
    """

    directory: Path
    name: str
    channels: tuple[HwmonChannel, ...]

    def goes_by(self, wanted: str | None) -> bool:
        """Say whether a user means it: by name, directory name or its number; None means any."""
        names = (self.name, self.directory.name, self.directory.name.removeprefix("hwmon"))
        return wanted is None or wanted in names

    def is_on(self, channel: HwmonChannel) -> bool:
        """Say whether a channel is being measured; without a switch it is."""
        return not self.switched_off(channel)

    def switched_off(self, channel: HwmonChannel) -> tuple[Path, ...]:
        """Return the files by which a channel is switched off."""
        paths = (self.directory / switch for switch in channel.switches)
        return tuple(path for path in paths if path.read_text().strip() == "0")


def find_power_chips(root: Path = HWMON_ROOT) -> tuple[HwmonChip, ...]:
    """Return the hwmon chips under ``root`` that measure a power, in order of their numbers.

    One whose currents cannot be told a voltage is among them, so that it can be named.
    """
    chips = (_inspect(directory) for directory in sorted(root.glob("hwmon*"), key=_number_of))
    return tuple(chip for chip in chips if chip.channels)


def _number_of(directory: Path) -> int:
    """Return N of ``hwmonN``."""
    number = directory.name.removeprefix("hwmon")
    return int(number) if number.isdecimal() else sys.maxsize


def _inspect(directory: Path) -> HwmonChip:
    name = _text(directory / "name") or directory.name
    quantities = _Quantities.of(directory)
    currents = [quantities.channel_of(number, name) for number in quantities.numbers("curr")]
    taken = {channel.power for channel in currents}
    powers = [
        quantities.power_alone(number)
        for number in quantities.numbers("power")
        if f"power{number}_input" not in taken
    ]
    has_voltage = bool(quantities.numbers("in"))
    channels = [c for c in currents if c.is_complete or has_voltage]
    return HwmonChip(directory=directory, name=name, channels=(*channels, *powers))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantities:
    """The inputs of one directory: label by number, by kind of quantity."""

    directory: Path
    labels: dict[str, dict[int, str]]

    @classmethod
    def of(cls, directory: Path) -> _Quantities:
        labels: dict[str, dict[int, str]] = {}
        for path in directory.glob("*_input"):
            if found := _FILE.match(path.name):
                kind, number = found[1], int(found[2])
                label = _text(directory / f"{kind}{number}_label")
                labels.setdefault(kind, {})[number] = label
        return cls(directory=directory, labels=labels)

    def numbers(self, kind: str) -> list[int]:
        return sorted(self.labels.get(kind, ()))

    def channel_of(self, number: int, driver: str) -> HwmonChannel:
        known = _VOLTAGE_OF_CURRENT.get(driver)
        if known is None:
            voltage = self._partner(number, "curr", "in")
        else:
            voltage = known.get(number)
            voltage = voltage if voltage in self.labels.get("in", ()) else None
        power = self._partner(number, "curr", "power")
        return self._channel(
            number,
            label=self.labels["curr"][number] or self.labels.get("in", {}).get(voltage or 0, ""),
            current=f"curr{number}_input",
            voltage=_file("in", voltage),
            power=_file("power", power),
            energy=_file("energy", self._partner(number, "curr", "energy")),
            switches=[("curr", number), ("in", voltage), ("power", power)],
        )

    def power_alone(self, number: int) -> HwmonChannel:
        return self._channel(
            number,
            label=self.labels["power"][number],
            current=None,
            voltage=None,
            power=f"power{number}_input",
            energy=_file("energy", self._partner(number, "power", "energy")),
            switches=[("power", number)],
        )

    def _channel(
        self,
        number: int,
        *,
        label: str,
        current: str | None,
        voltage: str | None,
        power: str | None,
        energy: str | None,
        switches: list[tuple[str, int | None]],
    ) -> HwmonChannel:
        of_channel, of_chip = f"shunt{number}_resistor", "shunt_resistor"
        shunts = [file for file in (of_channel, of_chip) if (self.directory / file).is_file()]
        shunt = shunts[0] if shunts and current else None
        uohm = _text(self.directory / shunt) if shunt else ""
        named = [f"{kind}{at}_enable" for kind, at in switches if at is not None]
        return HwmonChannel(
            number=number,
            label=label,
            current=current,
            voltage=voltage,
            power=power,
            energy=energy,
            shunt_ohm=int(uohm) / UOHM_PER_OHM if uohm else None,
            shunt_file=shunt,
            switches=tuple(file for file in named if (self.directory / file).is_file()),
        )

    def _partner(self, number: int, kind: str, other: str) -> int | None:
        """Return the number of the quantity that goes with one of another kind, None if unclear."""
        ours, theirs = self.labels[kind], self.labels.get(other, {})
        if ours[number] and any(theirs.values()):
            stem = _without_quantity(ours[number])
            same = [at for at, label in theirs.items() if _without_quantity(label) == stem]
            if same or other == "in":
                return same[0] if len(same) == 1 else None
        if other != "in":
            return number if number in theirs else None
        if len(ours) == len(theirs) == 1:
            return next(iter(theirs))
        return number if set(ours) == set(theirs) else None


def _without_quantity(label: str) -> tuple[str, ...]:
    """Return a label without the letters that say current, voltage or power: IBUS, vout1, pin."""
    words = _WORD.findall(label.casefold())
    return tuple(word[1:] if word[0] in "ivp" and len(word) > 1 else word for word in words)


def _file(kind: str, number: int | None) -> str | None:
    return None if number is None else f"{kind}{number}_input"


def _text(path: Path) -> str:
    """Return the content of an attribute, empty if it is not there or cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
