"""The simulated chip against the data sheet, through nothing but its registers."""

from __future__ import annotations

import statistics

import pytest

from joulesplit.drivers.errors import BusError, DeviceNotRespondingError
from joulesplit.drivers.simulated._load import BenchSource

CONFIGURATION, SHUNT, BUS, POWER, CURRENT, CALIBRATION = range(6)
GAIN_4_AVERAGE_16 = 0x11E7
CYCLE_NS = 9_042_000
READY = 2


@pytest.fixture
def ten_amperes(make_bench):
    """The data sheet's example: 10 A over 2 mΩ at 11.98 V."""
    return make_bench(BenchSource(current_a=10.0, voltage_v=11.98), shunt_ohm=0.002)


def test_power_on_values(make_bench):
    chip = make_bench().chip
    assert [chip.read_register(pointer) for pointer in range(6)] == [0x399F, 0, 0, 0, 0, 0]


def test_worked_example_of_the_data_sheet(ten_amperes):
    chip, clock = ten_amperes.chip, ten_amperes.clock
    chip.write_register(CALIBRATION, 0x5000)
    clock.advance_ns(5_000_000)
    assert chip.read_register(SHUNT) == 0x07D0
    assert chip.read_register(BUS) >> 3 == 0x5D98 >> 3
    assert chip.read_register(CURRENT) == 0x2710
    assert chip.read_register(POWER) == 0x1766
    assert chip.read_register(BUS) & 1 == 0


def test_overflow_bit_tells_of_the_arithmetic_only(make_bench):
    source = BenchSource(current_a=1.0, voltage_v=5.0)
    bench = make_bench(source)
    bench.chip.write_register(CALIBRATION, 0x1000)
    source.current_a = 100.0
    bench.clock.advance_ns(5_000_000)
    assert bench.chip.read_register(SHUNT) == 0x7D00
    assert bench.chip.read_register(BUS) & 1 == 0
    bench.chip.write_register(CALIBRATION, 0x2000)
    assert bench.chip.read_register(BUS) & 1 == 1
    bench.chip.write_register(CALIBRATION, 0)
    assert bench.chip.read_register(BUS) & 1 == 0


def test_void_calibration_bit_and_read_only_registers(make_bench):
    chip = make_bench().chip
    chip.write_register(CALIBRATION, 0xFFFF)
    assert chip.read_register(CALIBRATION) == 0xFFFE
    for pointer in (SHUNT, BUS, POWER, CURRENT):
        chip.write_register(pointer, 0x1234)
        assert chip.read_register(pointer) == 0


@pytest.mark.parametrize(("gain_bits", "limit"), list(enumerate([4000, 8000, 16000, 32000])))
@pytest.mark.parametrize("sign", [1, -1])
def test_shunt_clips_at_the_limit_of_each_gain(make_bench, gain_bits, limit, sign):
    bench = make_bench(BenchSource(current_a=sign * 9.0, voltage_v=5.0))
    bench.chip.write_register(CONFIGURATION, 0x019F | gain_bits << 11)
    bench.clock.advance_ns(2_000_000)
    assert bench.chip.read_register(SHUNT) == sign * limit & 0xFFFF


@pytest.mark.parametrize(("word", "limit"), [(0x199F, 4000), (0x399F, 8000)])
def test_bus_clips_at_the_limit_of_each_range(make_bench, word, limit):
    bench = make_bench(BenchSource(current_a=0.1, voltage_v=40.0))
    bench.chip.write_register(CONFIGURATION, word)
    bench.clock.advance_ns(2_000_000)
    assert bench.chip.read_register(BUS) >> 3 == limit


@pytest.mark.parametrize(
    ("behaviour", "clearing"),
    [("bus-read", {BUS}), ("power-read", {POWER}), ("any-read", {SHUNT, BUS, POWER, CURRENT})],
)
def test_ready_bit_is_cleared_by_what_the_specimen_says(make_bench, behaviour, clearing):
    for pointer in range(6):
        bench = make_bench(cnvr_clears=behaviour)
        bench.clock.advance_ns(1_100_000)
        bench.chip.read_register(pointer)
        still_ready = bool(bench.chip.read_register(BUS) & READY)
        assert still_ready == (pointer not in clearing)


def test_configuration_write_clears_the_ready_bit_unless_it_stops_the_converter(make_bench):
    for mode, cleared in ((7, True), (3, True), (0, False), (4, False)):
        bench = make_bench()
        bench.clock.advance_ns(1_100_000)
        bench.chip.write_register(CONFIGURATION, 0x3998 | mode)
        assert bool(bench.chip.read_register(BUS) & READY) != cleared


def test_ready_at_the_end_of_each_cycle_and_not_before(make_bench):
    bench = make_bench(conversion_time_scale=1.1)
    bench.chip.write_register(CONFIGURATION, GAIN_4_AVERAGE_16)
    for _ in range(3):
        bench.clock.advance_ns(int(CYCLE_NS * 1.1) - 1000)
        assert not bench.chip.read_register(BUS) & READY
        bench.clock.advance_ns(1001)
        assert bench.chip.read_register(BUS) & READY


def test_triggered_mode_converts_once(make_bench):
    source = BenchSource(current_a=0.5, voltage_v=5.0)
    bench = make_bench(source)
    bench.chip.write_register(CONFIGURATION, 0x399B)
    bench.clock.advance_ns(1_100_000)
    assert bench.chip.read_register(BUS) & READY
    source.current_a = 1.0
    bench.clock.advance_ns(10_000_000)
    assert bench.chip.read_register(SHUNT) == 5000
    assert not bench.chip.read_register(BUS) & READY


@pytest.mark.parametrize("mode", [0, 4])
def test_stopped_converter_keeps_its_results(make_bench, mode):
    source = BenchSource(current_a=0.5, voltage_v=5.0)
    bench = make_bench(source)
    bench.clock.advance_ns(1_100_000)
    bench.chip.write_register(CONFIGURATION, 0x3998 | mode)
    source.current_a = 1.0
    bench.clock.advance_ns(10_000_000)
    assert bench.chip.read_register(SHUNT) == 5000
    assert bench.chip.finished_conversions() == 0


def test_waking_from_power_down_takes_40_us_more(make_bench):
    bench = make_bench()
    bench.chip.write_register(CONFIGURATION, 0x3998)
    bench.chip.write_register(CONFIGURATION, 0x399F)
    bench.clock.advance_ns(1_064_000 + 39_000)
    assert not bench.chip.read_register(BUS) & READY
    bench.clock.advance_ns(1_000)
    assert bench.chip.read_register(BUS) & READY


def test_shunt_register_may_run_ahead_of_the_ready_bit(make_bench):
    source = BenchSource(current_a=0.5, voltage_v=5.0)
    for latch, ahead in (("cycle-end", 5000), ("shunt-end", 10000)):
        bench = make_bench(source, shunt_latch=latch)
        source.current_a = 0.5
        bench.clock.advance_ns(1_070_000)
        assert bench.chip.read_register(BUS) & READY
        source.current_a = 1.0
        bench.clock.advance_ns(600_000)
        assert bench.chip.read_register(SHUNT) == ahead
        assert not bench.chip.read_register(BUS) & READY


def test_averaging_divides_the_noise_by_the_root_of_the_samples(make_bench):
    noise_v = 200e-6
    spread = {}
    for samples, word in ((1, 0x119F), (16, GAIN_4_AVERAGE_16)):
        bench = make_bench(noise_v_rms=noise_v)
        bench.chip.write_register(CONFIGURATION, word)
        codes = []
        for _ in range(2000):
            bench.clock.advance_ns(CYCLE_NS)
            codes.append(bench.chip.read_register(SHUNT) * 10e-6)
        spread[samples] = statistics.stdev(codes)
    # 2000 values place a standard deviation to 1.6 %; four times that is allowed.
    assert spread[1] == pytest.approx(noise_v, rel=0.064)
    assert spread[16] == pytest.approx(noise_v / 4, rel=0.064)


def test_specimen_errors_act_on_the_reading(make_bench):
    bench = make_bench(gain_error=0.01, bus_gain_error=-0.01, offset_v=150e-6)
    bench.clock.advance_ns(1_100_000)
    assert bench.chip.read_register(SHUNT) == round(6000 * 1.01 + 15)
    assert bench.chip.read_register(BUS) >> 3 == round(1250 * 0.99)


def test_nine_bit_results_come_in_steps_of_eight(make_bench):
    bench = make_bench(BenchSource(current_a=0.60013, voltage_v=5.0))
    bench.chip.write_register(CONFIGURATION, 0x3807)
    bench.clock.advance_ns(200_000)
    assert bench.chip.read_register(SHUNT) == 6000


def test_brown_out_restores_power_on_state_and_a_lasting_one_ignores_writes(make_bench):
    bench = make_bench()
    bench.chip.write_register(CONFIGURATION, GAIN_4_AVERAGE_16)
    bench.chip.brown_out()
    assert bench.chip.read_register(CONFIGURATION) == 0x399F
    bench.chip.write_register(CONFIGURATION, GAIN_4_AVERAGE_16)
    assert bench.chip.read_register(CONFIGURATION) == GAIN_4_AVERAGE_16
    bench.chip.brown_out(persistent=True)
    bench.chip.write_register(CONFIGURATION, GAIN_4_AVERAGE_16)
    assert bench.chip.read_register(CONFIGURATION) == 0x399F


def test_bus_transactions_take_their_time_on_the_wire(make_bench):
    for scl_hz in (100_000, 400_000):
        bench = make_bench(scl_hz=scl_hz)
        before_ns = bench.clock.now_ns()
        bench.bus.read_word(0x40, BUS)
        assert bench.clock.now_ns() - before_ns == 48 * 1_000_000_000 // scl_hz


def test_bus_failures_are_the_ones_the_real_seam_raises(make_bench):
    bus = make_bench().bus
    with pytest.raises(DeviceNotRespondingError, match="0x41") as caught:
        bus.read_word(0x41, BUS)
    assert (caught.value.bus, caught.value.address) == (1, 0x41)
    bus.drop_acknowledge(2)
    for _ in range(2):
        with pytest.raises(DeviceNotRespondingError):
            bus.read_word(0x40, BUS)
    bus.fail_next(BusError("arbitration lost"))
    with pytest.raises(BusError, match="arbitration"):
        bus.write_word(0x40, CONFIGURATION, 0x399F)
    bus.read_word(0x40, BUS)
