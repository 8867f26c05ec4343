"""Opening the real driver: parameters, identity, phase and period of the chip."""

from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit.drivers.errors import (
    DeviceNotRespondingError,
    SensorConfigurationError,
    WrongDeviceError,
)
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import (
    ChipParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)
from joulesplit.drivers.simulated._load import BenchSource

MS = 1_000_000
ANY_CLEARING = ["bus-read", "power-read", "any-read"]


@pytest.mark.parametrize("clears", ANY_CLEARING)
@pytest.mark.parametrize("stall_ms", [3, 8, 11, 12, 15, 20])
@pytest.mark.parametrize("skipped", range(8))
def test_losing_the_processor_after_a_result_while_opening_does_not_spoil_the_period(
    make_bench, clears, stall_ms, skipped
):
    bench = make_bench(cnvr_clears=clears)

    class OnceLateBus(SimulatedI2cBus):
        results = 0
        is_due = False

        def read_word(self, address: int, register: int) -> int:
            if self.is_due:
                bench.clock.advance_ns(stall_ms * MS)
            word = super().read_word(address, register)
            ready = register == 2 and bool(word & 2)
            self.results += ready
            self.is_due = ready and self.results == skipped
            return word

    bus = OnceLateBus(1, {0x40: bench.chip}, bench.clock)
    with replace(bench, bus=bus).sensor() as sensor:
        assert sensor.period_s == pytest.approx(9.042e-3, rel=0.005)
        sensor.read()
        number = bench.chip.finished_conversions()
        assert sensor.read().flags == ReadingFlag.NONE
        assert bench.chip.finished_conversions() == number + 1
        described = sensor.description.settings["ready_bit_cleared_by"]
        assert described == ("power-read" if clears == "power-read" else "bus-read")


@pytest.mark.parametrize("not_before", range(0, 400, 25))
def test_losing_the_processor_while_opening_does_not_spoil_the_period(make_bench, not_before):
    bench = make_bench(conversion_time_scale=1.05)

    class LateBus(SimulatedI2cBus):
        def read_word(self, address: int, register: int) -> int:
            word = super().read_word(address, register)
            if self.transactions == not_before:
                bench.clock.advance_ns(15 * MS)
            return word

    bus = LateBus(1, {0x40: bench.chip}, bench.clock)
    with replace(bench, bus=bus).sensor() as sensor:
        assert sensor.period_s == pytest.approx(9.042e-3 * 1.05, rel=0.005)
        assert sensor.read().flags == ReadingFlag.NONE
        assert sensor.description.settings["ready_bit_cleared_by"] == "bus-read"


def test_a_bus_too_slow_for_the_cycle_is_refused_with_the_remedy(make_bench):
    bench = make_bench(scl_hz=100_000)
    with pytest.raises(SensorConfigurationError, match="i2c_arm_baudrate=400000"):
        bench.sensor(shunt_samples=1).__enter__()
    with bench.sensor(shunt_samples=16) as sensor:
        assert sensor.read().flags == ReadingFlag.NONE


class OtherChip:
    """A register file that is like an INA219 but for one property."""

    def __init__(self, *, power_on: int = 0x399F, kept: dict[int, int]):
        self.words = {}
        self.power_on = power_on
        self.kept = kept

    def read_register(self, pointer: int) -> int:
        return self.words.get(pointer, self.power_on if pointer == 0 else 0)

    def write_register(self, pointer: int, word: int) -> None:
        if pointer == 0 and word == 0x8000:
            self.words.clear()
        else:
            self.words[pointer] = word & self.kept[pointer]


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (OtherChip(power_on=0x4127, kept={0: 0x3FFF, 5: 0xFFFE}), "register 0 is 0x4127"),
        (OtherChip(kept={0: 0xFFFF, 5: 0xFFFE}), "bit 14"),
        (OtherChip(kept={0: 0x3FFF, 5: 0xFFFF}), "0xFFFF, not 0xFFFE"),
        (OtherChip(kept={0: 0x3000, 5: 0xFFFE}), "reads back 0x1000"),
    ],
)
def test_another_chip_at_the_address_is_recognised(make_bench, other, difference):
    bench = make_bench()
    bus = SimulatedI2cBus(1, {0x40: other}, bench.clock)
    with pytest.raises(WrongDeviceError, match=difference):
        replace(bench, bus=bus).sensor().__enter__()


class NeverClearingChip(SimulatedIna219):
    """A chip whose ready bit stays once it is set."""

    def read_register(self, pointer: int) -> int:
        word = super().read_register(pointer)
        return word | 2 if pointer == 2 and self.finished_conversions() else word


def test_a_ready_bit_that_nothing_clears_is_recognised(make_bench):
    clock = SimulatedClock()
    chip = NeverClearingChip(
        BenchSource(current_a=0.6, voltage_v=5.0),
        clock,
        parameters=ChipParameters(shunt_ohm=0.1),
    )
    bench = replace(make_bench(clock=clock), bus=SimulatedI2cBus(1, {0x40: chip}, clock))
    with pytest.raises(WrongDeviceError, match="never clears"):
        bench.sensor().__enter__()


def test_nobody_at_the_address_is_an_error_that_names_it(make_bench):
    bench = make_bench()
    with pytest.raises(DeviceNotRespondingError, match="0x45"):
        bench.sensor(address=0x45).__enter__()


@pytest.mark.parametrize("address", range(0x40, 0x50))
def test_a_chip_is_found_at_any_of_its_sixteen_addresses(make_bench, address):
    bench = make_bench()
    bus = SimulatedI2cBus(1, {address: bench.chip}, bench.clock)
    with replace(bench, bus=bus).sensor(address=address) as sensor:
        assert sensor.read().current_a == pytest.approx(0.6, abs=1e-4)
        assert sensor.description.settings["address"] == f"0x{address:02X}"


def test_chips_on_one_bus_do_not_disturb_each_other(make_bench):
    clock = SimulatedClock()
    benches = {
        address: make_bench(
            BenchSource(current_a=current_a, voltage_v=5.0), clock=clock, noise_v_rms=50e-6
        )
        for address, current_a in ((0x40, 0.25), (0x41, 0.5), (0x44, 0.75))
    }
    bus = SimulatedI2cBus(1, {at: bench.chip for at, bench in benches.items()}, clock)
    sensors = {
        at: replace(bench, bus=bus).sensor(address=at).__enter__() for at, bench in benches.items()
    }
    for _ in range(100):
        for address, sensor in sensors.items():
            reading = sensor.read()
            # One reader for three takes its turns: it may miss a conversion of one at another's.
            assert not reading.flags & ~ReadingFlag.GAP_BEFORE
            true_a = {0x40: 0.25, 0x41: 0.5, 0x44: 0.75}[address]
            assert reading.current_a == pytest.approx(true_a, abs=1e-3)


@pytest.mark.parametrize("left_out", ["shunt_ohm", "shunt_tolerance"])
def test_what_no_register_tells_has_to_be_stated(make_bench, left_out):
    bench = make_bench()
    facts = {"shunt_ohm": 0.1, "shunt_tolerance": 0.01, "expected_peak_a": 1.5}
    del facts[left_out]
    with pytest.raises(TypeError, match=left_out):
        Ina219(bench.bus, **facts, clock=bench.clock)


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


def test_a_current_from_a_rail_without_voltage_is_refused_with_the_wiring(make_bench):
    """The shunt in the return line, or a lost ground: every power would be 0."""
    bench = make_bench(BenchSource(current_a=0.6, voltage_v=0.0))
    with pytest.raises(WrongDeviceError, match="return line"):
        bench.sensor().__enter__()


def test_a_rail_that_is_off_is_read_as_it_is(make_bench):
    bench = make_bench(BenchSource(current_a=0.0, voltage_v=0.0))
    with bench.sensor() as sensor:
        assert sensor.read().power_w == 0.0
        assert all(term.at_power_w != 0.0 for term in sensor.description.accuracy)
