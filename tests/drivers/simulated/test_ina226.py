"""The simulated INA226 against the data sheet, through nothing but its registers."""

from __future__ import annotations

import statistics

import pytest

from joulesplit.drivers.simulated import Ina226Parameters, SimulatedClock, SimulatedIna226
from joulesplit.drivers.simulated._load import BenchSource

CONFIGURATION, SHUNT, BUS, POWER, CURRENT, CALIBRATION, MASK, ALERT_LIMIT = range(8)
READY = 0x0008
FASTEST = 0x4007  # both conversions 140 µs, none averaged


class Wired:
    def __init__(self, load=None, **specimen):
        self.clock = SimulatedClock()
        self.source = load or BenchSource(current_a=0.6, voltage_v=5.0)
        self.chip = SimulatedIna226(
            self.source, self.clock, parameters=Ina226Parameters(**{"shunt_ohm": 0.01, **specimen})
        )

    def after_us(self, duration_us, register):
        self.clock.advance_ns(int(duration_us * 1000))
        return self.chip.read_register(register)


def test_power_on_values_and_identity():
    chip = Wired().chip
    words = [chip.read_register(pointer) for pointer in (*range(8), 0xFE, 0xFF)]
    assert words == [0x4127, 0, 0, 0, 0, 0, 0, 0, 0x5449, 0x2260]


def test_worked_example_of_the_data_sheet():
    """10 A over 2 mΩ at 11.98 V, calibration 2560 for 1 mA a step (section 8.2.1)."""
    wired = Wired(BenchSource(current_a=10.0, voltage_v=11.98), shunt_ohm=0.002)
    wired.chip.write_register(CALIBRATION, 0x0A00)
    assert wired.after_us(2200, SHUNT) == 8000
    assert wired.chip.read_register(BUS) == 9584
    assert wired.chip.read_register(CURRENT) == 10000
    assert wired.chip.read_register(POWER) == 4792


@pytest.mark.parametrize(
    ("bits", "times_us"), list(enumerate([140, 204, 332, 588, 1100, 2116, 4156, 8244]))
)
def test_a_result_takes_the_two_times_in_turn_as_often_as_it_averages(bits, times_us):
    for averages_bits, averages in ((0, 1), (1, 4), (2, 16)):
        wired = Wired()
        wired.chip.write_register(CONFIGURATION, 0x4007 | averages_bits << 9 | bits << 3)
        cycle_us = averages * (times_us + 140)
        assert not wired.after_us(cycle_us - 2, MASK) & READY
        assert wired.after_us(4, MASK) & READY
        assert not wired.chip.read_register(MASK) & READY  # reading it cleared it
        assert not wired.after_us(cycle_us - 4, MASK) & READY
        assert wired.after_us(4, MASK) & READY


@pytest.mark.parametrize(("current_a", "word"), [(20.0, 0x7FFF), (-20.0, 0x8000), (-0.001, 0xFFFC)])
def test_the_shunt_is_signed_and_ends_at_82_millivolt(current_a, word):
    wired = Wired(BenchSource(current_a=current_a, voltage_v=5.0))
    assert wired.after_us(2300, SHUNT) == word


class HalfTheTime(BenchSource):
    """Twice the current in every second eighth of 1.1 ms, none in the others."""

    def mean_current_a(self, t0_ns, t1_ns):
        return 2 * self.current_a if (t0_ns - 1_000_000_000) % 275_000 < 137_000 else 0.0


@pytest.mark.parametrize(("current_a", "share"), [(4.0, 1.0), (6.0, 8.192 / 12)])
def test_what_stands_at_full_scale_for_part_of_a_conversion_is_cut_off_in_that_part(
    current_a, share
):
    """8 A fit; of 12 A over 10 mΩ 8.19 A are left, though the mean is 6 A."""
    wired = Wired(HalfTheTime(current_a=current_a, voltage_v=5.0))
    wired.chip.write_register(CONFIGURATION, 0x4007 | 4 << 3)  # 1.1 ms are eight pieces
    code = wired.after_us(1300, SHUNT)
    assert code * 2.5e-4 == pytest.approx(current_a * share, rel=0.01)


def test_averages_are_loaded_at_the_end_and_together():
    wired = Wired()
    wired.chip.write_register(CONFIGURATION, FASTEST | 2 << 9)
    assert wired.after_us(16 * 280 - 2, SHUNT) == wired.chip.read_register(BUS) == 0
    assert wired.after_us(4, SHUNT) == 2400
    assert wired.chip.read_register(BUS) == 4000
    wired.source.current_a = 1.2
    assert wired.after_us(16 * 280 - 4, SHUNT) == 2400
    assert wired.after_us(4, SHUNT) == 4800


def test_a_single_shunt_result_may_come_before_the_bus_result():
    wired = Wired(shunt_latch="shunt-end")
    wired.chip.write_register(CONFIGURATION, FASTEST)
    assert wired.after_us(142, SHUNT) == 2400
    assert not wired.chip.read_register(MASK) & READY


def test_bits_that_are_not_kept_and_registers_that_are_read_only():
    chip = Wired().chip
    for pointer, word in ((CALIBRATION, 0x7FFF), (MASK, 0xFC03), (ALERT_LIMIT, 0xFFFF)):
        chip.write_register(pointer, 0xFFFF)
        assert chip.read_register(pointer) & ~0x1C == word & ~0x1C
    for pointer in (SHUNT, BUS, POWER, CURRENT, 0xFE, 0xFF):
        before = chip.read_register(pointer)
        chip.write_register(pointer, 0x1234)
        assert chip.read_register(pointer) == before
    chip.write_register(CONFIGURATION, 0x8000)
    assert [chip.read_register(p) for p in (0, 5, 6, 7)] == [0x4127, 0, 0, 0]


def test_the_overflow_bit_tells_of_the_arithmetic_only():
    wired = Wired(BenchSource(current_a=8.0, voltage_v=5.0))
    wired.clock.advance_ns(5_000_000)
    assert not wired.chip.read_register(MASK) & 4
    wired.chip.write_register(CALIBRATION, 0x7FFF)
    assert wired.chip.read_register(MASK) & 4


def test_noise_falls_with_the_root_of_the_time():
    scatter = {}
    for bits, name in ((0, "short"), (4, "long")):
        wired = Wired(noise_v_rms=100e-6)
        wired.chip.write_register(CONFIGURATION, 0x4007 | bits << 3)
        codes = [wired.after_us(1240.1 if bits else 280.1, SHUNT) for _ in range(400)]
        scatter[name] = statistics.stdev(codes) * 2.5e-6
    assert scatter["short"] == pytest.approx(100e-6, rel=0.15)
    assert scatter["long"] == pytest.approx(100e-6 / 8**0.5, rel=0.15)
