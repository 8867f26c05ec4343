"""Readings of the real driver on the simulated chip, in virtual time."""

from __future__ import annotations

import itertools
from math import hypot
from statistics import fmean, stdev

import pytest

from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import LoadParameters
from joulesplit.drivers.simulated._load import BenchSource

MS = 1_000_000
S = 1_000_000_000


@pytest.mark.parametrize("samples", [1, 4, 16, 128])
def test_readings_equal_the_truth_within_half_a_step(make_bench, samples):
    bench = make_bench(BenchSource(current_a=0.61234, voltage_v=5.0217))
    with bench.sensor(shunt_samples=samples) as sensor:
        reading = sensor.read()
    assert reading.current_a == pytest.approx(0.61234, abs=0.5e-4)
    assert reading.voltage_v == pytest.approx(5.0217, abs=2e-3)
    assert reading.raw[0] == 6123
    assert reading.raw[1] == 1255 << 3 | 2 | 1  # the overflow bit is the driver's mark
    assert reading.flags == ReadingFlag.NONE


def test_rehearsed_readings_take_transfers_and_leave_the_real_ones_as_they_are(make_bench):
    bench = make_bench()
    with bench.sensor(shunt_samples=16) as sensor:

        def read_40(rehearsals):
            before, readings = bench.bus.transactions, []
            for _ in range(40):
                if rehearsals:
                    sensor.rehearse(rehearsals)
                readings.append(sensor.read())
            return readings, bench.bus.transactions - before

        usual, transfers = read_40(0)
        rehearsed, more_transfers = read_40(2)

    # Each takes as many as a reading does.
    assert more_transfers / transfers == pytest.approx(3.0, abs=0.1)
    ends_ns = [reading.t_ns for reading in (*usual, *rehearsed)]
    cycles = [b - a for a, b in itertools.pairwise(ends_ns)]
    assert max(cycles) < 1.05 * min(cycles)
    assert not any(reading.flags for reading in rehearsed)


def test_noise_of_the_readings_is_the_chips(make_bench):
    bench = make_bench(noise_v_rms=200e-6)
    with bench.sensor(shunt_samples=16) as sensor:
        currents = [sensor.read().current_a for _ in range(1000)]
    assert fmean(currents) == pytest.approx(0.6, abs=4 * 500e-6 / 1000**0.5)
    # 1000 values place a standard deviation to 2.2 %; four times that is allowed.
    assert stdev(currents) == pytest.approx(500e-6, rel=0.09)


@pytest.mark.parametrize("period_ms", [5, 7.3, 13, 21, 50])
@pytest.mark.parametrize("scale", [1.0, 1.047])
def test_energy_of_a_bursty_load_agrees_with_the_truth(make_loaded_bench, period_ms, scale):
    """60 % duty, 3 W on 3 W, averaged over 2 s; bounds the dead time of the bus conversion."""
    loaded = make_loaded_bench(
        parameters=LoadParameters(idle_power_w=3.0, source_resistance_ohm=0.0),
        noise_v_rms=20e-6,
        conversion_time_scale=scale,
    )
    period_ns = int(period_ms * MS)
    start_ns = loaded.bench.clock.now_ns()
    for begin_ns in range(start_ns, start_ns + 3 * S, period_ns):
        loaded.log.announce(begin_ns, begin_ns + int(0.6 * period_ns), 3.0)
    with loaded.bench.sensor() as sensor:
        readings = [sensor.read()]
        while readings[-1].t_ns < readings[0].t_ns + 2 * S:
            readings.append(sensor.read())
    measured_j = sum(
        later.power_w * (later.t_ns - earlier.t_ns) * 1e-9
        for earlier, later in itertools.pairwise(readings)
    )
    true_j = loaded.load.true_energy_j(readings[0].t_ns, readings[-1].t_ns)
    assert measured_j == pytest.approx(true_j, rel=0.002)


def test_a_supply_that_sags_under_bursts_inside_a_conversion_reads_high_by_its_resistance(
    make_loaded_bench,
):
    """Volts and amperes are means of their own: their product leaves out their covariance.

    V = V_s - R·I, so the mean of V·I is mean V · mean I - R·var(I). It is the most that bursts
    faster than a conversion add: here 60 % of 7.3 ms, 0.6 A more on 0.6 A behind 0.15 ohm.
    """
    parameters = LoadParameters(idle_power_w=3.0, source_resistance_ohm=0.15)
    loaded = make_loaded_bench(parameters=parameters)
    start_ns = loaded.bench.clock.now_ns()
    for begin_ns in range(start_ns, start_ns + 7 * S, 73 * MS // 10):
        loaded.log.announce(begin_ns, begin_ns + 438 * MS // 100, 3.0)
    with loaded.bench.sensor() as sensor:
        readings = [sensor.read() for _ in range(600)]
    low_a, high_a = (2 * p / (5.1 + (5.1**2 - 0.6 * p) ** 0.5) for p in (3.0, 6.0))
    # A sample of 0.532 ms that an edge cuts at u shows u(1 - u) less of it, 1/6 in the mean.
    seen = 0.6 * 0.4 - 2 * 0.532 / 7.3 / 6
    excess_w = 0.15 * seen * (high_a - low_a) ** 2
    true_j = loaded.load.true_energy_j(readings[0].t_ns, readings[-1].t_ns)
    span_s = (readings[-1].t_ns - readings[0].t_ns) * 1e-9
    mean_w = fmean(reading.power_w for reading in readings[1:])
    assert mean_w - true_j / span_s == pytest.approx(excess_w, abs=0.1 * excess_w)


def test_a_long_noisy_campaign_keeps_count_and_energy(make_loaded_bench):
    parameters = LoadParameters(idle_power_w=2.5, drift_w_per_s=1e-3, background_sd_w=0.2)
    loaded = make_loaded_bench(parameters=parameters, noise_v_rms=20e-6)
    with loaded.bench.sensor() as sensor:
        readings = [sensor.read() for _ in range(5000)]
        assert sensor.missed_conversions == 0
    measured_j = sum(
        later.power_w * (later.t_ns - earlier.t_ns) * 1e-9
        for earlier, later in itertools.pairwise(readings)
    )
    true_j = loaded.load.true_energy_j(readings[0].t_ns, readings[-1].t_ns)
    assert measured_j == pytest.approx(true_j, rel=0.002)
    assert all(reading.flags == ReadingFlag.NONE for reading in readings)


def test_description_states_settings_and_accuracy(make_bench):
    bench = make_bench(conversion_time_scale=1.05)
    with bench.sensor(grade="B", simulated=True) as sensor:
        description = sensor.description
    assert description.settings["configuration"] == "0x11E7"
    assert description.kind == "simulated"
    assert description.simulated
    assert description.cycle_s == pytest.approx(9.042e-3 * 1.05, rel=0.005)
    assert description.observed_fraction == pytest.approx(8.51 / 9.042)
    assert description.full_scale_a == pytest.approx(1.6)
    assert description.current_resolution_a == pytest.approx(1e-4)
    terms = {term.name: term for term in description.accuracy}
    assert terms["shunt tolerance"].half_width == 0.01
    assert terms["current gain"].half_width == 0.003
    assert terms["bus voltage gain"].half_width == 0.005
    # 75 µV (grade B, gain /4) and 10 µV/V · 7 V over 0.1 ohm at 5 V.
    assert terms["shunt offset"].half_width == pytest.approx(75e-6 / 0.1 * 5.0)
    assert terms["common mode"].half_width == pytest.approx(70e-6 / 0.1 * 5.0)


def test_worked_uncertainty_of_an_uncalibrated_board(make_bench):
    """3 W at 5 V over 0.1 ohm 1 % at gain /4, peak 1.5 A, all rectangular, in % of the reading.

    Grade A: shunt 1, current 0.5, bus 0.5, offset 150 µV / 60 mV = 0.25, common mode 70 µV / 60 mV
    = 0.117. Grade B: current 0.3, offset 75 µV / 60 mV = 0.125. Both: 0.3 mΩ in the sense taps
    0.3, 20 K of 100 ppm/K 0.2, 0.225 W of 100 K/W of 100 ppm/K 0.225, 20 K of 10 ppm/K 0.02,
    clock 0.01, supply 1.7 V of 10 µV/V 0.0283, 20 K of 0.1 µV/K 0.0033.
    """
    both = (1, 0.5, 7 / 60, 0.3, 0.2, 0.225, 0.02, 0.01, 1.7 / 60, 0.2 / 60)
    grade_a, grade_b = hypot(*both, 0.5, 0.25), hypot(*both, 0.3, 0.125)
    for grade, bound in (("A", grade_a), ("B", grade_b), (None, grade_a)):
        bench = make_bench(BenchSource(current_a=0.6, voltage_v=5.0))
        with bench.sensor(grade=grade) as sensor:
            terms = sensor.description.accuracy
        scale = [term.standard_uncertainty for term in terms if term.kind == "scale"]
        offset = [term.standard_uncertainty / 3.0 for term in terms if term.kind == "offset"]
        assert hypot(*scale, *offset) == pytest.approx(bound / 3**0.5 / 100, rel=1e-6)
    # The one that changes with the load is the one that does not cancel in a ratio.
    assert [t.name for t in terms if t.correlation != "common"] == ["shunt self-heating"]


def test_reading_outside_a_with_block_is_an_error_and_closing_twice_is_not(make_bench):
    sensor = make_bench().sensor()
    with pytest.raises(SensorError, match="with block"):
        sensor.read()
    with sensor:
        sensor.read()
    sensor.close()
    with pytest.raises(SensorError, match="with block"):
        sensor.read()
    with sensor:
        assert sensor.read().flags == ReadingFlag.NONE
