"""The real driver on the simulated chip, in virtual time."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from statistics import fmean, stdev

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.errors import (
    BusError,
    ChipResetError,
    ConversionTimeoutError,
    DeviceNotRespondingError,
    SensorConfigurationError,
    SensorError,
    WrongDeviceError,
)
from drivers.ina219 import STUCK_AFTER
from drivers.ina219_link import MAX_TRIES
from drivers.readings import ReadingFlag
from drivers.simulated.bus import SimulatedI2cBus
from drivers.simulated.load import BenchSource, LoadParameters

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
        return int((t_ns - self.origin_ns) // self.period_ns) % 3000 + 1

    def mean_current_a(self, t0_ns: int, t1_ns: int) -> float:
        return self._number((t0_ns + t1_ns) / 2) * 1e-4

    def mean_voltage_v(self, t0_ns: int, t1_ns: int) -> float:
        return self._number((t0_ns + t1_ns) / 2) * 4e-3


@pytest.mark.parametrize("samples", [1, 4, 16, 128])
def test_readings_equal_the_truth_within_half_a_step(make_bench, samples):
    bench = make_bench(BenchSource(current_a=0.61234, voltage_v=5.0217))
    with bench.sensor(shunt_samples=samples) as sensor:
        reading = sensor.read()
    assert reading.current_a == pytest.approx(0.61234, abs=0.5e-4)
    assert reading.voltage_v == pytest.approx(5.0217, abs=2e-3)
    assert reading.raw[0] == 6123
    assert reading.raw[1] == 1255 << 3 | 2
    assert reading.flags == ReadingFlag.NONE


def test_noise_of_the_readings_is_the_chips(make_bench):
    bench = make_bench(noise_v_rms=200e-6)
    with bench.sensor(shunt_samples=16) as sensor:
        currents = [sensor.read().current_a for _ in range(1000)]
    assert fmean(currents) == pytest.approx(0.6, abs=4 * 500e-6 / 1000**0.5)
    # 1000 values place a standard deviation to 2.2 %; four times that is allowed.
    assert stdev(currents) == pytest.approx(500e-6, rel=0.09)


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
    assert {later - earlier for earlier, later in itertools.pairwise(numbers)} == {1}
    period_ns = bench.chip.conversion_end_ns(1) - bench.chip.conversion_end_ns(0)
    assert max(map(abs, errors)) < 0.05 * period_ns + 120_000
    assert sensor.period_s * S == pytest.approx(period_ns, rel=0.002)
    assert sensor.description.settings["ready_bit_cleared_by"] == (
        "power-read" if clears == "power-read" else "bus-read"
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    clears=st.sampled_from(ANY_CLEARING),
    latch=st.sampled_from(ANY_LATCH),
    scale=st.floats(1.0, 1.1),
    samples=st.sampled_from([2, 4, 16, 64]),
    stalls=st.lists(st.floats(0.0, 6.0) | st.just(0.0), min_size=20, max_size=60),
)
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


@pytest.mark.parametrize("period_ms", [5, 7.3, 13, 21, 50])
@pytest.mark.parametrize("scale", [1.0, 1.047])
def test_energy_of_a_bursty_load_agrees_with_the_truth(make_loaded_bench, period_ms, scale):
    """60 % duty, 3 W on 3 W, averaged over 2 s; bounds the dead time of the bus conversion."""
    loaded = make_loaded_bench(noise_v_rms=20e-6, conversion_time_scale=scale)
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


def test_a_reader_that_never_keeps_up_is_an_error_with_the_remedy(make_bench):
    bench = make_bench()
    bus = PreemptedBus(1, {0x40: bench.chip}, bench.clock)
    with replace(bench, bus=bus).sensor() as sensor:
        bus.stalls, bus.stall_ns, bus.after_register = 1000, 20 * MS, 2
        with pytest.raises(ConversionTimeoutError, match="core of its own"):
            sensor.read()


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
    """3 W at 5 V over 0.1 ohm 1 % at gain /4, all terms rectangular, in % of the reading.

    Grade A: shunt 1, current 0.5, bus 0.5, offset 150 µV / 60 mV = 0.25, common mode 70 µV / 60 mV
    = 0.117. Grade B: current 0.3, offset 75 µV / 60 mV = 0.125.
    """
    grade_a = ((1 + 0.5**2 + 0.5**2 + 0.25**2 + (7 / 60) ** 2) / 3) ** 0.5 / 100
    grade_b = ((1 + 0.3**2 + 0.5**2 + 0.125**2 + (7 / 60) ** 2) / 3) ** 0.5 / 100
    for grade, expected in (("A", grade_a), ("B", grade_b), (None, grade_a)):
        bench = make_bench(BenchSource(current_a=0.6, voltage_v=5.0))
        with bench.sensor(grade=grade) as sensor:
            terms = sensor.description.accuracy
        scale = [term.standard_uncertainty for term in terms if term.kind == "scale"]
        offset = [term.standard_uncertainty / 3.0 for term in terms if term.kind == "offset"]
        relative = sum(u**2 for u in (*scale, *offset)) ** 0.5
        assert relative == pytest.approx(expected, rel=1e-6)


def test_clipped_shunt_and_bus_are_flagged(make_bench):
    source = BenchSource(current_a=0.5, voltage_v=5.0)
    bench = make_bench(source)
    with bench.sensor() as sensor:
        source.current_a = -2.0
        sensor.read()
        clipped = sensor.read()
        source.current_a, source.voltage_v = 0.5, 20.0
        sensor.read()
        high = sensor.read()
    assert clipped.flags == ReadingFlag.SHUNT_CLIPPED
    assert clipped.current_a == pytest.approx(-1.6)
    assert high.flags == ReadingFlag.BUS_CLIPPED


def test_a_result_that_never_changes_is_flagged_until_it_does(make_bench):
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor() as sensor:
        assert sensor.read().flags == ReadingFlag.NONE
        bench.chip.freeze()
        flags = [sensor.read().flags for _ in range(STUCK_AFTER + 5)]
        bench.chip.freeze(frozen=False)
        sensor.read()
        released = {sensor.read().flags for _ in range(5)}
    assert flags[-1] == ReadingFlag.STUCK
    assert flags[0] == ReadingFlag.NONE
    assert released == {ReadingFlag.NONE}


def test_unacknowledged_transactions_are_tried_again_and_flagged(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.bus.drop_acknowledge(MAX_TRIES - 1)
        assert sensor.read().flags & ReadingFlag.RETRIED
        assert sensor.read().flags == ReadingFlag.NONE
        bench.bus.drop_acknowledge(MAX_TRIES)
        with pytest.raises(DeviceNotRespondingError, match="0x40"):
            sensor.read()


def test_a_failure_that_retries_cannot_cure_is_raised_at_once(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        bench.bus.fail_next(BusError("adapter is gone"))
        with pytest.raises(BusError, match="adapter is gone"):
            sensor.read()
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


@pytest.mark.parametrize("clears", ANY_CLEARING)
def test_a_chip_reset_is_noticed_repaired_and_flagged(make_bench, clears):
    bench = make_bench(noise_v_rms=50e-6, cnvr_clears=clears)
    with bench.sensor() as sensor:
        for moment in (0.1, 0.4, 0.7):
            sensor.read()
            bench.clock.advance_ns(int(moment * sensor.period_s * S))
            bench.chip.brown_out()
            reading = sensor.read()
            assert reading.flags == ReadingFlag.CHIP_RESET | ReadingFlag.GAP_BEFORE
            assert bench.chip.read_register(0) == sensor.configuration.word
            assert {sensor.read().flags for _ in range(20)} == {ReadingFlag.NONE}


def test_a_reset_at_any_moment_is_noticed_within_two_readings(make_bench):
    for moment in [part / 40 for part in range(40)]:
        bench = make_bench(noise_v_rms=50e-6)
        with bench.sensor() as sensor:
            sensor.read()
            bench.clock.advance_ns(int(moment * sensor.period_s * S))
            bench.chip.brown_out()
            flags = [sensor.read().flags for _ in range(2)]
        assert any(flag & ReadingFlag.CHIP_RESET for flag in flags), moment


def test_a_reset_that_leaves_the_pace_unchanged_is_noticed_by_the_periodic_check(make_bench):
    """One-sample averaging at /4 has the power-on settings' cycle; only a read-back tells."""
    bench = make_bench(noise_v_rms=50e-6)
    with bench.sensor(shunt_samples=1) as sensor:
        end_ns = sensor.read().t_ns + int(1.2 * S)
        bench.chip.brown_out()
        flags = ReadingFlag.NONE
        while (reading := sensor.read()).t_ns < end_ns:
            flags |= reading.flags
    assert flags & ReadingFlag.CHIP_RESET


def test_a_chip_that_cannot_be_configured_again_is_an_error(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.chip.brown_out(persistent=True)
        with pytest.raises(ChipResetError, match="power supply"):
            sensor.read()


def test_a_chip_that_stops_converting_is_an_error(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.chip.stop_converting()
        with pytest.raises(ConversionTimeoutError, match="configuration is intact"):
            sensor.read()


def test_a_bus_too_slow_for_the_cycle_is_refused_with_the_remedy(make_bench):
    bench = make_bench(scl_hz=100_000)
    with pytest.raises(SensorConfigurationError, match="i2c_arm_baudrate=400000"):
        bench.sensor(shunt_samples=1).__enter__()
    with bench.sensor(shunt_samples=16) as sensor:
        assert sensor.read().flags == ReadingFlag.NONE


class OtherChip:
    """A register file that keeps whatever is written to it."""

    def __init__(self, *, power_on: int):
        self.words = {}
        self.power_on = power_on

    def read_register(self, pointer: int) -> int:
        return self.words.get(pointer, self.power_on if pointer == 0 else 0)

    def write_register(self, pointer: int, word: int) -> None:
        if pointer == 0 and word == 0x8000:
            self.words.clear()
        else:
            self.words[pointer] = word


@pytest.mark.parametrize("power_on", [0x4127, 0x399F])
def test_another_chip_at_the_address_is_recognised(make_bench, power_on):
    bench = make_bench()
    bench.bus._devices[0x40] = OtherChip(power_on=power_on)
    with pytest.raises(WrongDeviceError, match="not a working INA219"):
        bench.sensor().__enter__()


def test_nobody_at_the_address_is_an_error_that_names_it(make_bench):
    bench = make_bench()
    with pytest.raises(DeviceNotRespondingError, match="0x45"):
        bench.sensor(address=0x45).__enter__()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shunt_ohm": 0.0}, "R100"),
        ({"shunt_ohm": -0.1}, "R100"),
        ({"shunt_ohm": float("nan")}, "R100"),
        ({"shunt_ohm": float("inf")}, "R100"),
        ({"shunt_tolerance": -0.01}, "fraction"),
        ({"shunt_tolerance": 1.0}, "fraction"),
        ({"expected_peak_a": 0.0}, "Raspberry Pi"),
        ({"expected_peak_a": 3.3}, "smaller shunt"),
        ({"address": 0x50}, "0x40 to 0x4F"),
        ({"shunt_samples": 3}, "choose one of"),
    ],
)
def test_impossible_parameters_are_refused(make_bench, changes, message):
    with pytest.raises(SensorConfigurationError, match=message):
        make_bench().sensor(**changes)


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
