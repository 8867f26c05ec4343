"""Words that arrive wrong and acknowledged: read again, and never believed against another."""

from __future__ import annotations

from statistics import fmean

import pytest

from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import LoadParameters
from joulesplit.drivers.simulated._load import BenchSource


@pytest.mark.parametrize("wrong", [0xFFFF, 0x0000, 0x7FFF, 0x8000])
@pytest.mark.parametrize("current_a", [0.05, 0.15, 0.6, 1.2])
def test_three_wrong_words_in_a_thousand_move_no_reading(make_bench, current_a, wrong):
    bench = make_bench(BenchSource(current_a=current_a, voltage_v=5.0), noise_v_rms=20e-6)
    with bench.sensor(probe_every=64) as sensor:
        sensor.read()
        bench.bus.corrupt_words(0.003, wrong)
        readings = [sensor.read() for _ in range(6000)]
    assert max(abs(reading.current_a - current_a) for reading in readings) < 2e-3
    assert max(abs(reading.voltage_v - 5.0) for reading in readings) < 0.01
    assert fmean(reading.current_a for reading in readings) == pytest.approx(current_a, abs=1e-4)
    doubtful = sum(bool(reading.flags & ReadingFlag.DOUBTFUL_WORDS) for reading in readings)
    assert doubtful >= 5
    assert not any(reading.flags & ReadingFlag.CHIP_RESET for reading in readings)


def test_a_load_that_really_steps_is_read_once_more_and_believed(make_loaded_bench):
    stiff = LoadParameters(idle_power_w=3.0, source_resistance_ohm=0.0)
    loaded = make_loaded_bench(parameters=stiff)
    now_ns = loaded.bench.clock.now_ns()
    for begin_ns in range(now_ns, now_ns + 2_000_000_000, 100_000_000):
        loaded.log.announce(begin_ns, begin_ns + 50_000_000, 3.0)
    with loaded.bench.sensor() as sensor:
        readings = [sensor.read() for _ in range(150)]
    assert max(reading.power_w for reading in readings) == pytest.approx(6.0, rel=2e-3)
    assert min(reading.power_w for reading in readings) == pytest.approx(3.0, rel=2e-3)
    assert not any(reading.flags for reading in readings)
