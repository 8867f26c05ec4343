"""The INA219 register map as pure functions: words to fields and volts, and back.

Source throughout: Texas Instruments SBOS448G (INA219 data sheet), section 8.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from joulesplit.drivers.errors import SensorConfigurationError

WORD_MASK = 0xFFFF
POWER_ON_CONFIGURATION = 0x399F
"""Word of the configuration register after a reset."""
UNUSED_CONFIGURATION_BIT = 0x4000
CALIBRATION_VOID_BIT = 0x0001
SHUNT_LSB_V = 10e-6
"""Step of the shunt voltage register, V."""
BUS_LSB_V = 4e-3
"""Step of the bus voltage register, V."""
SHUNT_CODES_PER_GAIN = 4000  # ±40 mV at gain /1 in steps of 10 µV (table 7)
SHUNT_FULL_SCALE_PER_GAIN_V = 40e-3
BUS_DATA_SHIFT = 3
READY_BIT = 0x0002
OVERFLOW_BIT = 0x0001
MARK_CALIBRATION = 0xFFFE
"""Largest calibration: the chip's own current then overflows, and OVF with it, at any shunt
voltage above 2048 codes (equation 4: code · 65534 / 4096 > 32767). A reset clears it."""
MARK_CODE = 2100
"""Least magnitude of a shunt code, 21 mV, that certainly sets OVF under that calibration."""
NO_MARK_CODE = 2000
"""Least magnitude of one that perhaps does."""


class Register(IntEnum):
    """Register pointers (table 2)."""

    CONFIGURATION = 0x00
    SHUNT_VOLTAGE = 0x01
    BUS_VOLTAGE = 0x02
    POWER = 0x03
    CURRENT = 0x04
    CALIBRATION = 0x05


BUS_VOLTAGE_REGISTER = Register.BUS_VOLTAGE.value
SHUNT_VOLTAGE_REGISTER = Register.SHUNT_VOLTAGE.value
"""As plain numbers, which the hot path compares faster than an enumeration."""


class BusRange(IntEnum):
    """Bus voltage range, the BRNG bit."""

    V16 = 0
    V32 = 1

    @property
    def full_scale_code(self) -> int:
        """Largest bus code of this range, steps of 4 mV."""
        return 4000 if self is BusRange.V16 else 8000


class Gain(IntEnum):
    """Divider of the shunt amplifier, the PG bits (table 4)."""

    DIV_1 = 0
    DIV_2 = 1
    DIV_4 = 2
    DIV_8 = 3

    @property
    def divider(self) -> int:
        """1, 2, 4 or 8."""
        return 1 << self.value

    @property
    def full_scale_code(self) -> int:
        """Largest magnitude of the shunt register at this gain, steps of 10 µV."""
        return SHUNT_CODES_PER_GAIN * self.divider

    @property
    def full_scale_v(self) -> float:
        """Largest shunt voltage at this gain, V."""
        return SHUNT_FULL_SCALE_PER_GAIN_V * self.divider


class Mode(IntEnum):
    """Operating mode (table 6)."""

    POWER_DOWN = 0
    SHUNT_TRIGGERED = 1
    BUS_TRIGGERED = 2
    BOTH_TRIGGERED = 3
    ADC_OFF = 4
    SHUNT_CONTINUOUS = 5
    BUS_CONTINUOUS = 6
    BOTH_CONTINUOUS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class AdcSetting:
    """What a 4-bit BADC or SADC code means (table 5).

    Attributes:
        bits: Resolution of one sample, bit.
        samples: Samples averaged per conversion.
        conversion_s: Typical conversion time, s.
    """

    bits: int
    samples: int
    conversion_s: float


_SINGLE_US = {0: (9, 84), 1: (10, 148), 2: (11, 276), 3: (12, 532)}
_AVERAGED_US = {1: 532, 2: 1060, 4: 2130, 8: 4260, 16: 8510, 32: 17020, 64: 34050, 128: 68100}


def adc_setting(code: int) -> AdcSetting:
    """Return the meaning of a 4-bit ADC code; bit 2 is ignored when bit 3 is 0.

    Raises:
        SensorConfigurationError: The code does not fit 4 bits.
    """
    if not 0 <= code <= 0xF:
        raise SensorConfigurationError(f"ADC code {code} does not fit 4 bits; use 0 to 15")
    if code & 0x8:
        samples = 1 << (code & 0x7)
        return AdcSetting(bits=12, samples=samples, conversion_s=_AVERAGED_US[samples] * 1e-6)
    bits, time_us = _SINGLE_US[code & 0x3]
    return AdcSetting(bits=bits, samples=1, conversion_s=time_us * 1e-6)


def averaging_code(samples: int) -> int:
    """Return the ADC code that averages ``samples`` 12-bit samples.

    Raises:
        SensorConfigurationError: The chip cannot average that many.
    """
    if samples not in _AVERAGED_US:
        choices = ", ".join(str(choice) for choice in _AVERAGED_US)
        raise SensorConfigurationError(
            f"the INA219 cannot average {samples} samples; choose one of {choices}"
        )
    return 0x3 if samples == 1 else 0x8 | (samples.bit_length() - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Fields of the configuration register (figure 19).

    Attributes:
        bus_range: Bus voltage range.
        gain: Shunt amplifier divider.
        bus_adc: BADC code, 4 bits.
        shunt_adc: SADC code, 4 bits.
        mode: Operating mode.
    """

    bus_range: BusRange
    gain: Gain
    bus_adc: int
    shunt_adc: int
    mode: Mode

    @property
    def word(self) -> int:
        """The register word, with RST and the unused bit 0."""
        return (
            self.bus_range << 13
            | self.gain << 11
            | self.bus_adc << 7
            | self.shunt_adc << 3
            | self.mode
        )

    @property
    def shunt_s(self) -> float:
        """Typical time the shunt conversion takes, s; 0 if the mode leaves it out."""
        return adc_setting(self.shunt_adc).conversion_s if self.mode & 1 else 0.0

    @property
    def bus_s(self) -> float:
        """Typical time the bus conversion takes, s; 0 if the mode leaves it out."""
        return adc_setting(self.bus_adc).conversion_s if self.mode & 2 else 0.0

    @property
    def cycle_s(self) -> float:
        """Typical time from one result to the next, s: the two conversions in turn (8.3.1)."""
        return self.shunt_s + self.bus_s

    @property
    def shunt_duty(self) -> float:
        """Share of the cycle in which the current is observed, 0 to 1."""
        return self.shunt_s / self.cycle_s if self.cycle_s else 0.0


def decode_configuration(word: int) -> Configuration:
    """Return the fields of a configuration word; RST and the unused bit are left out."""
    return Configuration(
        bus_range=BusRange(word >> 13 & 0x1),
        gain=Gain(word >> 11 & 0x3),
        bus_adc=word >> 7 & 0xF,
        shunt_adc=word >> 3 & 0xF,
        mode=Mode(word & 0x7),
    )


def select_gain(expected_peak_a: float, shunt_ohm: float) -> Gain:
    """Return the finest gain whose range holds the expected peak current.

    Raises:
        SensorConfigurationError: Not even the coarsest gain does.
    """
    peak_v = expected_peak_a * shunt_ohm
    for gain in Gain:
        if peak_v <= gain.full_scale_v * (1 + 1e-9):
            return gain
    limit_a = Gain.DIV_8.full_scale_v / shunt_ohm
    raise SensorConfigurationError(
        f"a peak of {expected_peak_a:g} A over {shunt_ohm:g} ohm exceeds the INA219's largest "
        f"range (gain /8, 320 mV); this shunt measures up to {limit_a:g} A: use a smaller shunt"
    )


def shunt_code(word: int) -> int:
    """Return the signed code of a shunt word: two's complement at every gain (figure 20-23)."""
    return word - 0x10000 if word & 0x8000 else word


def shunt_word(code: int) -> int:
    """Return the shunt word of a signed code."""
    return code & WORD_MASK


def shunt_voltage_v(word: int) -> float:
    """Return the shunt voltage of a shunt word, V (signed)."""
    return shunt_code(word) * SHUNT_LSB_V


def is_shunt_clipped(word: int, gain: Gain) -> bool:
    """Return whether the shunt word stands at the full scale of its gain (table 7)."""
    return abs(shunt_code(word)) >= gain.full_scale_code


def bus_code(word: int) -> int:
    """Return the voltage code of a bus word, steps of 4 mV."""
    return word >> BUS_DATA_SHIFT


def bus_voltage_v(word: int) -> float:
    """Return the bus voltage of a bus word, V; valid whatever CNVR and OVF say."""
    return bus_code(word) * BUS_LSB_V


def bus_word(code: int, *, ready: bool = False, overflow: bool = False) -> int:
    """Return the bus word of a voltage code and the CNVR and OVF bits."""
    return code << BUS_DATA_SHIFT | ready * READY_BIT | overflow * OVERFLOW_BIT


def is_bus_clipped(word: int, bus_range: BusRange) -> bool:
    """Return whether the bus word stands at the full scale of its range."""
    return bus_code(word) >= bus_range.full_scale_code


def is_ready(word: int) -> bool:
    """Return the CNVR bit of a bus word: a conversion finished since the last clear."""
    return bool(word & READY_BIT)


def is_math_overflow(word: int) -> bool:
    """Return the OVF bit of a bus word: the chip's own current or power overflowed."""
    return bool(word & OVERFLOW_BIT)
