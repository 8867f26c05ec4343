"""What every I2C bus promises the driver, whatever stands behind it."""

from __future__ import annotations

import pytest

from joulesplit.drivers.errors import DeviceNotRespondingError

CONFIGURATION, CALIBRATION = 0, 5
OTHER_ADDRESSES = [address for address in range(0x40, 0x50) if address != 0x41]


@pytest.mark.parametrize("word", [0x0000, 0x0002, 0x1234, 0x3412, 0x8000, 0xFFFE])
def test_words_travel_whole_and_in_order(bench, word):
    bench.bus.write_word(bench.address, CALIBRATION, word)
    assert bench.bus.read_word(bench.address, CALIBRATION) == word


def test_registers_do_not_run_into_each_other(bench):
    bench.bus.write_word(bench.address, CONFIGURATION, 0x11E7)
    bench.bus.write_word(bench.address, CALIBRATION, 0x1000)
    assert bench.bus.read_word(bench.address, CONFIGURATION) == 0x11E7
    assert bench.bus.read_word(bench.address, CALIBRATION) == 0x1000
    assert bench.bus.read_word(bench.address, CONFIGURATION) == 0x11E7


def test_an_address_where_nobody_is_is_named_on_one_line(bench):
    """A real bus may carry other devices: one of the sixteen addresses has to be free."""
    silent = {}
    for address in OTHER_ADDRESSES:
        try:
            bench.bus.read_word(address, CONFIGURATION)
        except DeviceNotRespondingError as error:
            silent[address] = error
    assert silent
    for address, error in silent.items():
        assert (error.bus, error.address) == (bench.bus.number, address)
        assert f"0x{address:02X} on" in str(error)
        assert "\n" not in str(error)
    assert bench.address not in silent


def test_closing_a_bus_twice_does_nothing(bench):
    bench.bus.close()
    bench.bus.close()
