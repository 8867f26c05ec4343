"""A reader that is late, for whatever reason, has gaps: no clock has jumped."""

from __future__ import annotations

import itertools
from random import Random

import numpy as np
import pytest

from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.errors import ConversionTimeoutError
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedClock

MS = 1_000_000
STEP = ReadingFlag.CLOCK_STEP
LARGEST_MS, RMS_MS = {16: 0.4, 32: 0.7, 128: 2.4}, {16: 0.3, 32: 0.4, 128: 1.6}
"""By how much times are off, by samples averaged: cycles of 9, 18 and 69 ms."""


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


class OversleepingClock(SimulatedClock):
    """The clock of a machine that wakes up late by a least and an exponential time more."""

    def __init__(self, least_ms, *, more_ms=0.1, seed=4):
        super().__init__()
        self.least_ms = least_ms
        self._more_ms = more_ms
        self._random = Random(seed)

    def sleep_until_ns(self, t_ns):
        if t_ns > self.now_ns():
            late_ms = self.least_ms + self._random.expovariate(1 / self._more_ms)
            super().sleep_until_ns(t_ns + int(late_ms * MS))


def errors_ms(bench, readings):
    """Return by how much times of readings are off the end of a conversion, ms; while open."""
    begin_ns, end_ns = bench.chip.conversion_end_ns(0), bench.chip.conversion_end_ns(1)
    cycles = np.array([reading.t_ns - begin_ns for reading in readings]) / (end_ns - begin_ns)
    return (cycles - np.round(cycles)) * (end_ns - begin_ns) / MS


def rms(values):
    return np.sqrt(np.mean(np.square(values)))


@pytest.mark.parametrize("scale", [1.0, 1.037])
@pytest.mark.parametrize("samples", [16, 32, 128])
@pytest.mark.parametrize("least_ms", [0.0, 0.1, 0.5, 1.5, 3.0, 4.0])
def test_a_machine_that_always_wakes_up_late_knows_when_conversions_end_and_reads_all(
    make_bench, least_ms, samples, scale
):
    """As well as one never late, the period once known: to 3 % of the cycle and a transfer."""
    bench = make_bench(
        clock=OversleepingClock(least_ms), noise_v_rms=20e-6, conversion_time_scale=scale
    )
    with bench.sensor(shunt_samples=samples) as sensor:
        first = bench.chip.finished_conversions() + 1
        readings = taken(sensor, 600)
        assert bench.chip.finished_conversions() - first == len(readings) - 1
        off_ms = errors_ms(bench, readings[100:])
    assert not any(reading.flags & ~ReadingFlag.STUCK for reading in readings)
    assert sensor.missed_conversions == 0
    assert np.abs(off_ms).max() < LARGEST_MS[samples]
    assert rms(off_ms) < RMS_MS[samples]


class SquareSource:
    """A load of 0.5 A at 5 V, and of 1 A in every second half of a second."""

    def mean_current_a(self, t0_ns, t1_ns):
        return 0.5 + 0.5 * (self._high_ns(t1_ns) - self._high_ns(t0_ns)) / (t1_ns - t0_ns)

    def mean_voltage_v(self, t0_ns, t1_ns):
        return 5.0

    @staticmethod
    def _high_ns(t_ns):
        seconds, rest_ns = divmod(t_ns, 1000 * MS)
        return seconds * 500 * MS + max(0, rest_ns - 500 * MS)

    def energy_j(self, t0_ns, t1_ns):
        return self.mean_current_a(t0_ns, t1_ns) * 5.0 * (t1_ns - t0_ns) * 1e-9


@pytest.mark.parametrize("least_ms", [0.0, 0.5, 1.5, 3.0, 4.0])
def test_energies_of_a_machine_that_always_wakes_up_late_are_those_of_its_times(
    make_bench, least_ms
):
    """From within low power to within high, the step between: 2.5 W over 0.4 ms are 1 mJ."""
    source = SquareSource()
    bench = make_bench(source, clock=OversleepingClock(least_ms), noise_v_rms=20e-6)
    with bench.sensor() as sensor:
        readings = taken(sensor, 2000)
    off_j = []
    for begin_ns in range(2_200 * MS, 18_000 * MS, 1000 * MS):
        inside = [r for r in readings if begin_ns < r.t_ns < begin_ns + 600 * MS]
        energy_j = sum(
            later.power_w * (later.t_ns - earlier.t_ns) * 1e-9
            for earlier, later in itertools.pairwise(inside)
        )
        off_j.append(energy_j - source.energy_j(inside[0].t_ns, inside[-1].t_ns))
    assert abs(np.mean(off_j)) < 1e-3


@pytest.mark.parametrize("seed", range(4))
def test_a_machine_that_gets_late_and_prompt_again_knows_when_conversions_end(make_bench, seed):
    clock = OversleepingClock(0.0, seed=seed)
    bench = make_bench(clock=clock, noise_v_rms=20e-6, conversion_time_scale=1.037)
    with bench.sensor() as sensor:
        taken(sensor, 200)
        for least_ms in [1.5, 3.0, 0.1, 3.5, 0.5]:
            clock.least_ms = least_ms
            readings = taken(sensor, 1500)
            off_ms = errors_ms(bench, readings)
            assert np.abs(off_ms).max() < 0.4
            assert rms(off_ms) < 0.3
    assert sensor.missed_conversions == 0


@pytest.mark.parametrize("least_ms", [0.5, 1.5])
def test_looks_at_single_samples_by_a_machine_that_wakes_up_late_lose_no_conversion(
    make_bench, least_ms
):
    bench = make_bench(clock=OversleepingClock(least_ms), noise_v_rms=20e-6)
    with bench.sensor(probe_every=32) as sensor:
        readings = taken(sensor, 800)
    assert not any(reading.flags for reading in readings)
    assert sensor.missed_conversions == 0


@pytest.mark.parametrize(("samples", "least_ms"), [(16, 4.8), (16, 6.0), (16, 8.0), (4, 1.5)])
def test_a_machine_that_wakes_up_too_late_is_told_so_and_helped_by_averaging(
    make_bench, samples, least_ms
):
    bench = make_bench(clock=OversleepingClock(least_ms), noise_v_rms=20e-6)
    with pytest.raises(ConversionTimeoutError, match=rf"wakes up {least_ms:.2g}.* late at least"):
        bench.sensor(shunt_samples=samples).__enter__()
    with bench.sensor(shunt_samples=128) as sensor:
        assert np.abs(errors_ms(bench, taken(sensor, 50))).max() < LARGEST_MS[128]


@pytest.mark.parametrize("least_ms", [4.6, 5.0, 6.0, 7.0, 9.0])
def test_a_machine_that_gets_too_late_while_it_reads_is_told_until_it_is_prompt_again(
    make_bench, least_ms
):
    """Later than half a cycle no poll finds a conversion unfinished: times may be anything."""
    clock = OversleepingClock(0.0)
    bench = make_bench(clock=clock, noise_v_rms=20e-6)
    with bench.sensor() as sensor:
        assert not any(reading.flags for reading in taken(sensor, 200))
        clock.least_ms = least_ms
        late = taken(sensor, 600)
        clock.least_ms = 0.5
        prompt = taken(sensor, 600)
    assert all(reading.flags & ReadingFlag.LATE_READER for reading in late[300:])
    assert not any(reading.flags for reading in prompt[50:])


def test_a_reset_found_by_a_machine_that_wakes_up_too_late_is_not_blamed_on_the_supply(make_bench):
    clock = OversleepingClock(0.0)
    bench = make_bench(clock=clock, noise_v_rms=20e-6)
    with bench.sensor() as sensor:
        taken(sensor, 10)
        clock.least_ms = 6.0
        bench.chip.brown_out()
        with pytest.raises(ConversionTimeoutError, match=r"wakes up .* had reset itself"):
            taken(sensor, 3)


class NotingClock(SimulatedClock):
    """A clock that notes what it was last asked for."""

    asked_ns = 0

    def sleep_until_ns(self, t_ns):
        self.asked_ns = t_ns
        super().sleep_until_ns(t_ns)


def test_pauses_between_tries_are_not_taken_for_wake_ups_that_are_late(make_bench):
    """Polls after an end go on being asked for 3 % of the cycle, 0.27 ms, after it."""
    clock, random = NotingClock(), Random(1)
    bench = make_bench(clock=clock, noise_v_rms=20e-6)
    early = 0
    with bench.sensor() as sensor:
        for _ in range(600):
            bench.bus.drop_acknowledge(random.random() < 0.3)
            early += sensor.read().t_ns + 0.2 * MS > clock.asked_ns
    assert early < 5


def test_the_real_clock_says_how_long_the_machine_was_suspended():
    clock = MonotonicClock()
    looks_ns = [clock.suspended_ns() for _ in range(1000)]
    assert min(looks_ns) > -MS
    assert sorted(looks_ns)[500] - sorted(looks_ns)[100] < MS
