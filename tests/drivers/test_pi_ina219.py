"""The PyPI library's backend, over a stand-in that speaks the library's public interface."""

from __future__ import annotations

import importlib.util
import itertools
import sys

import pytest

from joulesplit.drivers import PiIna219
from joulesplit.drivers.errors import (
    ConversionTimeoutError,
    DeviceNotRespondingError,
    RangeExceededError,
    SensorError,
    SensorUnavailableError,
)
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated._load import BenchSource


class DeviceRangeError(Exception):
    """As the library names it."""


class LibraryDevice:
    """The calls of ``ina219.INA219`` 1.4.1 that are used, with its register traffic."""

    def __init__(self, bus, address, gain_volts):
        self._bus = bus
        self._address = address
        self._gain_volts = gain_volts

    def configure(self, *, voltage_range, gain, bus_adc, shunt_adc):
        self._bus.write_word(self._address, 5, 0x1000)
        word = voltage_range << 13 | gain << 11 | bus_adc << 7 | shunt_adc << 3 | 7
        self._bus.write_word(self._address, 0, word)

    def is_conversion_ready(self):
        return self._read(2) & 2 == 2

    def voltage(self):
        return (self._read(2) >> 3) * 4 / 1000

    def shunt_voltage(self):
        self._read(2)
        word = self._read(1)
        code = word - 0x10000 if word & 0x8000 else word
        if abs(code) * 1e-5 >= self._gain_volts:
            raise DeviceRangeError
        return code * 0.01

    def power(self):
        self._read(2)
        return self._read(3)

    def _read(self, register):
        try:
            return self._bus.read_word(self._address, register)
        except DeviceNotRespondingError as error:
            raise OSError(121, "Remote I/O error") from error


@pytest.fixture
def make_sensor(make_bench):
    def make(load=None, **chip_changes):
        bench = make_bench(load, **chip_changes)

        def open_device(shunt_ohm, peak_a, bus_number, address):
            assert bus_number == bench.bus.number
            return LibraryDevice(bench.bus, address, peak_a * shunt_ohm)

        sensor = PiIna219(
            1,
            shunt_ohm=0.1,
            shunt_tolerance=0.01,
            expected_peak_a=1.5,
            clock=bench.clock,
            open_device=open_device,
        )
        return bench, sensor

    return make


@pytest.mark.parametrize("clears", ["bus-read", "power-read", "any-read"])
@pytest.mark.parametrize("scale", [1.0, 1.1])
def test_every_conversion_is_read_once(make_sensor, clears, scale):
    bench, sensor = make_sensor(cnvr_clears=clears, conversion_time_scale=scale)
    with sensor:
        readings = [sensor.read()]
        numbers = [bench.chip.finished_conversions()]
        for _ in range(100):
            readings.append(sensor.read())
            numbers.append(bench.chip.finished_conversions())
    assert {later - earlier for earlier, later in itertools.pairwise(numbers)} == {1}
    assert {reading.flags for reading in readings} == {ReadingFlag.NONE}
    assert readings[-1].power_w == pytest.approx(3.0)
    assert sensor.description.kind == "pi-ina219"
    assert sensor.description.settings["configuration"] == "0x11E7"


def test_a_late_reader_is_flagged(make_sensor):
    bench, sensor = make_sensor()
    with sensor:
        sensor.read()
        bench.clock.advance_ns(30_000_000)
        assert sensor.read().flags == ReadingFlag.GAP_BEFORE


def test_failures_of_the_library_become_errors_of_this_layer(make_sensor):
    bench, sensor = make_sensor()
    with sensor:
        sensor.read()
        bench.bus.drop_acknowledge(1)
        with pytest.raises(DeviceNotRespondingError, match="0x40 on I2C bus 1"):
            sensor.read()
        sensor.read()
        bench.chip.stop_converting()
        with pytest.raises(ConversionTimeoutError, match="another program"):
            sensor.read()
    with pytest.raises(SensorError, match="with block"):
        sensor.read()


def test_a_current_beyond_the_range_is_an_error_since_the_library_gives_no_value(make_sensor):
    _, sensor = make_sensor(BenchSource(current_a=2.0, voltage_v=5.0))
    with sensor, pytest.raises(RangeExceededError, match="smaller shunt"):
        sensor.read()


@pytest.mark.skipif(
    importlib.util.find_spec("ina219") is not None, reason="the library is installed here"
)
def test_a_missing_library_is_named_with_the_command_that_installs_it_here(make_bench):
    sensor = PiIna219(
        1, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=make_bench().clock
    )
    with pytest.raises(SensorUnavailableError, match=f"{sys.executable} -m pip install pi-ina219"):
        sensor.__enter__()
