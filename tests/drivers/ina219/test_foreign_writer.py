"""Another program that configures the chip which is measured with."""

from __future__ import annotations

import pytest

from joulesplit.drivers.errors import ForeignWriterError, SensorConfigurationError
from joulesplit.drivers.ina2xx import average
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated._load import BenchSource

S = 1_000_000_000
ADAFRUIT = {5: 4096, 0: 0x399F}
"""set_calibration_32V_2A: only the calibration tells it from a reset."""
OTHER_RANGE = {5: 0xFFFE, 0: 0x019F}
"""A program that keeps our calibration and changes the range alone."""


def write(chip, words):
    for register, word in words.items():
        chip.write_register(register, word)


@pytest.mark.parametrize("words", [ADAFRUIT, OTHER_RANGE])
@pytest.mark.parametrize("current_a", [0.6, 0.05])
def test_what_another_program_writes_is_told_as_such(make_eventful_bench, words, current_a):
    source = BenchSource(current_a=current_a, voltage_v=5.0)
    bench = make_eventful_bench(source, noise_v_rms=50e-6)
    start_ns = bench.clock.now_ns()
    for number in (1, 2, 3):
        bench.clock.at(start_ns + number * 3 * S, lambda: write(bench.chip, words))
    with bench.sensor() as sensor:
        readings = []
        while bench.clock.now_ns() < start_ns + 11 * S:
            readings.append(sensor.read())
    told = [reading for reading in readings if reading.flags & ReadingFlag.FOREIGN_WRITER]
    assert len(told) == 3
    assert not any(reading.flags & ReadingFlag.CHIP_RESET for reading in readings)
    for number, reading in enumerate(told, start=1):
        assert 0 < reading.t_ns - (start_ns + number * 3 * S) < 1.2 * S
        assert reading.flags & ReadingFlag.GAP_BEFORE


def test_a_brown_out_is_none(make_eventful_bench):
    bench = make_eventful_bench(noise_v_rms=50e-6)
    bench.clock.at(bench.clock.now_ns() + 2 * S, bench.chip.brown_out)
    with bench.sensor() as sensor:
        flags = {flag for _ in range(300) for flag in sensor.read().flags}
    assert ReadingFlag.CHIP_RESET in flags
    assert ReadingFlag.FOREIGN_WRITER not in flags


def test_a_program_that_goes_on_writing_ends_the_measurement_with_its_cause(make_eventful_bench):
    bench = make_eventful_bench(noise_v_rms=50e-6)

    def again():
        write(bench.chip, ADAFRUIT)
        bench.clock.at(bench.clock.now_ns() + 4_000_000, again)

    with bench.sensor() as sensor:
        sensor.read()
        bench.clock.at(bench.clock.now_ns() + 4_000_000, again)
        with pytest.raises(ForeignWriterError, match=r"0x40 on I2C bus 1.*fuser -v /dev/i2c-1"):
            [sensor.read() for _ in range(100)]


def test_no_zero_is_taken_while_another_program_writes(make_eventful_bench):
    source = BenchSource(current_a=0.0001, voltage_v=5.0)
    bench = make_eventful_bench(source, noise_v_rms=50e-6)
    bench.clock.at(bench.clock.now_ns() + 2 * S, lambda: write(bench.chip, ADAFRUIT))
    with (
        bench.sensor() as sensor,
        pytest.raises(SensorConfigurationError, match="another program"),
    ):
        average(sensor, readings=300, created="2026-01-01T00:00:00")
