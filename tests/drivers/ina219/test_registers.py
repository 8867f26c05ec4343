"""Vectors from the data sheet (TI SBOS448G): tables 3 to 8 and figures 20 to 23."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina2xx import convert_words
from joulesplit.drivers.ina219 import INA219, BusRange, Configuration
from joulesplit.drivers.ina219 import _registers as registers
from joulesplit.drivers.ina219._registers import Gain, Mode

WORDS = st.integers(0, 0xFFFF)


def test_power_on_configuration_means_what_the_data_sheet_says():
    fields = registers.decode_configuration(0x399F)
    assert fields == Configuration(
        bus_range=BusRange.V32, gain=Gain.DIV_8, bus_adc=3, shunt_adc=3, mode=Mode.BOTH_CONTINUOUS
    )
    assert fields.word == 0x399F


@given(WORDS)
def test_configuration_round_trip_keeps_every_bit_but_reset_and_unused(word):
    assert registers.decode_configuration(word).word == word & 0x3FFF


# Columns: shunt samples, config word at gain /4 and 16 V, cycle in ms, shunt duty.
CYCLES = [
    (1, 0x119F, 1.064, 0.500),
    (2, 0x11CF, 1.592, 0.666),
    (4, 0x11D7, 2.662, 0.800),
    (8, 0x11DF, 4.792, 0.889),
    (16, 0x11E7, 9.042, 0.941),
    (32, 0x11EF, 17.552, 0.970),
    (64, 0x11F7, 34.582, 0.985),
    (128, 0x11FF, 68.632, 0.992),
]


@pytest.mark.parametrize(("samples", "word", "cycle_ms", "duty"), CYCLES)
def test_cycle_and_duty_of_each_averaging(samples, word, cycle_ms, duty):
    configuration = Configuration(
        bus_range=BusRange.V16,
        gain=Gain.DIV_4,
        bus_adc=registers.averaging_code(1),
        shunt_adc=registers.averaging_code(samples),
        mode=Mode.BOTH_CONTINUOUS,
    )
    assert configuration.word == word
    assert configuration.cycle_s * 1e3 == pytest.approx(cycle_ms, abs=1e-9)
    assert configuration.shunt_duty == pytest.approx(duty, abs=5e-4)


def test_every_adc_code_has_the_time_of_table_5():
    times_us = [84, 148, 276, 532] * 2
    times_us += [532, 1060, 2130, 4260, 8510, 17020, 34050, 68100]
    settings = [registers.adc_setting(code) for code in range(16)]
    assert [round(setting.conversion_s * 1e6) for setting in settings] == times_us
    assert [setting.bits for setting in settings] == [9, 10, 11, 12] * 2 + [12] * 8
    assert [setting.samples for setting in settings] == [1] * 8 + [1 << n for n in range(8)]
    for bad in (-1, 16):
        with pytest.raises(SensorConfigurationError, match="0 to 15"):
            registers.adc_setting(bad)


@pytest.mark.parametrize("samples", [1 << n for n in range(8)])
def test_averaging_code_is_the_inverse_of_its_meaning(samples):
    assert registers.adc_setting(registers.averaging_code(samples)).samples == samples


def test_averaging_that_the_chip_cannot_do_is_refused():
    with pytest.raises(SensorConfigurationError, match="1, 2, 4, 8, 16, 32, 64, 128"):
        registers.averaging_code(3)


# Table 7: shunt voltage in mV, word at gain /8, /4, /2, /1.
TABLE_7 = [
    (320.02, 0x7D00, 0x3E80, 0x1F40, 0x0FA0),
    (320.00, 0x7D00, 0x3E80, 0x1F40, 0x0FA0),
    (160.00, 0x3E80, 0x3E80, 0x1F40, 0x0FA0),
    (80.00, 0x1F40, 0x1F40, 0x1F40, 0x0FA0),
    (40.00, 0x0FA0, 0x0FA0, 0x0FA0, 0x0FA0),
    (0.02, 0x0002, 0x0002, 0x0002, 0x0002),
    (0.01, 0x0001, 0x0001, 0x0001, 0x0001),
    (0.0, 0x0000, 0x0000, 0x0000, 0x0000),
    (-0.01, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
    (-40.00, 0xF060, 0xF060, 0xF060, 0xF060),
    (-80.00, 0xE0C0, 0xE0C0, 0xE0C0, 0xF060),
    (-160.00, 0xC180, 0xC180, 0xE0C0, 0xF060),
    (-320.00, 0x8300, 0xC180, 0xE0C0, 0xF060),
]


@pytest.mark.parametrize("row", TABLE_7)
def test_shunt_words_of_table_7(row):
    millivolts, *words = row
    for gain, word in zip(reversed(Gain), words, strict=True):
        limit = 40.0 * gain.divider
        expected_mv = max(-limit, min(limit, millivolts))
        assert registers.shunt_voltage_v(word) * 1e3 == pytest.approx(expected_mv, abs=1e-9)
        assert registers.is_shunt_clipped(word, gain) == (abs(millivolts) >= limit)


def test_bus_word_example_of_the_data_sheet():
    # Section 8.5.1 reads 11.98 V as 0x5D98.
    assert registers.bus_voltage_v(0x5D98) == pytest.approx(11.98)
    assert registers.bus_word(2995) == 0x5D98


@given(st.integers(0, 0x1FFF), st.booleans(), st.booleans())
def test_bus_word_round_trip(code, ready, overflow):
    word = registers.bus_word(code, ready=ready, overflow=overflow)
    assert registers.bus_code(word) == code
    assert (registers.is_ready(word), registers.is_math_overflow(word)) == (ready, overflow)


def test_bus_full_scale_depends_on_the_range():
    assert registers.is_bus_clipped(registers.bus_word(4000), BusRange.V16)
    assert not registers.is_bus_clipped(registers.bus_word(3999), BusRange.V16)
    assert not registers.is_bus_clipped(registers.bus_word(4000), BusRange.V32)
    assert registers.is_bus_clipped(registers.bus_word(8000), BusRange.V32)


@given(st.integers(-32768, 32767))
def test_shunt_word_round_trip(code):
    assert registers.shunt_code(registers.shunt_word(code)) == code


@pytest.mark.parametrize(
    ("peak_a", "shunt_ohm", "gain"),
    [
        (0.4, 0.1, Gain.DIV_1),
        (0.41, 0.1, Gain.DIV_2),
        (1.6, 0.1, Gain.DIV_4),
        (3.2, 0.1, Gain.DIV_8),
        (8.0, 0.01, Gain.DIV_2),
    ],
)
def test_gain_is_the_finest_that_holds_the_peak(peak_a, shunt_ohm, gain):
    assert registers.select_gain(peak_a, shunt_ohm) is gain


def test_a_peak_beyond_every_gain_is_refused_with_the_limit():
    with pytest.raises(SensorConfigurationError, match=r"up to 3\.2 A"):
        registers.select_gain(3.3, 0.1)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1), st.floats(0.001, 1.0))
def test_recorded_words_convert_as_single_words_do(pairs, shunt_ohm):
    shunts, buses = zip(*pairs, strict=True)
    volts, amperes = convert_words(INA219, shunts, buses, shunt_ohm=shunt_ohm)
    assert volts.dtype == amperes.dtype == np.float64
    np.testing.assert_allclose(volts, [registers.bus_voltage_v(word) for word in buses])
    np.testing.assert_allclose(
        amperes, [registers.shunt_voltage_v(word) / shunt_ohm for word in shunts]
    )
