"""How many transfers a reading takes, and what a hundred thousand of them lose: nothing unsaid."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest

from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedI2cBus
from joulesplit.drivers.simulated._load import BenchSource

S = 1_000_000_000


class LateClock:
    """Wakes its sleeper late, as a timer does: 60 µs usually, sometimes half a millisecond."""

    def __init__(self, clock, seed: int):
        self._clock = clock
        self._random = random.Random(seed)

    def now_ns(self) -> int:
        return self._clock.now_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        if t_ns > self._clock.now_ns():
            late_ns = int(self._random.expovariate(1 / 60_000))
            self._clock.sleep_until_ns(t_ns + min(late_ns, 500_000))


def transfers_per_reading(bench, readings):
    """Of a reader whose sleep ends a little late."""
    with bench.sensor(clock=LateClock(bench.clock, seed=3)) as sensor:
        sensor.read()
        begin = bench.chip.finished_conversions()
        bench.bus.transactions = 0
        flags = {sensor.read().flags for _ in range(readings)}
        transfers, conversions = bench.bus.transactions, bench.chip.finished_conversions() - begin
    assert conversions == readings
    assert flags == {ReadingFlag.NONE}
    return transfers / readings


@pytest.mark.parametrize("clears", ["bus-read", "any-read"])
@pytest.mark.parametrize("scale", [1.0, 1.0137, 1.05, 1.0731, 1.1])
@pytest.mark.parametrize(("current_a", "most"), [(0.6, 2.3), (0.2, 2.8), (0.05, 2.8)])
def test_a_reading_takes_under_three_transfers_whatever_the_chips_pace(
    make_bench, clears, scale, current_a, most
):
    """Above 21 mV over the shunt its words tell of a reset; below, every second read-back does."""
    source = BenchSource(current_a=current_a, voltage_v=5.0)
    bench = make_bench(source, noise_v_rms=50e-6, conversion_time_scale=scale, cnvr_clears=clears)
    assert transfers_per_reading(bench, 4000) <= most


@pytest.mark.parametrize(("current_a", "most"), [(0.6, 3.3), (0.05, 3.8)])
def test_a_chip_that_only_a_power_read_clears_costs_one_more_transfer(make_bench, current_a, most):
    source = BenchSource(current_a=current_a, voltage_v=5.0)
    bench = make_bench(source, noise_v_rms=50e-6, cnvr_clears="power-read")
    assert transfers_per_reading(bench, 1000) <= most


class BusyMachineBus(SimulatedI2cBus):
    """One transaction in two hundred waits up to four cycles, as beside a busy machine."""

    def __init__(self, bench, seed: int):
        super().__init__(1, {0x40: bench.chip}, bench.clock)
        self._random = random.Random(seed)

    def read_word(self, address: int, register: int) -> int:
        if self._random.random() < 0.005:
            self._wire_clock.advance_ns(int(self._random.random() * 4 * 9_042_000))
        return super().read_word(address, register)


@pytest.mark.campaign
def test_a_hundred_thousand_cycles_repeat_nothing_and_lose_nothing_unreported(make_bench):
    bench = make_bench(noise_v_rms=50e-6, conversion_time_scale=1.03)
    bus = BusyMachineBus(bench, seed=5)
    with replace(bench, bus=bus).sensor() as sensor:
        numbers, gaps = [], []
        sensor.read()
        before, reported = bench.chip.finished_conversions(), sensor.missed_conversions
        for _ in range(100_000):
            reading = sensor.read()
            # The conversion a reading is of, from the world's own count of cycle ends.
            origin_ns = bench.chip.conversion_end_ns(0)
            cycle_ns = bench.chip.conversion_end_ns(1) - origin_ns
            numbers.append(round((reading.t_ns - origin_ns) / cycle_ns))
            gaps.append(bool(reading.flags & ReadingFlag.GAP_BEFORE))
        missed = sensor.missed_conversions - reported
    steps = [later - earlier for earlier, later in itertools.pairwise([before, *numbers])]
    assert min(steps) == 1
    assert sum(steps) - len(steps) == missed
    assert [step > 1 for step in steps] == gaps
    assert missed > 500
