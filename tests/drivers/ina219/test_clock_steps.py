"""A reader whose clock jumps: no conversion twice, none mixed, and none lost in silence.

CLOCK_MONOTONIC cannot be set, but it stands still while a machine is suspended, and then it jumps
back as the chip sees it.
"""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated._clock import SteppedClock
from joulesplit.drivers.simulated._load import BenchSource

MS = 1_000_000
S = 1_000_000_000
PERIOD_MS = 9.042
SILENT = 0.09
"""A jump back within this share of a period of a whole number of periods, while the reader sleeps,
shows nowhere: its own clock and the chip's phase are as if nothing had happened."""

jumps_ms = st.floats(-200.0, 200.0) | st.floats(-6000.0, 6000.0)
many = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def readings_around_a_jump(bench, step):
    """Return (conversions lost, reported lost, flags, times) of readings around ``step``."""
    clock = SteppedClock(bench.clock)
    with bench.sensor(clock=clock) as sensor:
        times_ns = [sensor.read().t_ns for _ in range(40)]
        numbers = [bench.chip.finished_conversions()]
        reported = sensor.missed_conversions
        step(clock, sensor)
        readings = []
        for _ in range(12):
            readings.append(sensor.read())
            numbers.append(bench.chip.finished_conversions())
        late = {sensor.read().flags for _ in range(100)}
        reported = sensor.missed_conversions - reported
        period_s = sensor.period_s
    times_ns += [reading.t_ns for reading in readings]
    assert all(later > earlier for earlier, later in itertools.pairwise(times_ns))
    assert all(later > earlier for earlier, later in itertools.pairwise(numbers))
    assert late == {ReadingFlag.NONE}
    assert period_s == pytest.approx(PERIOD_MS * 1e-3, rel=3e-3)
    return numbers[-1] - numbers[0] - len(readings), reported, [r.flags for r in readings]


@many
@given(step_ms=jumps_ms, current_a=st.sampled_from([0.05, 0.6]))
def test_a_jump_between_readings_loses_nothing_in_silence(make_bench, step_ms, current_a):
    bench = make_bench(BenchSource(current_a=current_a, voltage_v=5.0), noise_v_rms=50e-6)
    lost, reported, flags = readings_around_a_jump(
        bench, lambda clock, _: clock.step_ns(int(step_ms * MS))
    )
    if lost != reported:
        assert any(flag & (ReadingFlag.CLOCK_STEP | ReadingFlag.GAP_BEFORE) for flag in flags)
    if lost > reported:
        assert flags[0] & ReadingFlag.CLOCK_STEP


@many
@given(step_ms=jumps_ms, moment=st.floats(0.05, 0.9))
def test_a_jump_while_the_reader_sleeps_loses_nothing_in_silence(
    make_eventful_bench, step_ms, moment
):
    off = abs(step_ms / PERIOD_MS - round(step_ms / PERIOD_MS))
    assume(off > SILENT or abs(step_ms) < PERIOD_MS / 2)
    bench = make_eventful_bench(noise_v_rms=50e-6)

    def step(clock, sensor):
        at_ns = bench.clock.now_ns() + int(moment * sensor.period_s * S)
        bench.clock.at(at_ns, lambda: clock.step_ns(int(step_ms * MS)))

    lost, reported, flags = readings_around_a_jump(bench, step)
    if lost > reported:
        assert any(flag & ReadingFlag.CLOCK_STEP for flag in flags[:5])


def test_a_reader_that_was_held_up_for_long_is_no_jump(make_bench):
    bench = make_bench(noise_v_rms=50e-6, conversion_time_scale=1.07)
    with bench.sensor() as sensor:
        for stall in (0.0, 1.5, 3.2, 50.4, 120.7, 0.3) * 10:
            flags = sensor.read().flags
            assert not flags & ReadingFlag.CLOCK_STEP
            bench.clock.advance_ns(int(stall * sensor.period_s * S))
