"""What one chip of the family differs in from the others, as data; each has its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CONFIGURATION_REGISTER = 0
"""As the next three the same in every chip of the family that has registers of 16 bits."""
SHUNT_REGISTER = 1
"""The shunt voltage."""
BUS_REGISTER = 2
"""The bus voltage."""
POWER_REGISTER = 3
RESET_BIT = 0x8000
"""Of the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyBit:
    """Where a chip says that a conversion has ended.

    Attributes:
        register: That holds the bit; reading it clears it, unless reading the power does.
        bit: Its mask.
        data_shift: The register's other bits begin here.
        steady_steps: By how much these may differ from what was believed last.
        reads: Registers read per conversion, from the one that showed the bit on.
        cleared_by: Name of the read that clears it, for the settings of the sensor.
    """

    register: int
    bit: int
    data_shift: int
    steady_steps: int
    reads: int
    cleared_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetMark:
    """A word that a reset clears, which shows in the register of the ready bit.

    Attributes:
        register: That it is written to.
        word: It.
        stays: Bits of that register that only a write changes.
        bit: By which it shows in the register of the ready bit.
        sure_code: Magnitude of the shunt code from which on it certainly shows.
        least_code: Magnitude from which on it perhaps does.
    """

    register: int
    word: int
    stays: int
    bit: int
    sure_code: int
    least_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One chip of the family.

    Attributes:
        name: As it is printed on it; in lower case the name of its ``--sensor``.
        power_on_word: Configuration after a reset.
        kept_registers: Those to leave as they were found, the configuration first.
        shunt_step_v: Step of the shunt voltage, V.
        bus_step_v: Step of the bus voltage, V.
        bus_shift: Bits of the bus word below the voltage.
        ready: Its ready bit.
        mark: By which it tells that it was not reset.
        first_result_ns: Shortest time from a reset to the first result after it, ns.
        supply: Voltages it works at, for messages.
        voltage_pin: Where it measures the bus voltage: at the load's side of the shunt by itself
            (VIN−), or at a pin that the user has to join to that.
    """

    name: str
    power_on_word: int
    kept_registers: tuple[int, ...]
    shunt_step_v: float
    bus_step_v: float
    bus_shift: int
    ready: ReadyBit
    mark: ResetMark
    first_result_ns: int
    supply: str
    voltage_pin: str

    @property
    def kind(self) -> str:
        """Name of its ``--sensor``."""
        return self.name.lower()

    def shunt_voltage_v(self, word: int) -> float:
        """Return the shunt voltage of a shunt word, V: two's complement of 16 bits."""
        return signed(word) * self.shunt_step_v

    def bus_voltage_v(self, word: int) -> float:
        """Return the bus voltage of a bus word, V."""
        return (word >> self.bus_shift) * self.bus_step_v


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipSettings:
    """What the driver has to know of how a chip is set.

    Attributes:
        word: Its configuration.
        cycle_s: Typical time from one result to the next, s.
        kept_s: Typical time from there until the next shunt result may replace the last, s.
        single_word: Configuration that converts single samples as fast as it can; None if it does
            so anyway.
        single_s: Typical time of one of these, s.
        shunt_limit_code: Magnitude of a shunt code at full scale.
        bus_limit_code: Bus code at full scale.
        shunt_range: Name of the range of the shunt voltage.
        is_widest: No range is larger.
        beyond_bus: What to do where the bus voltage leaves its range.
    """

    word: int
    cycle_s: float
    kept_s: float
    single_word: int | None
    single_s: float
    shunt_limit_code: int
    bus_limit_code: int
    shunt_range: str
    is_widest: bool
    beyond_bus: str


def signed(word: int) -> int:
    """Return the signed code of a word, two's complement."""
    return word - 0x10000 if word & 0x8000 else word


def convert_words(
    chip: Chip, shunt_words: npt.ArrayLike, bus_words: npt.ArrayLike, *, shunt_ohm: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Convert recorded register words again, for instance with a better known shunt.

    Args:
        chip: Whose they are.
        shunt_words: Words of register 0x01, shape (n,), unsigned.
        bus_words: Words of register 0x02, shape (n,), unsigned.
        shunt_ohm: Shunt resistance, ohm.

    Returns:
        Bus voltage (V) and current (A), float64, shape (n,).
    """
    # What samples the chip needs none of it, and is much smaller without.
    import numpy as np

    codes = np.asarray(shunt_words, dtype=np.uint16).astype(np.int16)
    volts = (np.asarray(bus_words, dtype=np.uint16) >> chip.bus_shift) * chip.bus_step_v
    return volts.astype(np.float64), codes.astype(np.float64) * (chip.shunt_step_v / shunt_ohm)
