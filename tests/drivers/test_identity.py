"""Chips at the addresses of an INA219, each as its data sheet says: told apart without a write."""

from __future__ import annotations

import pytest

from joulesplit.drivers import identify
from joulesplit.drivers.errors import WrongDeviceError
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import (
    ChipParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)
from joulesplit.drivers.simulated._load import BenchSource


class RegisterFile:
    """Words by pointer; it takes note of every write."""

    def __init__(self, words, *, other=0):
        self.words, self.other, self.written = words, other, []

    def read_register(self, pointer):
        return self.words.get(pointer, self.other)

    def write_register(self, pointer, word):
        self.written.append((pointer, word))


# Servo board: bytes, a word read gives the same one twice; with auto-increment the next one too.
PCA9685 = {0: 0x1111, 1: 0x0404, 2: 0xE2E2, 3: 0xE4E4, 4: 0xE8E8, 5: 0xE0E0, 0xFE: 0x1E1E}
PCA9685_IN_USE = {0: 0x2004, 1: 0x04E2, 2: 0xE2E4, 3: 0xE4E8, 4: 0xE8E0, 5: 0xE000, 0xFE: 0x791E}
CHIPS = {
    "INA226": {0: 0x4127, 0xFE: 0x5449, 0xFF: 0x2260},
    "INA260": {0: 0x6127, 0xFE: 0x5449, 0xFF: 0x2270},
    "INA3221": {0: 0x7127, 0xFE: 0x5449, 0xFF: 0x3220},
    "INA228": {0: 0x0000, 1: 0xFB68, 0x3E: 0x5449, 0x3F: 0x2281},
    "INA237": {0: 0x0000, 1: 0xFB68, 0x3E: 0x5449, 0x3F: 0x2370},
    "INA238": {0: 0x0000, 1: 0xFB68, 0x3E: 0x5449, 0x3F: 0x2381},
    "ADS1115": {0: 0x1234, 1: 0x8583, 2: 0x8000, 3: 0x7FFF},
    "LM75": {0: 0x1900, 1: 0x0000, 2: 0x4B00, 3: 0x5000},
}


@pytest.mark.parametrize(("name", "words"), [
    *CHIPS.items(), ("PCA9685", PCA9685), ("PCA9685", PCA9685_IN_USE),
])  # fmt: skip
@pytest.mark.parametrize("address", [0x40, 0x48])
def test_every_chip_is_named_and_nothing_is_written_to_it(name, words, address):
    chip, clock = RegisterFile(words), SimulatedClock()
    bus = SimulatedI2cBus(1, {address: chip}, clock)
    found = identify(bus, address)
    assert name in found.name
    assert not found.is_ina219
    assert len(found.advice) > 20
    sensor = Ina219(bus, address=address, shunt_ohm=0.1, shunt_tolerance=0.01, clock=clock)
    with pytest.raises(WrongDeviceError, match=name):
        sensor.__enter__()
    assert chip.written == []


@pytest.mark.parametrize("word", [0x0000, 0xFFFF, 0x8583, 0x4127])
def test_a_chip_that_nobody_knows_is_left_alone_too(word):
    chip, clock = RegisterFile({}, other=word), SimulatedClock()
    bus = SimulatedI2cBus(1, {0x40: chip}, clock)
    with pytest.raises(WrongDeviceError, match=f"0x{word:04X}"):
        Ina219(bus, shunt_ohm=0.1, shunt_tolerance=0.01, clock=clock).__enter__()
    assert chip.written == []


@pytest.mark.parametrize(("configuration", "calibration"), [(0x399F, 0), (0x11E7, 0x1000)])
def test_an_ina219_is_known_as_found_and_left_as_found(configuration, calibration):
    clock = SimulatedClock()
    source = BenchSource(current_a=0.6, voltage_v=5.0)
    chip = SimulatedIna219(source, clock, parameters=ChipParameters(shunt_ohm=0.1))
    chip.write_register(0, configuration)
    chip.write_register(5, calibration)
    bus = SimulatedI2cBus(1, {0x40: chip}, clock)
    assert identify(bus, 0x40).is_ina219
    with Ina219(bus, shunt_ohm=0.1, shunt_tolerance=0.01, clock=clock) as sensor:
        sensor.read()
        assert chip.read_register(0) != configuration
    assert (chip.read_register(0), chip.read_register(5)) == (configuration, calibration)
