"""A reader that is late, for whatever reason, has gaps: no clock has jumped."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.readings import ReadingFlag

MS = 1_000_000
STEP = ReadingFlag.CLOCK_STEP


def taken(sensor, count):
    """Return readings, and check that each is told what was lost before it."""
    readings = [sensor.read() for _ in range(count)]
    for earlier, later in itertools.pairwise(readings):
        cycles = (later.t_ns - earlier.t_ns) * 1e-9 / sensor.period_s
        assert cycles < 1.5 or later.flags & ReadingFlag.GAP_BEFORE
    return readings


@pytest.mark.parametrize("hold_ms", [20, 60, 92, 150])
def test_a_display_that_holds_the_bus_is_a_gap_and_no_jump_of_the_clock(make_bench, hold_ms):
    """92 ms of every 200 ms, as an OLED with a frame buffer over I2C does."""
    bench = make_bench(noise_v_rms=20e-6, conversion_time_scale=1.03)
    with bench.sensor(probe_every=64) as sensor:
        bench.bus.share_with_another(200 * MS, hold_ms * MS)
        readings = taken(sensor, 600)
    assert not any(reading.flags & STEP for reading in readings)
    assert max(abs(reading.current_a - 0.6) for reading in readings) < 1e-3


def test_an_adapter_that_times_out_for_a_second_is_a_gap(make_bench):
    bench = make_bench(noise_v_rms=20e-6)
    with bench.sensor(probe_every=64) as sensor:
        readings = taken(sensor, 50)
        bench.clock.advance_ns(1_000 * MS)
        readings = taken(sensor, 50)
    assert readings[0].flags & ReadingFlag.GAP_BEFORE
    assert not any(reading.flags & STEP for reading in readings)


@pytest.mark.parametrize("seed", range(6))
def test_a_busy_processor_is_no_jump_of_the_clock(make_bench, seed):
    """Held up by 0 to 12 ms before any transaction, one in eight."""
    bench = make_bench(noise_v_rms=20e-6, conversion_time_scale=1.05)
    random, read = Random(seed), bench.bus.read_word

    def late(address, register):
        if random.random() < 0.125:
            bench.clock.advance_ns(random.randrange(12 * MS))
        return read(address, register)

    with bench.sensor(probe_every=64) as sensor:
        sensor._link._read_word = late  # the reader is held up, not the chip
        readings = taken(sensor, 1500)
    assert not any(reading.flags & STEP for reading in readings)
    assert max(abs(reading.current_a - 0.6) for reading in readings) < 1e-3


def test_the_real_clock_says_how_long_the_machine_was_suspended():
    clock = MonotonicClock()
    looks_ns = [clock.suspended_ns() for _ in range(1000)]
    assert min(looks_ns) > -MS
    assert sorted(looks_ns)[500] - sorted(looks_ns)[100] < MS
