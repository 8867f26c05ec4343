"""The INA226's configuration, accuracy and wiring, as its data sheet has them."""

from __future__ import annotations

from math import hypot

import pytest

from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina2xx import advice
from joulesplit.drivers.ina226 import INA226, Ina226Configuration, Ina226Wiring, configuration_of

GOOD = {"expected_peak_a": 1.5, "bus_clock_hz": 400_000, "supply_v": 5.1}


def wiring(**changes):
    facts = {
        "address": 0x40, "shunt_ohm": 0.01, "shunt_tolerance": 0.01, "expected_peak_a": None,
        "shunt_samples": 16, "rail": "5 V supply", "simulated": False,
    }  # fmt: skip
    return Ina226Wiring(**{**facts, **changes})


def test_the_power_on_word_is_that_of_single_conversions_of_1_1_ms():
    fields = Ina226Configuration(averages=0, bus_time=4, shunt_time=4)
    assert fields.word == INA226.power_on_word == 0x4127
    assert fields.cycle_s == pytest.approx(2.2e-3)


@pytest.mark.parametrize(
    ("samples", "word", "cycle_ms", "observed"),
    [
        (1, 0x401F, 0.728, 0.808),
        (2, 0x4027, 1.240, 0.887),
        (4, 0x402F, 2.256, 0.938),
        (8, 0x4037, 4.296, 0.967),
        (16, 0x422F, 9.024, 0.938),
        (32, 0x4237, 17.184, 0.967),
        (64, 0x423F, 33.536, 0.983),
        (128, 0x4437, 68.736, 0.967),
    ],
)
def test_samples_of_half_a_millisecond_give_the_cycles_of_an_ina219(
    samples, word, cycle_ms, observed
):
    fields = configuration_of(samples)
    assert fields.word == word
    assert fields.cycle_s == pytest.approx(cycle_ms * 1e-3)
    assert wiring(shunt_samples=samples).observed_fraction == pytest.approx(observed, abs=5e-4)


@pytest.mark.parametrize("samples", [0, 3, 256])
def test_other_numbers_of_samples_are_refused(samples):
    with pytest.raises(SensorConfigurationError, match="1, 2, 4"):
        configuration_of(samples)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expected_peak_a": 9.0}, r"9 A over 0\.01 ohm.*up to 8\.19 A"),
        ({"shunt_ohm": 0.1, "expected_peak_a": 1.5}, r"up to 0\.819 A.*smaller shunt"),
        ({"address": 0x50}, "an INA226 cannot be at 0x50"),
        ({"shunt_ohm": 0.0}, "R010"),
    ],
)
def test_what_no_ina226_can_work_with_is_refused(changes, message):
    with pytest.raises(SensorConfigurationError, match=message):
        wiring(**changes)


@pytest.mark.parametrize(
    ("shunt_ohm", "clock_hz", "samples", "told"),
    [
        (0.01, 400_000, 16, []),
        (0.1, 400_000, 16, ["0.82 A"]),
        (0.01, 100_000, 16, []),
        (0.01, 100_000, 4, ["i2c_arm_baudrate=400000"]),
    ],
)
def test_the_wiring_is_warned_of(shunt_ohm, clock_hz, samples, told):
    board = wiring(shunt_ohm=shunt_ohm, shunt_samples=samples)
    lines = list(advice(board, **{**GOOD, "bus_clock_hz": clock_hz}))
    assert len(lines) == len(told)
    assert all(text in line for text, line in zip(told, lines, strict=True))


def test_the_terms_are_those_of_the_data_sheet_at_5_v():
    """Offset 10 µV, 126 dB over 7 V, 2.5 µV/V over 1.7 V, over 10 mΩ at 5 V."""
    from joulesplit.drivers.ina2xx import uncorrected_terms

    terms = {term.name: term.half_width for term in uncorrected_terms(wiring(), 5.0)}
    assert terms["shunt offset"] == pytest.approx(5e-3)
    assert terms["common mode"] == pytest.approx(1.75e-3)
    assert terms["supply rejection"] == pytest.approx(2.125e-3)
    assert terms["offset drift"] == pytest.approx(1e-3)
    assert terms["current gain"] == terms["bus voltage gain"] == 0.001
    assert terms["gain drift"] == terms["bus voltage drift"] == pytest.approx(0.001)
    assert terms["bus voltage offset"] == pytest.approx(9.4e-3 / 5)
    scale = (0.001, 0.001, 0.001, 0.001, 9.4e-3 / 5, 1e-4)
    assert hypot(*scale) / 3**0.5 == pytest.approx(0.0016, rel=0.02)  # of the chip alone
