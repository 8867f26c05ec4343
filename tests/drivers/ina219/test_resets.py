"""A chip that resets itself while it is measured: what is delivered before it is noticed."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from joulesplit.drivers.errors import ChipResetError, ConversionTimeoutError
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedI2cBus
from joulesplit.drivers.simulated._load import BenchSource

S = 1_000_000_000
CONFIGURATION_WORD = 0x11E7
ANY_CLEARING = ["bus-read", "power-read", "any-read"]
ENOUGH_A, TOO_SMALL_A = 0.6, 0.05
"""Currents that give more and less than 21 mV over 0.1 ohm."""
FOUND = ReadingFlag.CHIP_RESET | ReadingFlag.GAP_BEFORE


class ObservedChip:
    """Remembers whether the words of the last reading came from a chip at other settings."""

    def __init__(self, chip):
        self._chip = chip
        self.is_wrong = {1: False, 2: False}

    def read_register(self, pointer):
        word = self._chip.read_register(pointer)
        if pointer == 1 or (pointer == 2 and word & 2):
            self.is_wrong[pointer] = self._chip.read_register(0) != CONFIGURATION_WORD
        return word

    def write_register(self, pointer, word):
        self._chip.write_register(pointer, word)


@dataclass(frozen=True, kw_only=True)
class ObservedBench:
    bench: Any
    source: BenchSource
    seen: ObservedChip

    def sensor(self):
        return self.bench.sensor()


def observed(make_bench, current_a, *, make_bus=SimulatedI2cBus, **changes):
    source = BenchSource(current_a=current_a, voltage_v=5.0)
    bench = make_bench(source, noise_v_rms=50e-6, **changes)
    seen = ObservedChip(bench.chip)
    bus = make_bus(1, {0x40: seen}, bench.clock)
    return ObservedBench(bench=replace(bench, bus=bus), source=source, seen=seen)


def readings_around_a_reset(observed_bench, sensor, phase):
    """Return (was made at other settings, flags) of the readings around a reset."""
    clock, chip = observed_bench.bench.clock, observed_bench.bench.chip
    for _ in range(6):
        sensor.read()
    clock.at(clock.now_ns() + int(phase * sensor.period_s * S), chip.brown_out)
    found = []
    for _ in range(12):
        flags = sensor.read().flags
        found.append((any(observed_bench.seen.is_wrong.values()), flags))
    assert chip.read_register(0) == CONFIGURATION_WORD
    return found


random_resets = given(
    phase=st.floats(0.0, 5.0),
    scale=st.floats(1.0, 1.1),
    clears=st.sampled_from(ANY_CLEARING),
    latch=st.sampled_from(["cycle-end", "shunt-end"]),
)
many = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@many
@random_resets
def test_a_reset_at_any_moment_spoils_no_delivered_reading(
    make_eventful_bench, phase, scale, clears, latch
):
    """Above 21 mV: what is read from the chip at other settings is not delivered at all."""
    bench = observed(
        make_eventful_bench,
        ENOUGH_A,
        conversion_time_scale=scale,
        cnvr_clears=clears,
        shunt_latch=latch,
    )
    with bench.sensor() as sensor:
        found = readings_around_a_reset(bench, sensor, phase)
    assert not any(wrong for wrong, _ in found)
    assert [flags for _, flags in found if flags] == [FOUND]


@many
@random_resets
def test_a_reset_below_the_mark_spoils_one_reading_at_most_and_the_next_says_so(
    make_eventful_bench, phase, scale, clears, latch
):
    bench = observed(
        make_eventful_bench,
        TOO_SMALL_A,
        conversion_time_scale=scale,
        cnvr_clears=clears,
        shunt_latch=latch,
    )
    with bench.sensor() as sensor:
        found = readings_around_a_reset(bench, sensor, phase)
    assert [flags for _, flags in found if flags] == [FOUND]
    flagged = [flags for _, flags in found].index(FOUND)
    assert all(number == flagged - 1 for number, (wrong, _) in enumerate(found) if wrong)


@example(
    phase=0.0,
    currents_a=[-0.6] * 18,
    stalls=[0, 0, 0, 0, 0, 0, 0.5, 0, 1, 1, 2, 3, 3, 0, 1, 0, 0, 0],
    in_transfer=True,
)
@many
@given(
    phase=st.floats(0.0, 5.0),
    currents_a=st.lists(st.sampled_from([-0.6, -0.05, 0.0, 0.05, 0.6]), min_size=18, max_size=18),
    stalls=st.lists(st.just(0.0) | st.floats(0.0, 3.0), min_size=18, max_size=18),
    in_transfer=st.booleans(),
)
def test_a_reset_under_any_load_and_any_delay_spoils_one_reading_at_most(
    make_eventful_bench, phase, currents_a, stalls, in_transfer
):
    """The current crosses the mark and the reader is held up, between transfers or readings."""
    waits = iter(stalls)

    class LateBus(SimulatedI2cBus):
        def read_word(self, address, register):
            word = super().read_word(address, register)
            if in_transfer and register == 2 and word & 2:
                self._wire_clock.advance_ns(int(next(waits, 0.0) * 9_042_000))
            return word

    world = observed(make_eventful_bench, ENOUGH_A, make_bus=LateBus)
    clock = world.bench.clock
    with world.sensor() as sensor:
        sensor.read()
        reset_ns = clock.now_ns() + int(phase * sensor.period_s * S)
        clock.at(reset_ns, world.bench.chip.brown_out)
        found = []
        for current_a, stall in zip(currents_a, stalls, strict=True):
            world.source.current_a = current_a
            if not in_transfer:
                clock.advance_ns(int(stall * 9_042_000))
            flags = sensor.read().flags
            found.append((any(world.seen.is_wrong.values()), bool(flags & ReadingFlag.CHIP_RESET)))
    assert [flagged for _, flagged in found].count(True) == 1
    at = [flagged for _, flagged in found].index(True)
    assert all(number == at - 1 for number, (wrong, _) in enumerate(found) if wrong)


@many
@given(
    phase=st.floats(0.0, 5.0),
    stalls=st.lists(st.just(0.0) | st.floats(0.05, 0.95), min_size=12, max_size=12),
)
def test_a_reset_while_the_reader_is_held_up_between_two_words_spoils_none(
    make_eventful_bench, phase, stalls
):
    """The marked word from before it, a plausible shunt word from after it."""
    waits = iter([])

    class LateBus(SimulatedI2cBus):
        def read_word(self, address, register):
            if register == 1:
                self._wire_clock.advance_ns(int(next(waits, 0.0) * 9_042_000))
            return super().read_word(address, register)

    world = observed(make_eventful_bench, ENOUGH_A, make_bus=LateBus)
    with world.sensor() as sensor:
        sensor.read()
        waits = iter(stalls)
        found = readings_around_a_reset(world, sensor, phase)
    assert not any(wrong for wrong, _ in found)
    assert sum(bool(flags & ReadingFlag.CHIP_RESET) for _, flags in found) == 1


@pytest.mark.parametrize("readings_before", range(8))
def test_a_reset_between_the_two_words_of_a_reading_is_noticed_by_their_contradiction(
    make_eventful_bench, readings_before
):
    """The bus word still carries the mark, the shunt register is 0: no reading of no current."""

    class BetweenBus(SimulatedI2cBus):
        is_due = False

        def read_word(self, address, register):
            word = super().read_word(address, register)
            if self.is_due and register == 2 and word & 2:
                self.is_due = False
                world.bench.chip.brown_out()
            return word

    world = observed(make_eventful_bench, ENOUGH_A, make_bus=BetweenBus)
    with world.sensor() as sensor:
        for _ in range(1 + readings_before):
            sensor.read()
        world.bench.bus.is_due = True
        reading = sensor.read()
    assert reading.flags == FOUND
    assert reading.current_a == pytest.approx(ENOUGH_A, rel=0.01)


class NeverOverflowing:
    """A clone of the chip that knows no overflow bit: the mark cannot be seen."""

    def __init__(self, chip):
        self._chip = chip

    def read_register(self, pointer):
        word = self._chip.read_register(pointer)
        return word & ~1 if pointer == 2 else word

    def write_register(self, pointer, word):
        self._chip.write_register(pointer, word)


class AlwaysOverflowing(NeverOverflowing):
    """One whose overflow bit is always set, whatever the calibration."""

    def read_register(self, pointer):
        word = self._chip.read_register(pointer)
        return word | 1 if pointer == 2 else word


@pytest.mark.parametrize("kind", [NeverOverflowing, AlwaysOverflowing])
@pytest.mark.parametrize("phase", [part / 20 for part in range(60)])
def test_a_chip_whose_overflow_bit_tells_nothing_is_read_back_instead(
    make_eventful_bench, kind, phase
):
    bench = make_eventful_bench(noise_v_rms=50e-6)
    bus = SimulatedI2cBus(1, {0x40: kind(bench.chip)}, bench.clock)
    with replace(bench, bus=bus).sensor() as sensor:
        assert {sensor.read().flags for _ in range(8)} == {ReadingFlag.NONE}
        begin_ns = bench.clock.now_ns()
        reset_ns = begin_ns + int(phase * sensor.period_s * S)
        bench.clock.at(reset_ns, bench.chip.brown_out)
        before = 0
        while not (flags := sensor.read().flags):
            before += bench.clock.now_ns() > reset_ns
        assert flags == FOUND
        assert before <= 2  # one that ended before the reset was still being read, and one after


def test_another_program_that_changes_the_calibration_costs_the_mark_and_nothing_else(make_bench):
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        sensor.read()
        bench.bus.write_word(0x40, 5, 4096)
        assert {sensor.read().flags for _ in range(50)} == {ReadingFlag.NONE}
        assert sensor.missed_conversions == 0


def test_a_reset_that_leaves_the_pace_unchanged_is_noticed_too(make_bench):
    """One-sample averaging has the power-on settings' cycle; the pace alone would not tell."""
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor(shunt_samples=1) as sensor:
        for moment in itertools.chain.from_iterable([(0.0, 0.3, 0.6, 0.9)] * 3):
            begin_ns = sensor.read().t_ns
            bench.clock.sleep_until_ns(begin_ns + round((1 + moment) * sensor.period_s * S))
            bench.chip.brown_out()
            assert sensor.read().flags == FOUND
            assert {sensor.read().flags for _ in range(20)} == {ReadingFlag.NONE}


def test_a_chip_that_cannot_be_configured_again_is_an_error(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.chip.brown_out(persistent=True)
        with pytest.raises(ChipResetError, match="power supply"):
            sensor.read()


def readings_of(sensor, count):
    return [sensor.read() for _ in range(count)]


def test_a_chip_that_was_reset_and_then_converts_no_more_is_not_said_to_lack_supply(make_bench):
    """It holds its configuration: what is known is that no conversion ends."""

    class StoppingBus(SimulatedI2cBus):
        is_broken = False

        def write_word(self, address, register, word):
            super().write_word(address, register, word)
            if self.is_broken and register == 0:
                bench.chip.stop_converting()

    bench = make_bench(noise_v_rms=50e-6)
    bench = replace(bench, bus=StoppingBus(1, {0x40: bench.chip}, bench.clock))
    with bench.sensor() as sensor:
        sensor.read()
        bench.bus.is_broken = True
        bench.chip.brown_out()
        with pytest.raises(ConversionTimeoutError, match=r"no conversion .* had reset itself"):
            readings_of(sensor, 3)


def test_a_chip_that_resets_again_after_every_repair_is_an_error(make_bench):
    """It takes its configuration each time, and keeps it just until it is to measure."""

    class DippingBus(SimulatedI2cBus):
        def write_word(self, address, register, word):
            super().write_word(address, register, word)
            if is_dipping and register == 5 and word:  # the last that is written
                bench.chip.brown_out()

    is_dipping = False
    bench = make_bench(noise_v_rms=50e-6)
    bench = replace(bench, bus=DippingBus(1, {0x40: bench.chip}, bench.clock))
    with bench.sensor() as sensor:
        sensor.read()
        is_dipping = True
        bench.chip.brown_out()
        with pytest.raises(ChipResetError, match="power supply"):
            sensor.read()


def test_a_chip_that_lost_its_supply_for_a_moment_is_asked_before_it_is_believed(
    make_eventful_bench,
):
    """It does not answer, comes back reset and gives a plausible shunt word to the next try."""

    class DippingBus(SimulatedI2cBus):
        dips = False

        def read_word(self, address, register):
            if self.dips and register == 1:
                self.dips = False
                world.bench.chip.brown_out()
                self.drop_acknowledge(1)
            return super().read_word(address, register)

    world = observed(make_eventful_bench, ENOUGH_A, make_bus=DippingBus)
    with world.sensor() as sensor:
        sensor.read()
        world.bench.bus.dips = True
        reading = sensor.read()
    assert reading.flags == FOUND | ReadingFlag.RETRIED
    assert not any(world.seen.is_wrong.values())
