"""Our bus and i2c-dev, while another process changes the registers; runs in the guest."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from joulesplit.drivers import MonotonicClock, SmbusI2cBus, find_buses
from joulesplit.drivers.errors import (
    BusNotFoundError,
    BusPermissionError,
    DeviceNotRespondingError,
    WrongDeviceError,
)
from joulesplit.drivers.ina219 import Ina219

SHUNT, BUS = 1, 2
STEPS = 100
NOBODY = 65534


def word_of(step):
    """Two bytes of one step fit together; two bytes of two steps do not."""
    return step << 8 | (step ^ 0xFF)


def step_of(word):
    high, low = divmod(word, 256)
    assert high ^ low == 0xFF, f"0x{word:04X} is torn or has its bytes exchanged"
    return high


def test_every_step_of_a_changing_chip_is_seen_in_order(bus, put, start_writer):
    put(0x40, {SHUNT: word_of(0), BUS: word_of(0)})
    send = start_writer(0x40, SHUNT, BUS)
    send(word_of(1), word_of(1))
    seen = [0]
    while seen[-1] < STEPS:
        bus_step = step_of(bus.read_word(0x40, BUS))
        if bus_step == seen[-1]:
            continue
        seen.append(bus_step)
        send(word_of(bus_step + 1), word_of(bus_step + 1))
        # Two reads are no unit: the next step may have come between them, and no other.
        assert step_of(bus.read_word(0x40, SHUNT)) - bus_step in (0, 1)
    assert seen == list(range(STEPS + 1))


def test_an_address_without_a_chip_does_not_respond(bus):
    with pytest.raises(DeviceNotRespondingError, match="0x45 on I2C bus 0") as silent:
        bus.read_word(0x45, BUS)
    assert silent.value.errno == errno.ENODEV


def test_a_bus_that_is_not_there_is_named():
    with pytest.raises(BusNotFoundError, match="no I2C bus 9"):
        SmbusI2cBus(9)


def test_a_user_without_the_group_is_told_so():
    os.seteuid(NOBODY)
    try:
        with pytest.raises(BusPermissionError, match="usermod -aG i2c") as denied:
            SmbusI2cBus(0)
    finally:
        os.seteuid(0)
    assert denied.value.errno == errno.EACCES


def test_the_guests_bus_is_found():
    (found,) = find_buses()
    assert (found.number, found.path, found.usable) == (0, Path("/dev/i2c-0"), True)


def test_registers_with_no_chip_behind_them_are_not_taken_for_an_ina219(bus):
    sensor = Ina219(
        bus,
        address=0x41,
        shunt_ohm=0.1,
        shunt_tolerance=0.01,
        expected_peak_a=1.5,
        clock=MonotonicClock(),
    )
    with pytest.raises(WrongDeviceError, match=r"is no INA219 but .*nothing was written to it"):
        sensor.__enter__()
