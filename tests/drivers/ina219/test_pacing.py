"""Which conversion a reading is, on a reader that is held up; in virtual time."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from joulesplit.drivers.errors import ConversionTimeoutError
from joulesplit.drivers.ina2xx._register_link import MAX_TRIES
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedI2cBus

MS = 1_000_000
S = 1_000_000_000
ANY_CLEARING = ["bus-read", "power-read", "any-read"]
ANY_LATCH = ["cycle-end", "shunt-end"]


class CountingSource:
    """A source whose current and voltage tell which conversion they belong to."""

    def __init__(self):
        self.origin_ns = 0.0
        self.period_ns = 1.0
        self.shunt_ns = 0.0

    def follow(self, bench, sensor):
        self.origin_ns = bench.chip.conversion_end_ns(0)
        self.period_ns = bench.chip.conversion_end_ns(1) - self.origin_ns

    def _number(self, t_ns: float) -> int:
        # From 1 V on: a current without a voltage would be a fault of its own.
        return int((t_ns - self.origin_ns) // self.period_ns) % 3000 + 251

    def mean_current_a(self, t0_ns: int, t1_ns: int) -> float:
        return self._number((t0_ns + t1_ns) / 2) * 1e-4

    def mean_voltage_v(self, t0_ns: int, t1_ns: int) -> float:
        return self._number((t0_ns + t1_ns) / 2) * 4e-3


@pytest.mark.parametrize("clears", ANY_CLEARING)
@pytest.mark.parametrize("latch", ANY_LATCH)
@pytest.mark.parametrize("scale", [1.0, 1.03, 1.07, 1.1])
@pytest.mark.parametrize("samples", [2, 16, 64])
def test_every_conversion_is_read_once_and_placed_in_time(
    make_bench, clears, latch, scale, samples
):
    bench = make_bench(cnvr_clears=clears, shunt_latch=latch, conversion_time_scale=scale)
    with bench.sensor(shunt_samples=samples) as sensor:
        numbers, errors = [], []
        for _ in range(300):
            reading = sensor.read()
            number = bench.chip.finished_conversions()
            numbers.append(number)
            errors.append(reading.t_ns - bench.chip.conversion_end_ns(number))
            assert reading.flags & ~ReadingFlag.STUCK == ReadingFlag.NONE
        period_ns = bench.chip.conversion_end_ns(1) - bench.chip.conversion_end_ns(0)
    assert {later - earlier for earlier, later in itertools.pairwise(numbers)} == {1}
    assert max(map(abs, errors)) < 0.05 * period_ns + 120_000
    assert sensor.period_s * S == pytest.approx(period_ns, rel=0.002)
    assert sensor.description.settings["ready_bit_cleared_by"] == (
        "power-read" if clears == "power-read" else "bus-read"
    )


DRIFTING = [*[0.0] * 10, 1.0, *[0.0] * 3, 5.0, *[0.0] * 3, 1.0, *[0.0] * 3, 2.0, *[0.0] * 3]
DRIFTING += [1.5, 1.1875, 0.0]
"""On a short cycle the first estimate of the period lets the ends drift late for 40 conversions,
not far enough for a poll before the end to notice; then the reader comes late, too."""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    clears=st.sampled_from(ANY_CLEARING),
    latch=st.sampled_from(ANY_LATCH),
    scale=st.floats(1.0, 1.1),
    samples=st.sampled_from([2, 4, 16, 64]),
    stalls=st.lists(st.floats(0.0, 6.0) | st.just(0.0), min_size=20, max_size=60),
)
@example("bus-read", "shunt-end", 1.0, 2, DRIFTING)
def test_stalls_are_counted_exactly_and_pairs_stay_together(  # noqa: PLR0917 - strategies
    make_bench, clears, latch, scale, samples, stalls
):
    source = CountingSource()
    bench = make_bench(source, cnvr_clears=clears, shunt_latch=latch, conversion_time_scale=scale)
    with bench.sensor(shunt_samples=samples, expected_peak_a=0.4) as sensor:
        source.follow(bench, sensor)
        sensor.read()
        previous = None
        for stall in stalls:
            missed_before = sensor.missed_conversions
            reading = sensor.read()
            shunt, bus = reading.raw[0], reading.raw[1] >> 3
            assert shunt == bus
            if previous is not None:
                missed = bus - previous - 1
                assert missed >= 0
                assert sensor.missed_conversions - missed_before == missed
                assert bool(reading.flags & ReadingFlag.GAP_BEFORE) == (missed > 0)
            previous = bus
            bench.clock.advance_ns(int(stall * sensor.period_s * S))


class PreemptedBus(SimulatedI2cBus):
    """A bus whose user loses the processor after a transaction, when told so."""

    stall_ns = 0
    stalls = 0
    after_register = 1

    def read_word(self, address: int, register: int) -> int:
        word = super().read_word(address, register)
        ready = register != 2 or word & 2
        if self.stalls and register == self.after_register and ready:
            self.stalls -= 1
            self._wire_clock.advance_ns(self.stall_ns)
        return word


@pytest.mark.parametrize("clears", ANY_CLEARING)
@pytest.mark.parametrize("latch", ANY_LATCH)
@pytest.mark.parametrize("register", [1, 2])
@pytest.mark.parametrize("stall_periods", [0.3, 0.7, 0.93, 1.0, 1.4, 2.6])
def test_losing_the_processor_inside_a_reading_never_pairs_two_conversions(
    make_bench, clears, latch, register, stall_periods
):
    source = CountingSource()
    bench = make_bench(source, cnvr_clears=clears, shunt_latch=latch)
    bus = PreemptedBus(1, {0x40: bench.chip}, bench.clock)
    bus.after_register = register
    with replace(bench, bus=bus).sensor(expected_peak_a=0.4) as sensor:
        source.follow(bench, sensor)
        previous = sensor.read().raw[0]
        bus.stall_ns = int(stall_periods * sensor.period_s * S)
        for _ in range(50):
            bus.stalls = 1
            for _ in range(3):
                missed_before = sensor.missed_conversions
                reading = sensor.read()
                assert reading.raw[0] == reading.raw[1] >> 3
                missed = reading.raw[0] - previous - 1
                assert sensor.missed_conversions - missed_before == missed
                assert bool(reading.flags & ReadingFlag.GAP_BEFORE) == (missed > 0)
                previous = reading.raw[0]


class BusyMachineBus(SimulatedI2cBus):
    """Every twentieth transaction, at random, waits up to three cycles before or after."""

    def __init__(self, bench, seed: int):
        super().__init__(1, {0x40: bench.chip}, bench.clock)
        self.random = random.Random(seed)
        self.longest_ns = 0.0

    def read_word(self, address: int, register: int) -> int:
        self._perhaps_wait()
        word = super().read_word(address, register)
        self._perhaps_wait()
        return word

    def _perhaps_wait(self) -> None:
        if self.random.random() < 0.05:
            self._wire_clock.advance_ns(int(self.random.random() * self.longest_ns))


@pytest.mark.parametrize("clears", ANY_CLEARING)
@pytest.mark.parametrize("latch", ANY_LATCH)
@pytest.mark.parametrize("samples", [4, 16, 64])
def test_a_busy_machine_never_mixes_repeats_or_miscounts_conversions(
    make_bench, clears, latch, samples
):
    source = CountingSource()
    bench = make_bench(source, cnvr_clears=clears, shunt_latch=latch, conversion_time_scale=1.06)
    bus = BusyMachineBus(bench, seed=samples)
    with replace(bench, bus=bus).sensor(expected_peak_a=0.4, shunt_samples=samples) as sensor:
        source.follow(bench, sensor)
        previous = sensor.read().raw[0]
        bus.longest_ns = 3 * sensor.period_s * S
        for _ in range(400):
            missed_before = sensor.missed_conversions
            reading = sensor.read()
            assert reading.raw[0] == reading.raw[1] >> 3
            missed = (reading.raw[0] - previous) % 3000 - 1
            assert 0 <= missed < 100
            assert sensor.missed_conversions - missed_before == missed
            assert bool(reading.flags & ReadingFlag.GAP_BEFORE) == (missed > 0)
            previous = reading.raw[0]


def test_a_reader_that_never_keeps_up_is_an_error_with_the_remedy(make_bench):
    bench = make_bench()
    bus = PreemptedBus(1, {0x40: bench.chip}, bench.clock)
    with replace(bench, bus=bus).sensor() as sensor:
        bus.stalls, bus.stall_ns, bus.after_register = 1000, 20 * MS, 2
        with pytest.raises(ConversionTimeoutError, match="core of its own"):
            sensor.read()


def test_random_missing_acknowledges_never_corrupt_or_repeat_a_reading(make_bench):
    source = CountingSource()
    bench = make_bench(source)
    noise = random.Random(11)
    with bench.sensor(expected_peak_a=0.4) as sensor:
        source.follow(bench, sensor)
        numbers = []
        for _ in range(400):
            if noise.random() < 0.2:
                bench.bus.drop_acknowledge(noise.randint(1, MAX_TRIES - 1))
            reading = sensor.read()
            assert reading.raw[0] == reading.raw[1] >> 3
            numbers.append(reading.raw[0])
        missed = sum(later - earlier - 1 for earlier, later in itertools.pairwise(numbers[1:]))
    assert min(later - earlier for earlier, later in itertools.pairwise(numbers[1:])) >= 1
    assert missed <= sensor.missed_conversions <= missed + 10
