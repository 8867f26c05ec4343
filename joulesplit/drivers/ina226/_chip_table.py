"""The INA226's table, and how one is wired and set (TI SBOS547B)."""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina2xx import (
    CONFIGURATION_REGISTER,
    INA226_LIMITS,
    Chip,
    ChipSettings,
    ErrorLimits,
    ReadyBit,
    ResetMark,
    Settings,
    Wiring,
)
from joulesplit.drivers.ina226._registers import (
    AVERAGES,
    SINGLE,
    Ina226Configuration,
    configuration_of,
)

CALIBRATION_REGISTER, MASK_REGISTER, ALERT_LIMIT_REGISTER = 5, 6, 7
CONVERSION_READY = 0x0008
LATCH = 0x0001
"""Alert latch enable, LEN: without an alert function it changes nothing, so it serves as a mark."""
FLAGS = 0x001C
"""Of the mask register, what the chip sets by itself: AFF, CVRF, OVF."""
SHUNT_LIMIT_CODE = 0x7FFF
"""±81.92 mV in steps of 2.5 µV."""
BUS_LIMIT_CODE = 0x7FFF
"""40.96 V in steps of 1.25 mV; bit 15 is always 0."""

INA226 = Chip(
    name="INA226",
    power_on_word=0x4127,
    kept_registers=(
        CONFIGURATION_REGISTER,
        CALIBRATION_REGISTER,
        MASK_REGISTER,
        ALERT_LIMIT_REGISTER,
    ),
    shunt_step_v=2.5e-6,
    bus_step_v=1.25e-3,
    bus_shift=0,
    ready=ReadyBit(
        register=MASK_REGISTER,
        bit=CONVERSION_READY,
        data_shift=0,
        steady_steps=0,
        reads=3,
        cleared_by="mask-read",
    ),
    mark=ResetMark(
        register=MASK_REGISTER,
        word=LATCH,
        stays=0xFFFF & ~FLAGS,
        bit=LATCH,
        sure_code=0,
        least_code=0,
    ),
    first_result_ns=1_800_000,  # two conversions of 1.1 ms typical
    supply="2.7 V to 5.5 V",
    voltage_pin="VBUS",
)
"""The INA226."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina226Wiring(Wiring):
    """Facts about a board with an INA226 that no register tells.

    Raises:
        SensorConfigurationError: A value no INA226 could work with.
    """

    chip = INA226

    def _check_ranges(self) -> None:
        end_a = SHUNT_LIMIT_CODE * INA226.shunt_step_v / self.shunt_ohm
        if self.expected_peak_a is not None and self.expected_peak_a > end_a:
            raise SensorConfigurationError(
                f"a peak of {self.expected_peak_a:g} A over {self.shunt_ohm:g} ohm exceeds the "
                f"INA226's only range (81.92 mV); this shunt measures up to {end_a:.3g} A: use a "
                "smaller shunt (R010 measures up to 8.2 A, R100 up to 0.82 A)"
            )

    @property
    def configuration(self) -> Ina226Configuration:
        """Fields to write."""
        return configuration_of(self.shunt_samples)

    @property
    def divider(self) -> int:
        """Divider of the shunt amplifier: 1, there is none."""
        return 1

    @property
    def observed_fraction(self) -> float:
        """Share of a cycle in which the current is observed."""
        used = self.configuration
        return used.shunt_s / (used.shunt_s + used.bus_s)

    @property
    def limits(self) -> ErrorLimits:
        """By how much the chip may be off."""
        return INA226_LIMITS

    @property
    def settings(self) -> ChipSettings:
        """How the chip is to be set."""
        used = self.configuration
        return ChipSettings(
            word=used.word,
            cycle_s=used.cycle_s,
            # Of a conversion that is not averaged the shunt result may come before the bus's.
            kept_s=used.cycle_s - used.bus_s,
            single_word=SINGLE.word,
            single_s=SINGLE.cycle_s,
            shunt_limit_code=SHUNT_LIMIT_CODE,
            bus_limit_code=BUS_LIMIT_CODE,
            shunt_range="the INA226's only range",
            is_widest=True,
            beyond_bus="its pins take 36 V at most",
        )

    def own_settings(self) -> Settings:
        """Return the settings that other chips do not have."""
        used = self.configuration
        return {
            "averages": AVERAGES[used.averages],
            "shunt_conversion_s": used.shunt_s,
            "bus_conversion_s": used.bus_s,
        }
