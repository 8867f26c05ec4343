"""Samples that were cut off inside a mean, which no mean shows: looked for one by one."""

from __future__ import annotations

import itertools

import pytest

from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import LoadParameters
from joulesplit.drivers.simulated._load import BenchSource

MS = 1_000_000
S = 1_000_000_000
STIFF = LoadParameters(idle_power_w=3.0, source_resistance_ohm=0.0)
CLIPPED = ReadingFlag.SHUNT_CLIPPED


def pulsed(make_loaded_bench, pulse_w, *, period_ns=2 * MS, duty=0.4, **settings):
    """Return 4 s of readings of 3 W with pulses on top, what they add up to and the truth, J."""
    loaded = make_loaded_bench(parameters=STIFF, noise_v_rms=20e-6, capacity=1 << 15)
    start_ns = loaded.bench.clock.now_ns()
    for begin_ns in range(start_ns, start_ns + 5 * S, period_ns):
        loaded.log.announce(begin_ns, begin_ns + round(duty * period_ns), pulse_w)
    with loaded.bench.sensor(probe_every=64, **settings) as sensor:
        readings = [sensor.read()]
        while readings[-1].t_ns < readings[0].t_ns + 4 * S:
            readings.append(sensor.read())
    measured_j = sum(
        later.power_w * (later.t_ns - earlier.t_ns) * 1e-9
        for earlier, later in itertools.pairwise(readings)
    )
    true_j = loaded.load.true_energy_j(readings[0].t_ns, readings[-1].t_ns)
    idle_j = STIFF.idle_power_w * (readings[-1].t_ns - readings[0].t_ns) * 1e-9
    return sensor, readings, (measured_j - idle_j) / (true_j - idle_j)


@pytest.mark.parametrize("pulse_w", [1.5, 2.5, 5.5])
def test_pulses_shorter_than_a_conversion_are_measured_in_the_widest_range(
    make_loaded_bench, pulse_w
):
    sensor, readings, share = pulsed(make_loaded_bench, pulse_w, expected_peak_a=None)
    assert share == pytest.approx(1.0, abs=0.01)
    assert not any(reading.flags & CLIPPED for reading in readings)
    assert sensor.description.full_scale_a == pytest.approx(3.2)
    assert sensor.peak_a == pytest.approx((3.0 + pulse_w) / 5.1, abs=2e-3)


def test_samples_cut_off_inside_a_mean_below_full_scale_are_flagged(make_loaded_bench):
    """8.5 W in pulses are 1.67 A, more than the range of 1.6 A; the means are at 1 A."""
    sensor, readings, share = pulsed(make_loaded_bench, 5.5, expected_peak_a=1.5)
    assert max(reading.current_a for reading in readings) < 1.6
    assert share < 0.99
    assert sum(bool(reading.flags & CLIPPED) for reading in readings) >= 1
    assert sensor.peak_a == pytest.approx(1.6)


def test_looking_loses_no_reading_and_no_energy(make_loaded_bench):
    sensor, readings, share = pulsed(make_loaded_bench, 1.5, period_ns=73 * MS // 10)
    steps_s = [(b.t_ns - a.t_ns) * 1e-9 for a, b in itertools.pairwise(readings)]
    assert share == pytest.approx(1.0, abs=0.004)
    assert max(steps_s) < 1.5 * sensor.period_s
    assert sensor.missed_conversions == 0
    assert not any(reading.flags for reading in readings)


@pytest.mark.parametrize("scl_hz", [100_000, 400_000])
@pytest.mark.parametrize("clears", ["bus-read", "power-read", "any-read"])
def test_the_conversion_after_a_look_is_placed_where_the_chip_ends_it(make_bench, scl_hz, clears):
    bench = make_bench(scl_hz=scl_hz, cnvr_clears=clears, conversion_time_scale=1.06)
    with bench.sensor(probe_every=64) as sensor:
        for _ in range(400):
            t_ns = sensor.read().t_ns
            true_ns = bench.chip.conversion_end_ns(bench.chip.finished_conversions())
            assert abs(t_ns - true_ns) < 0.05 * sensor.period_s * S + 48 * S / scl_hz
        assert sensor.peak_a == pytest.approx(0.6, abs=1e-4)


def test_a_reset_just_before_a_look_is_told(make_bench):
    """Below the mark one reading may be spoilt; to configure the chip must not hide that."""
    bench = make_bench(BenchSource(current_a=0.05, voltage_v=5.0))
    with bench.sensor(probe_every=64) as sensor:
        for _ in range(63):
            sensor.read()
        bench.chip.brown_out()
        flags = [sensor.read().flags for _ in range(3)]
    assert any(flag & ReadingFlag.CHIP_RESET for flag in flags)


def test_single_samples_need_no_look(make_bench):
    bench = make_bench()
    with bench.sensor(probe_every=8, shunt_samples=1) as sensor:
        for _ in range(40):
            sensor.read()
        assert sensor.peak_a is None


def test_a_rail_above_16_v_is_measured_in_the_range_of_32_v(make_bench):
    bench = make_bench(BenchSource(current_a=0.6, voltage_v=19.5))
    with bench.sensor(bus_range_v=32) as sensor:
        reading = sensor.read()
    assert reading.voltage_v == pytest.approx(19.5, abs=2e-3)
    assert reading.flags == ReadingFlag.NONE
    with bench.sensor() as sensor:
        assert sensor.read().flags & ReadingFlag.BUS_CLIPPED
    with pytest.raises(SensorConfigurationError, match="--bus-range"):
        bench.sensor(bus_range_v=20)
