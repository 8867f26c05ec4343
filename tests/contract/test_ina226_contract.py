"""What the INA226 driver promises, whatever stands in for the chip."""

from __future__ import annotations

import errno

import pytest

from joulesplit.drivers import identify
from joulesplit.drivers.errors import ChipResetError, DeviceNotRespondingError
from joulesplit.drivers.ina2xx._register_link import MAX_TRIES
from joulesplit.drivers.readings import ReadingFlag

KEPT = (0, 5, 6, 7)


def test_it_is_identified_configured_and_left_as_it_was_found(bench_226):
    bus, address = bench_226.bus, bench_226.address
    bus.write_word(address, 7, 0x1234)
    before = [bus.read_word(address, register) & ~0x1C for register in KEPT]
    assert identify(bus, address).sensor == "ina226"
    with bench_226.sensor() as sensor:
        assert bus.read_word(address, 0) == sensor.configuration.word
        assert f"0x{address:02X} on I2C bus {bus.number}" in sensor.description.name
    assert [bus.read_word(address, register) & ~0x1C for register in KEPT] == before


def test_no_conversion_is_read_twice_and_none_is_left_out(bench_226):
    numbers = []
    with bench_226.sensor() as sensor:
        for _ in range(50):
            sensor.read()
            numbers.append(bench_226.world.chip.finished_conversions())
    assert numbers == list(range(numbers[0], numbers[0] + 50))
    assert sensor.missed_conversions == 0


@pytest.mark.parametrize("current_a", [-3.0, 0.0, 0.61234, 8.19])
def test_readings_equal_the_truth_within_half_a_step(bench_226, current_a):
    source = bench_226.world.source
    source.current_a, source.voltage_v = current_a, 5.0217
    with bench_226.sensor() as sensor:
        reading = sensor.read()
    assert reading.current_a == pytest.approx(current_a, abs=0.51 * 2.5e-4)
    assert reading.voltage_v == pytest.approx(5.0217, abs=0.51 * 1.25e-3)
    assert reading.flags == ReadingFlag.NONE


def test_a_current_beyond_the_range_is_flagged(bench_226):
    with bench_226.sensor() as sensor:
        bench_226.world.source.current_a = 10.0
        sensor.read()
        reading = sensor.read()
    assert reading.flags == ReadingFlag.SHUNT_CLIPPED
    assert reading.current_a == pytest.approx(8.19, abs=0.01)


def test_a_chip_that_resets_itself_is_configured_again_and_flagged(bench_226):
    with bench_226.sensor() as sensor:
        sensor.read()
        bench_226.world.chip.brown_out()
        reading = sensor.read()
        assert bench_226.bus.read_word(bench_226.address, 0) == sensor.configuration.word
    assert reading.flags == ReadingFlag.CHIP_RESET | ReadingFlag.GAP_BEFORE


def test_a_chip_that_keeps_losing_its_configuration_ends_the_run(bench_226):
    with bench_226.sensor() as sensor:
        sensor.read()
        bench_226.world.chip.brown_out(persistent=True)
        with pytest.raises(ChipResetError, match="power supply"):
            sensor.read()


def test_a_broken_transfer_is_tried_again_and_flagged_and_an_error_if_it_lasts(bench_226):
    if bench_226.world.break_transfer is None:
        pytest.skip(f"the backend {bench_226.backend} acknowledges everything")
    with bench_226.sensor() as sensor:
        sensor.read()
        bench_226.world.break_transfer(errno.EREMOTEIO, MAX_TRIES - 1)
        flags = [sensor.read().flags for _ in range(8)]
        assert any(flag & ReadingFlag.RETRIED for flag in flags)
        assert not any(flags[-4:])
        bench_226.world.break_transfer(errno.EREMOTEIO, MAX_TRIES)
        with pytest.raises(DeviceNotRespondingError, match="nothing acknowledges"):
            sensor.read()
