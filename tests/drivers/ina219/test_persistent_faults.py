"""Faults that last: from a flag to an error that says what to do."""

from __future__ import annotations

import pytest

from joulesplit.drivers.errors import (
    DeviceNotRespondingError,
    RangeExceededError,
    StuckReadingsError,
)
from joulesplit.drivers.ina2xx._reading_flags import CLIPPED_LIMIT, STUCK_AFTER, STUCK_LIMIT
from joulesplit.drivers.ina2xx._register_link import RETRY_PAUSES_NS
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated._load import BenchSource

MS = 1_000_000


def read_on(sensor, count):
    for _ in range(count):
        sensor.read()


def test_a_range_that_stays_too_small_is_an_error_naming_shunt_gain_and_current(make_bench):
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        sensor.read()
        bench.chip.overload(0.25)
        flags = [sensor.read().flags for _ in range(CLIPPED_LIMIT - 2)]
        assert set(flags[2:]) == {ReadingFlag.SHUNT_CLIPPED}
        with pytest.raises(RangeExceededError, match=r"0\.1 ohm.*1\.6 A.*gain /4.*--peak-current"):
            read_on(sensor, 3)


def test_clipping_now_and_then_is_flagged_and_no_error(make_bench):
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        for shunt_v in [0.25, None] * 8:
            bench.chip.overload(shunt_v)
            for _ in range(CLIPPED_LIMIT // 2):
                sensor.read()


def test_the_range_stays_what_was_chosen_whatever_the_current_does(make_bench):
    """A gain that follows the current would give one campaign several scales."""
    source = BenchSource(current_a=0.01, voltage_v=5.0)
    bench = make_bench(source, noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        for current_a in (0.01, 0.39, 1.7, 0.9, 3.0, 0.2, -2.0, 0.01):
            source.current_a = current_a
            read_on(sensor, CLIPPED_LIMIT // 2)
            assert bench.chip.read_register(0) == sensor.configuration.word == 0x11E7


def test_a_rail_above_the_bus_range_is_an_error(make_bench):
    bench = make_bench(BenchSource(current_a=0.5, voltage_v=20.0), noise_v_rms=50e-6)
    with bench.sensor() as sensor, pytest.raises(RangeExceededError, match="16 V"):
        read_on(sensor, CLIPPED_LIMIT + 1)


def test_words_that_never_change_again_end_in_an_error(make_bench):
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        sensor.read()
        bench.chip.freeze()
        flags = [sensor.read().flags for _ in range(STUCK_LIMIT - 5)]
        assert flags[STUCK_AFTER - 5] == ReadingFlag.NONE
        assert set(flags[STUCK_AFTER + 5 :]) == {ReadingFlag.STUCK}
        with pytest.raises(StuckReadingsError, match="supply off and on"):
            read_on(sensor, 10)


def test_a_data_line_held_as_long_as_the_chip_may_hold_it_costs_a_gap_and_no_error(make_bench):
    """The chip lets go of its bus interface after 28 ms, 35 ms at most (section 6.5)."""
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        sensor.read()
        bench.bus.hold_data_line(35 * MS)
        late = sensor.read()
        assert late.flags == ReadingFlag.GAP_BEFORE | ReadingFlag.RETRIED
        assert {sensor.read().flags for _ in range(20)} == {ReadingFlag.NONE}


def test_a_data_line_held_for_ever_is_an_error_within_the_bound(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        begin_ns = bench.clock.now_ns()
        bench.bus.hold_data_line(10_000 * MS)
        with pytest.raises(DeviceNotRespondingError, match="data line"):
            sensor.read()
    assert bench.clock.now_ns() - begin_ns < sum(RETRY_PAUSES_NS) + 15 * MS
