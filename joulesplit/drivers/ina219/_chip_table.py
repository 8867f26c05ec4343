"""The INA219's table, and how one is wired and set (TI SBOS448G)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina2xx import (
    OFFSET_V,
    Chip,
    ChipSettings,
    ErrorLimits,
    Grade,
    ReadyBit,
    ResetMark,
    Settings,
    Wiring,
    ina219_limits,
)
from joulesplit.drivers.ina219._registers import (
    BUS_DATA_SHIFT,
    BUS_LSB_V,
    MARK_CALIBRATION,
    MARK_CODE,
    NO_MARK_CODE,
    OVERFLOW_BIT,
    POWER_ON_CONFIGURATION,
    READY_BIT,
    SHUNT_LSB_V,
    WORD_MASK,
    BusRange,
    Configuration,
    Gain,
    Mode,
    Register,
    averaging_code,
    select_gain,
)

BUS_STEP_CODES = 60
"""A bus voltage that moves by more than so many steps of 4 mV, 0.24 V, is read again."""
INA219 = Chip(
    name="INA219",
    power_on_word=POWER_ON_CONFIGURATION,
    kept_registers=(Register.CONFIGURATION.value, Register.CALIBRATION.value),
    shunt_step_v=SHUNT_LSB_V,
    bus_step_v=BUS_LSB_V,
    bus_shift=BUS_DATA_SHIFT,
    ready=ReadyBit(
        register=Register.BUS_VOLTAGE.value,
        bit=READY_BIT,
        data_shift=BUS_DATA_SHIFT,
        steady_steps=BUS_STEP_CODES,
        reads=2,
        cleared_by="bus-read",
    ),
    mark=ResetMark(
        register=Register.CALIBRATION.value,
        word=MARK_CALIBRATION,
        stays=WORD_MASK,
        bit=OVERFLOW_BIT,
        sure_code=MARK_CODE,
        least_code=NO_MARK_CODE,
    ),
    first_result_ns=900_000,  # two conversions of 12 bit: 1.06 ms typical (table 5)
    supply="3 V to 5.5 V",
    voltage_pin="VIN−",
)
"""The INA219."""
BUS_SAMPLES = 1
BUS_RANGES = {16: BusRange.V16, 32: BusRange.V32}
NINE_BIT = 0x0
"""BADC code of the shortest bus conversion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina219Wiring(Wiring):
    """Facts about a board with an INA219 that no register tells.

    Attributes:
        grade: Grade printed on the chip, None if unknown.
        bus_range_v: Range of the bus voltage, 16 or 32 V.

    Raises:
        SensorConfigurationError: A value no INA219 could work with.
    """

    chip = INA219

    grade: Grade | None
    bus_range_v: int = 16

    def _check_ranges(self) -> None:
        if self.bus_range_v not in BUS_RANGES:
            raise SensorConfigurationError(
                f"an INA219 has no bus range of {self.bus_range_v} V; choose 16 or 32 V "
                "(--bus-range); its pins take 26 V at most"
            )

    @property
    def gain(self) -> Gain:
        """The finest gain that holds the expected peak; the coarsest if none is expected."""
        if self.expected_peak_a is None:
            return Gain.DIV_8
        return select_gain(self.expected_peak_a, self.shunt_ohm)

    @property
    def divider(self) -> int:
        """Divider of the shunt amplifier in use."""
        return self.gain.divider

    @property
    def observed_fraction(self) -> float:
        """Share of a cycle in which the current is observed."""
        return self.configuration.shunt_duty

    @property
    def limits(self) -> ErrorLimits:
        """By how much the chip may be off at the gain in use."""
        return ina219_limits(self.grade, self.divider)

    @property
    def configuration(self) -> Configuration:
        """Fields to write: the ranges chosen, one bus sample per cycle."""
        return Configuration(
            bus_range=BUS_RANGES[self.bus_range_v],
            gain=self.gain,
            bus_adc=averaging_code(BUS_SAMPLES),
            shunt_adc=averaging_code(self.shunt_samples),
            mode=Mode.BOTH_CONTINUOUS,
        )

    @property
    def settings(self) -> ChipSettings:
        """How the chip is to be set."""
        used = self.configuration
        single = replace(used, shunt_adc=averaging_code(1), bus_adc=NINE_BIT)
        return ChipSettings(
            word=used.word,
            cycle_s=used.cycle_s,
            kept_s=used.shunt_s,
            single_word=None if used.shunt_adc == single.shunt_adc else single.word,
            single_s=single.cycle_s,
            shunt_limit_code=used.gain.full_scale_code,
            bus_limit_code=used.bus_range.full_scale_code,
            shunt_range=f"gain /{used.gain.divider}",
            is_widest=used.gain is Gain.DIV_8,
            beyond_bus="choose --bus-range 32, and keep to the 26 V that its pins take",
        )

    def own_settings(self) -> Settings:
        """Return the settings that other chips do not have."""
        offsets_v = OFFSET_V[self.grade or "A"]
        return {
            "gain": f"/{self.divider}",
            "bus_range": f"{self.bus_range_v} V",
            "range_costs_offset_v": offsets_v[self.gain] - offsets_v[Gain.DIV_1],
            "grade": self.grade,
            "bus_samples": BUS_SAMPLES,
        }
