"""The INA226 driver against the simulated chip, whose truth is known."""

from __future__ import annotations

import itertools
from dataclasses import replace
from random import Random

import pytest

from joulesplit.drivers import identify
from joulesplit.drivers.errors import (
    ConversionTimeoutError,
    RangeExceededError,
    SensorConfigurationError,
    WrongDeviceError,
)
from joulesplit.drivers.ina2xx import (
    MeanShunt,
    SensorIdentity,
    SensorRecords,
    SpanPoint,
    average,
    check_zero,
    convert_words,
)
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.ina226 import INA226
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import SimulatedI2cBus
from joulesplit.drivers.simulated._load import BenchSource

MS, S = 1_000_000, 1_000_000_000
SAMPLES = [2, 4, 8, 16, 32, 64, 128]
DAY = "2026-12-01T10:00:00+00:00"


def taken(sensor, count):
    return [sensor.read() for _ in range(count)]


@pytest.mark.parametrize("current_a", [-3.0, -0.0004, 0.0, 0.61234, 8.19])
def test_readings_equal_the_truth_within_half_a_step(make_bench, current_a):
    source = BenchSource(current_a=current_a, voltage_v=5.0217)
    bench = make_bench(source, noise_v_rms=0.0, bus_noise_v_rms=0.0)
    with bench.sensor() as sensor:
        reading = sensor.read()
    assert reading.current_a == pytest.approx(current_a, abs=0.51 * 2.5e-4)
    assert reading.voltage_v == pytest.approx(5.0217, abs=0.51 * 1.25e-3)
    assert reading.flags == ReadingFlag.NONE


@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("scale", [1.0, 1.03, 1.1])
def test_every_conversion_is_read_once_and_placed_in_time(make_bench, samples, scale):
    bench = make_bench(conversion_time_scale=scale)
    with bench.sensor(shunt_samples=samples) as sensor:
        begin_ns, end_ns = bench.chip.conversion_end_ns(0), bench.chip.conversion_end_ns(1)
        readings = taken(sensor, 200)
    period_ns = end_ns - begin_ns
    numbers = [(reading.t_ns - begin_ns) / period_ns for reading in readings]
    assert {round(b) - round(a) for a, b in itertools.pairwise(numbers)} == {1}
    assert max(abs(number - round(number)) for number in numbers) < 0.1
    assert not any(reading.flags & ~ReadingFlag.STUCK for reading in readings)
    assert sensor.missed_conversions == 0


@pytest.mark.parametrize("scl_hz", [400_000, 2_000_000])
@pytest.mark.parametrize("latch", ["cycle-end", "shunt-end"])
@pytest.mark.parametrize("samples", [2, 4, 8, 16])
def test_words_of_two_conversions_are_never_paired_whenever_the_shunt_register_changes(
    make_bench, latch, samples, scl_hz
):
    """Current and voltage rise together, the voltage is measured later; never is it the earlier."""

    class Ramp(BenchSource):
        begin_ns = None

        def mean_current_a(self, t0_ns, t1_ns):
            if self.begin_ns is None:
                return 0.0
            return max(0.0, 20 * ((t0_ns + t1_ns) / 2 - self.begin_ns) / S)

        def mean_voltage_v(self, t0_ns, t1_ns):
            return 1.0 + self.mean_current_a(t0_ns, t1_ns)

    source = Ramp(current_a=0.0, voltage_v=0.0)
    bench = make_bench(
        source, noise_v_rms=0.0, bus_noise_v_rms=0.0, shunt_latch=latch, scl_hz=scl_hz
    )
    random, read = Random(3), bench.bus.read_word
    for _ in range(20):
        source.begin_ns = None
        with bench.sensor(shunt_samples=samples) as sensor:
            cycle_ns = sensor.period_s * S

            def late(address, register, cycle_ns=cycle_ns):
                if random.random() < 0.1:
                    bench.clock.advance_ns(int(random.random() * cycle_ns))
                return read(address, register)

            sensor._link._read_word = late  # the reader is held up, not the chip
            source.begin_ns = bench.clock.now_ns() + 2 * cycle_ns
            readings = taken(sensor, min(100, int(0.25 * S / cycle_ns)))[4:]
        later_a = [reading.voltage_v - 1.0 - reading.current_a for reading in readings]
        # By half of a pair of conversions; a shunt word of the next cycle would be before it.
        assert min(later_a) > -2e-3
        assert max(later_a) < 20 * 0.6 * cycle_ns / S + 2e-3


def test_a_reader_that_is_held_up_is_told_what_it_missed(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        taken(sensor, 20)
        before = sensor.missed_conversions
        numbers = []
        random = Random(2)
        for _ in range(200):
            bench.clock.advance_ns(int(random.random() ** 4 * 60 * MS))
            reading = sensor.read()
            begin_ns, end_ns = bench.chip.conversion_end_ns(0), bench.chip.conversion_end_ns(1)
            numbers.append((round((reading.t_ns - begin_ns) / (end_ns - begin_ns)), reading.flags))
        steps = [(b[0] - a[0], b[1]) for a, b in itertools.pairwise(numbers)]
    assert all(step >= 1 for step, _ in steps)
    assert all(bool(flags & ReadingFlag.GAP_BEFORE) == (step > 1) for step, flags in steps)
    lost = numbers[-1][0] - numbers[0][0] - len(steps)
    first = sensor.missed_conversions - before - lost
    assert 0 <= first <= 7  # before the first of these readings


def test_raw_words_convert_to_the_readings(make_bench):
    with make_bench().sensor() as sensor:
        readings = taken(sensor, 20)
    shunts, buses = zip(*(reading.raw for reading in readings), strict=True)
    volts, amperes = convert_words(INA226, shunts, buses, shunt_ohm=0.01)
    assert [r.voltage_v for r in readings] == pytest.approx(volts.tolist())
    assert [r.current_a for r in readings] == pytest.approx(amperes.tolist())


def test_the_description_states_settings_range_and_steps(make_bench):
    with make_bench().sensor() as sensor:
        said = sensor.description
    assert (said.kind, said.name) == ("ina226", "INA226 at 0x40 on I2C bus 1")
    assert said.full_scale_a == pytest.approx(8.19175)
    assert said.current_resolution_a == pytest.approx(2.5e-4)
    assert said.voltage_resolution_v == 1.25e-3
    assert said.observed_fraction == pytest.approx(0.938, abs=1e-3)
    assert said.settings["configuration"] == "0x422F"
    assert said.settings["ready_bit_cleared_by"] == "mask-read"
    assert "VBUS" in said.includes


def test_a_chip_whose_ready_flag_only_the_power_register_clears_is_read_all_the_same(make_bench):
    bench = make_bench(ready_clears="power-read")
    with bench.sensor() as sensor:
        first = bench.chip.finished_conversions()
        readings = taken(sensor, 100)
        assert bench.chip.finished_conversions() - first <= 101
        assert sensor.description.settings["ready_bit_cleared_by"] == "power-read"
    assert not any(reading.flags for reading in readings)


def test_a_current_beyond_the_range_is_flagged_and_an_error_if_it_lasts(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        bench.source.current_a = -9.0
        sensor.read()
        clipped = sensor.read()
        assert clipped.flags == ReadingFlag.SHUNT_CLIPPED
        assert clipped.current_a == pytest.approx(-8.192)
        with pytest.raises(RangeExceededError, match=r"INA226's only range.*no range is larger"):
            taken(sensor, 200)


class Pulses(BenchSource):
    """10 A for 0.4 of every 2 ms, 0.5 A else: 4.3 A in the mean, and the range ends at 8.2 A."""

    def mean_current_a(self, t0_ns, t1_ns):
        return 0.5 + 9.5 * (self._high_ns(t1_ns) - self._high_ns(t0_ns)) / (t1_ns - t0_ns)

    @staticmethod
    def _high_ns(t_ns):
        periods, rest_ns = divmod(t_ns, 2 * MS)
        return periods * 0.8 * MS + min(rest_ns, 0.8 * MS)


def test_pieces_cut_off_inside_a_mean_below_full_scale_are_flagged(make_bench):
    bench = make_bench(Pulses(current_a=0.0, voltage_v=5.0))
    with bench.sensor(probe_every=64) as sensor:
        readings = taken(sensor, 1000)
        assert sensor.peak_a == pytest.approx(8.19, abs=0.01)
    assert max(reading.current_a for reading in readings) < 6.0
    flagged = sum(bool(reading.flags & ReadingFlag.SHUNT_CLIPPED) for reading in readings)
    assert flagged >= 1


def test_looks_at_single_samples_lose_no_reading_and_tell_the_peak(make_bench):
    bench = make_bench()
    with bench.sensor(probe_every=32) as sensor:
        readings = taken(sensor, 500)
        assert sensor.peak_a == pytest.approx(0.6, abs=0.02)
    assert not any(reading.flags for reading in readings)
    assert sensor.missed_conversions == 0


@pytest.mark.parametrize("period_ms", [5.0, 9.03, 13.0, 33.0])
def test_energies_of_bursty_loads_are_right(make_bench, period_ms):
    """1 A for 40 % of every period, with looks that dither the phase, within 0.5 % of 4 s."""

    class Bursts(BenchSource):
        def mean_current_a(self, t0_ns, t1_ns):
            return 0.6 + (self._high_ns(t1_ns) - self._high_ns(t0_ns)) / (t1_ns - t0_ns)

        @staticmethod
        def _high_ns(t_ns):
            periods, rest_ns = divmod(t_ns, period_ms * MS)
            return periods * 0.4 * period_ms * MS + min(rest_ns, 0.4 * period_ms * MS)

    source = Bursts(current_a=0.0, voltage_v=5.0)
    bench = make_bench(source, noise_v_rms=0.0, bus_noise_v_rms=0.0)
    with bench.sensor(probe_every=64) as sensor:
        readings = taken(sensor, 450)
    energy_j = sum(b.power_w * (b.t_ns - a.t_ns) / S for a, b in itertools.pairwise(readings))
    t0_ns, t1_ns = readings[0].t_ns, readings[-1].t_ns
    true_j = 5.0 * source.mean_current_a(t0_ns, t1_ns) * (t1_ns - t0_ns) / S
    assert energy_j == pytest.approx(true_j, rel=5e-3)


@pytest.mark.parametrize("current_a", [0.0, 0.02, 0.6])
@pytest.mark.parametrize("kept", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize("phase", [part / 23 for part in range(69)])
def test_a_reset_at_any_moment_is_told_and_spoils_none_of_a_marked_chip(
    make_eventful_bench, phase, kept, current_a
):
    """At any current; of a clone whose LEN bit is not kept one at most, which the next tells."""
    source = BenchSource(current_a=current_a, voltage_v=5.0)
    bench = make_eventful_bench(source, latch_bit_is_kept=kept)
    with bench.sensor() as sensor:
        taken(sensor, 8)
        word = bench.chip.read_register(0)
        reset_ns = bench.clock.now_ns() + int(phase * sensor.period_s * S)
        bench.clock.at(reset_ns, bench.chip.brown_out)
        readings, configured = [], []
        for _ in range(12):
            readings.append(sensor.read())
            configured.append(bench.chip.read_register(0) == word)
    flags = [reading.flags for reading in readings]
    found = [bool(each & ReadingFlag.CHIP_RESET) for each in flags]
    assert found.count(True) == 1
    assert flags[found.index(True)] & ReadingFlag.GAP_BEFORE
    before = [reading.t_ns > reset_ns for reading in readings[: found.index(True)]]
    assert sum(before) <= (0 if kept else 2)
    for reading in readings:
        assert reading.voltage_v == pytest.approx(5.0, abs=0.02)
        assert reading.current_a == pytest.approx(current_a, abs=0.01)


@pytest.mark.parametrize("register", [1, 2, 6])
def test_a_reset_between_two_words_of_a_reading_is_noticed(make_eventful_bench, register):
    """A chip that was just reset reads 0 until its first conversion is done."""

    class BetweenBus(SimulatedI2cBus):
        is_due = False

        def read_word(self, address, pointer):
            word = super().read_word(address, pointer)
            if self.is_due and pointer == register and (pointer != 6 or word & 8):
                self.is_due = False
                bench.chip.brown_out()
            return word

    bench = make_eventful_bench()
    bench = replace(bench, bus=BetweenBus(1, {0x40: bench.chip}, bench.clock))
    with bench.sensor() as sensor:
        taken(sensor, 9)
        bench.bus.is_due = True
        readings = taken(sensor, 4)
    assert sum(bool(r.flags & ReadingFlag.CHIP_RESET) for r in readings) == 1
    assert [r.current_a for r in readings] == pytest.approx([0.6] * 4, abs=0.01)
    assert [r.voltage_v for r in readings] == pytest.approx([5.0] * 4, abs=0.02)


def test_another_program_that_configures_it_is_told(make_bench):
    """As the kernel's driver does: 16 averages of 1.1 ms, calibration 2048."""
    bench = make_bench()
    with bench.sensor() as sensor:
        taken(sensor, 20)
        bench.bus.write_word(0x40, 0, 0x4527)
        bench.bus.write_word(0x40, 5, 2048)
        flags = [reading.flags for reading in taken(sensor, 200)]
        assert sum(bool(each & ReadingFlag.FOREIGN_WRITER) for each in flags) == 1
        assert bench.bus.read_word(0x40, 0) == sensor.configuration.word


def test_a_program_that_takes_the_mark_away_costs_the_mark_and_nothing_else(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        taken(sensor, 10)
        bench.bus.write_word(0x40, 6, 0)
        assert {reading.flags for reading in taken(sensor, 50)} == {ReadingFlag.NONE}


@pytest.mark.parametrize("word", [0xFFFF, 0x0000, 0x0008])
def test_wrong_words_move_no_reading(make_bench, word):
    bench = make_bench(BenchSource(current_a=1.2, voltage_v=5.0))
    with bench.sensor() as sensor:
        taken(sensor, 20)
        bench.bus.corrupt_words(0.003, word)
        readings = taken(sensor, 3000)
    assert max(abs(reading.current_a - 1.2) for reading in readings) < 0.01
    assert max(abs(reading.voltage_v - 5.0) for reading in readings) < 0.02
    assert any(reading.flags & ReadingFlag.DOUBTFUL_WORDS for reading in readings)


def test_a_voltage_that_cannot_be_is_left_out_even_if_it_is_read_twice(make_bench):
    """Bit 15 is always 0: 0xFFFF would be 82 V."""

    class WrongBus(SimulatedI2cBus):
        wrong = 0

        def read_word(self, address, register):
            word = super().read_word(address, register)
            if register == 2 and self.wrong:
                self.wrong -= 1
                return 0xFFFF
            return word

    bench = make_bench()
    bench.bus = WrongBus(1, {0x40: bench.chip}, bench.clock)
    with bench.sensor() as sensor:
        taken(sensor, 5)
        bench.bus.wrong = 2
        readings = taken(sensor, 5)
    assert max(reading.voltage_v for reading in readings) < 5.1
    assert readings[0].flags & ReadingFlag.DOUBTFUL_WORDS
    assert readings[0].flags & ReadingFlag.GAP_BEFORE


def test_a_load_that_really_steps_is_believed_at_once(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        taken(sensor, 5)
        bench.source.current_a, bench.source.voltage_v = 2.0, 4.6
        sensor.read()
        readings = taken(sensor, 5)
    assert [reading.current_a for reading in readings] == pytest.approx([2.0] * 5, abs=0.01)
    assert not any(reading.flags for reading in readings)


def test_a_chip_that_stops_converting_is_an_error(make_bench):
    bench = make_bench()
    with bench.sensor() as sensor:
        sensor.read()
        bench.chip.stop_converting()
        with pytest.raises(ConversionTimeoutError, match=r"INA226 .*2\.7 V"):
            sensor.read()


def test_a_pin_vbus_that_is_not_joined_is_told(make_bench):
    bench = make_bench(BenchSource(current_a=0.6, voltage_v=0.0))
    with pytest.raises(WrongDeviceError, match="VBUS is not joined to VIN−"):
        bench.sensor().__enter__()


def test_a_bus_too_slow_for_the_cycle_is_refused_with_the_remedy(make_bench):
    with pytest.raises(SensorConfigurationError, match="i2c_arm_baudrate=400000"):
        make_bench(scl_hz=100_000).sensor(shunt_samples=2).__enter__()
    with make_bench(scl_hz=100_000).sensor() as sensor:
        assert not any(reading.flags for reading in taken(sensor, 100))


def test_it_is_known_by_reading_and_left_as_it_was_found(make_bench):
    bench = make_bench()
    before = {0: 0x4527, 5: 0x0A00, 6: 0x8002, 7: 0x1234}
    for pointer, word in before.items():
        bench.chip.write_register(pointer, word)
    found = identify(bench.bus, 0x40)
    assert (found.name, found.sensor, found.is_ina219) == ("INA226", "ina226", False)
    written = []
    bench.clock.advance_ns(100 * MS)  # a conversion is ready, and the flag that says so is set
    with bench.sensor() as sensor:
        sensor.read()
        write = bench.chip.write_register
        bench.chip.write_register = lambda *word: (written.append(word), write(*word))
    assert [pointer for pointer, _ in written] == [7, 6, 5, 0]
    assert not dict(written)[6] & 0x1C  # flags are the chip's to set
    assert {pointer: bench.chip.read_register(pointer) & ~0x1C for pointer in before} == {
        pointer: word & ~0x1C for pointer, word in before.items()
    }


def test_the_driver_of_another_chip_names_it_and_the_right_sensor(make_bench):
    bench = make_bench()
    other = Ina219(bench.bus, shunt_ohm=0.01, shunt_tolerance=0.01, clock=bench.clock)
    with pytest.raises(WrongDeviceError, match=r"no INA219 but a INA226.*--sensor ina226"):
        other.__enter__()
    assert bench.chip.read_register(0) == 0x4127


def test_a_zero_and_a_span_find_what_the_specimen_is_off_by(make_bench):
    """Shunt 2 % large, gain 0.1 % high, 8 µV of offset, 6 mV of bus offset: at 0.7 A 0.1 %."""
    specimen = {
        "shunt_ohm": 0.0102,
        "gain_error": 0.001,
        "offset_v": 8e-6,
        "bus_offset_v": 6e-3,
    }
    source = BenchSource(current_a=0.0, voltage_v=5.0)
    bench = make_bench(source, **specimen)

    def measure(current_a):
        source.current_a = current_a
        with bench.sensor() as sensor:
            sensor.read()
            return average(sensor, readings=400, created=DAY)

    identity = SensorIdentity(kind="ina226", bus=1, address=0x40, shunt_ohm=0.01)
    zero = measure(0.0)
    check_zero(zero, identity)
    point = SpanPoint(
        mean=measure(1.5), current_a=1.5, u_current_rel=0.0005, voltage_v=5.0,
        u_voltage_rel=0.0005, reference="DMM",
    )  # fmt: skip
    records = SensorRecords(identity=identity, zeros=(zero,), points=(point,))
    correction = records.correction_at(1)
    assert correction.shunt_ohm == pytest.approx(0.0102 * 1.001, rel=5e-4)
    source.current_a = 0.7
    with bench.sensor(correction=correction) as sensor:
        readings = taken(sensor, 400)
        terms = {term.name for term in sensor.description.accuracy}
    power_w = sum(reading.power_w for reading in readings) / len(readings)
    assert power_w == pytest.approx(3.5, rel=1e-3)
    assert {"current span", "bus voltage span", "zero", "bus voltage drift"} <= terms
    assert not terms & {"current gain", "bus voltage gain", "bus voltage offset", "shunt offset"}


def test_a_zero_beyond_its_own_data_sheet_is_refused():
    """30 µV: an INA219 may have them, an INA226 may not."""
    mean = MeanShunt(
        shunt_v=30e-6, u_shunt_v=1e-7, bus_v=5.0, u_bus_v=1e-4, residual_v=0.0, readings=256,
        gain=1, created=DAY,
    )  # fmt: skip
    check_zero(mean, SensorIdentity(kind="ina219", bus=1, address=0x40, shunt_ohm=0.01))
    with pytest.raises(SensorConfigurationError, match=r"3 mA.*still flows"):
        check_zero(mean, SensorIdentity(kind="ina226", bus=1, address=0x40, shunt_ohm=0.01))
