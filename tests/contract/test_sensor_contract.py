"""What the INA219 driver promises, whatever stands in for the chip."""

from __future__ import annotations

import errno
import itertools

import pytest

from joulesplit.drivers.errors import (
    BusTransferError,
    ChipResetError,
    DeviceNotRespondingError,
    SensorError,
)
from joulesplit.drivers.ina2xx import convert_words
from joulesplit.drivers.ina2xx._register_link import MAX_TRIES
from joulesplit.drivers.readings import ReadingFlag

S = 1_000_000_000
CONFIGURATION = 0
BREAKS = [
    (errno.EREMOTEIO, DeviceNotRespondingError, "nothing acknowledges"),
    (errno.EIO, BusTransferError, "broke off"),
    (errno.ETIMEDOUT, BusTransferError, "held up"),
]


def assert_says_where_on_one_line(error, bench):
    assert f"0x{bench.address:02X} on I2C bus {bench.bus.number}" in str(error)
    assert "\n" not in str(error)


def test_the_chip_holds_the_configuration_that_the_sensor_describes(bench):
    with bench.sensor() as sensor:
        word = bench.bus.read_word(bench.address, CONFIGURATION)
        assert word == sensor.configuration.word
        assert sensor.description.settings["configuration"] == f"0x{word:04X}"
        assert f"0x{bench.address:02X} on I2C bus {bench.bus.number}" in (sensor.description.name)


def test_readings_follow_each_other_cycle_by_cycle(bench):
    with bench.sensor() as sensor:
        readings = [sensor.read() for _ in range(50)]
        period_s = sensor.period_s
    for earlier, later in itertools.pairwise(readings):
        cycles = (later.t_ns - earlier.t_ns) / (period_s * S)
        assert cycles == pytest.approx(round(cycles), abs=0.1)
        assert (round(cycles) > 1) == bool(later.flags & ReadingFlag.GAP_BEFORE)
    assert sensor.missed_conversions == sum(
        round((later.t_ns - earlier.t_ns) / (period_s * S)) - 1
        for earlier, later in itertools.pairwise(readings)
    )


def test_a_reading_is_what_its_words_say(bench):
    with bench.sensor() as sensor:
        readings = [sensor.read() for _ in range(10)]
    volts, amperes = convert_words(
        sensor.chip,
        [reading.raw[0] for reading in readings],
        [reading.raw[1] for reading in readings],
        shunt_ohm=bench.shunt_ohm,
    )
    assert [reading.voltage_v for reading in readings] == pytest.approx(volts.tolist())
    assert [reading.current_a for reading in readings] == pytest.approx(amperes.tolist())


def test_no_conversion_is_read_twice_and_none_is_left_out(bench, world):
    numbers = []
    with bench.sensor() as sensor:
        for _ in range(50):
            sensor.read()
            numbers.append(world.chip.finished_conversions())
    assert {later - earlier for earlier, later in itertools.pairwise(numbers)} == {1}


@pytest.mark.parametrize("current_a", [-1.2, -0.00004, 0.0, 0.61234, 1.5999])
def test_readings_equal_the_truth_within_half_a_step(bench, world, current_a):
    world.source.current_a, world.source.voltage_v = current_a, 5.0217
    with bench.sensor() as sensor:
        reading = sensor.read()
    assert reading.current_a == pytest.approx(current_a, abs=0.5e-4)
    assert reading.voltage_v == pytest.approx(5.0217, abs=2e-3)
    assert reading.flags == ReadingFlag.NONE


@pytest.mark.parametrize("clears", ["bus-read", "power-read", "any-read"])
def test_whatever_clears_the_ready_bit_is_found_out(backend, open_bench, clears):
    if backend == "wired":
        pytest.skip("a wired chip has one way to clear its bit")
    bench = open_bench(cnvr_clears=clears)
    with bench.sensor() as sensor:
        assert {sensor.read().flags for _ in range(10)} == {ReadingFlag.NONE}
        expected = "power-read" if clears == "power-read" else "bus-read"
        assert sensor.description.settings["ready_bit_cleared_by"] == expected


def test_a_current_beyond_the_range_is_flagged(bench, world):
    with bench.sensor() as sensor:
        world.source.current_a = 3.0
        sensor.read()
        reading = sensor.read()
    assert reading.flags == ReadingFlag.SHUNT_CLIPPED
    assert reading.current_a == pytest.approx(1.6)


def test_a_chip_that_resets_itself_is_configured_again_and_flagged(bench, world):
    with bench.sensor() as sensor:
        sensor.read()
        world.chip.brown_out()
        flags = [sensor.read().flags for _ in range(3)]
        word = bench.bus.read_word(bench.address, CONFIGURATION)
        assert word == sensor.configuration.word
    assert ReadingFlag.CHIP_RESET | ReadingFlag.GAP_BEFORE in flags


def read_often(sensor, times):
    for _ in range(times):
        sensor.read()


def test_a_chip_that_keeps_losing_its_configuration_ends_the_run(bench, world):
    with bench.sensor() as sensor:
        sensor.read()
        world.chip.brown_out(persistent=True)
        # A reset shows within three readings, see the driver's promise.
        with pytest.raises(ChipResetError, match="power supply") as caught:
            read_often(sensor, 3)
    assert_says_where_on_one_line(caught.value, bench)


@pytest.mark.parametrize(("code", "kind", "message"), BREAKS)
def test_a_broken_transfer_is_tried_again_and_flagged(bench, break_transfer, code, kind, message):
    with bench.sensor() as sensor:
        sensor.read()
        break_transfer(code, MAX_TRIES - 1)
        readings = [sensor.read() for _ in range(8)]
    flagged = [reading.flags & ReadingFlag.RETRIED for reading in readings]
    assert any(flagged)
    assert not any(flagged[-4:])
    assert [reading.power_w for reading in readings] == pytest.approx([3.0] * 8)


@pytest.mark.parametrize(("code", "kind", "message"), BREAKS)
def test_transfers_that_stay_broken_end_in_their_error(bench, break_transfer, code, kind, message):
    with bench.sensor() as sensor:
        sensor.read()
        break_transfer(code, MAX_TRIES)
        with pytest.raises(kind, match=message) as caught:
            sensor.read()
    assert type(caught.value) is kind
    assert caught.value.errno == code
    assert_says_where_on_one_line(caught.value, bench)


def test_a_closed_sensor_gives_no_reading(bench):
    with bench.sensor() as sensor:
        sensor.read()
    with pytest.raises(SensorError, match="with block"):
        sensor.read()
