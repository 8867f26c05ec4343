"""A wired INA219, with its maker's limits in place of a known truth.

Wiring (Raspberry Pi header, board of the Adafruit 904 kind):

    VCC  pin 1 (3.3 V)        GND  pin 6
    SDA  pin 3 (GPIO 2)       SCL  pin 5 (GPIO 3)
    VIN+ supply, 3 V to 16 V  VIN- load, at most 1.5 A over 0.1 ohm; grounds joined

Any steady load will do; the tests ask for consistency and say nothing of its size. Nothing else may
talk to the chip. Run these and the contract, which takes the chip as one more backend:

    .venv/bin/pytest -n 0 tests/hardware tests/contract --i2c-bus 1 [--i2c-address 0x40]
        [--shunt-ohm 0.1]
"""

from __future__ import annotations

import itertools
from statistics import fmean, median

import pytest

from joulesplit.drivers import MonotonicClock, SmbusI2cBus
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.readings import ReadingFlag

pytestmark = pytest.mark.hardware

READINGS = 200
LONGEST_OVER_TYPICAL = 1.10 * 1.02  # 586 over 532 microseconds (6.5), and what the measurement adds
SHORTEST_OVER_TYPICAL = 0.80
PEAK_OVER_RANGE = 0.99
SUPPLY_V = (2.5, 16.0)
SAMPLES = [16, 32, 128]
"""Fewer are out of reach at the 100 kHz that a Pi's bus has unless told otherwise."""


@pytest.fixture
def make_sensor(request):
    """Make a sensor on the wired chip, set for its widest current range unless told otherwise."""
    number = request.config.getoption("--i2c-bus")
    if number is None:
        pytest.skip("needs a wired INA219: pass --i2c-bus N (wiring at the head of this file)")
    shunt_ohm = request.config.getoption("--shunt-ohm")
    bus = SmbusI2cBus(number)

    def make(**changes) -> Ina219:
        settings = {
            "address": request.config.getoption("--i2c-address"),
            "shunt_ohm": shunt_ohm,
            "shunt_tolerance": 0.01,
            "expected_peak_a": PEAK_OVER_RANGE * 0.32 / shunt_ohm,
            "clock": MonotonicClock(),
        }
        return Ina219(bus, **{**settings, **changes})

    yield make
    bus.close()


@pytest.mark.parametrize("samples", SAMPLES)
def test_the_cycle_lies_within_the_data_sheets_limits(make_sensor, samples):
    with make_sensor(shunt_samples=samples) as sensor:
        readings = [sensor.read() for _ in range(max(20, READINGS // samples))]
        typical_s = sensor.configuration.cycle_s
        measured_s = sensor.period_s
    assert SHORTEST_OVER_TYPICAL < measured_s / typical_s < LONGEST_OVER_TYPICAL
    steps_s = [(b.t_ns - a.t_ns) * 1e-9 for a, b in itertools.pairwise(readings)]
    assert median(steps_s) == pytest.approx(measured_s, rel=0.02)


def test_readings_are_plausible_and_not_flagged(make_sensor):
    with make_sensor() as sensor:
        readings = [sensor.read() for _ in range(READINGS)]
    wrong = ~(ReadingFlag.GAP_BEFORE | ReadingFlag.RETRIED)
    assert {reading.flags & wrong for reading in readings} == {ReadingFlag.NONE}
    assert SUPPLY_V[0] < fmean(reading.voltage_v for reading in readings) < SUPPLY_V[1]


def test_what_clears_the_ready_bit_does_not_depend_on_the_settings(make_sensor):
    found = set()
    for samples in SAMPLES:
        with make_sensor(shunt_samples=samples) as sensor:
            found.add(sensor.description.settings["ready_bit_cleared_by"])
    assert len(found) == 1


def test_averaging_more_samples_leaves_the_mean_where_it_is(make_sensor):
    """A steady load needed: the two means differ by their scatter and no more."""
    means, errors = [], []
    for samples in (16, 128):
        with make_sensor(shunt_samples=samples) as sensor:
            currents = [sensor.read().current_a for _ in range(READINGS // 4)]
            step_a = sensor.description.current_resolution_a
        means.append(fmean(currents))
        errors.append((max(currents) - min(currents)) / 2)
    assert means[0] == pytest.approx(means[1], abs=max(*errors, 2 * step_a))
