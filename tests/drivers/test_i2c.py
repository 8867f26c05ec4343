"""The I2C seam: smbus2 stays real; the system calls below it are answered here."""

from __future__ import annotations

import errno
import fcntl
import os

import pytest
import smbus2.smbus2 as smbus2_module

from joulesplit.drivers import SmbusI2cBus
from joulesplit.drivers._i2c import swap_bytes
from joulesplit.drivers.errors import (
    BusBusyError,
    BusError,
    BusNotFoundError,
    BusPermissionError,
    BusTransferError,
    DeviceNotRespondingError,
)
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.readings import ReadingFlag

I2C_SLAVE = 0x0703
I2C_FUNCS = 0x0705
I2C_SMBUS = 0x0720
SMBUS_READ = 1
SMBUS_WORD_DATA = 3


class Kernel:
    """``/dev/i2c-1`` as the kernel presents it, over a simulated bus."""

    def __init__(self, monkeypatch, bus=None):
        self.bus = bus
        self.address = None
        self.error_by_request = {}
        self.closed = []
        monkeypatch.setattr(os, "open", self.open)
        monkeypatch.setattr(os, "close", self.closed.append)
        monkeypatch.setattr(smbus2_module, "ioctl", self.ioctl)
        monkeypatch.setattr(fcntl, "ioctl", self.ioctl)
        # The lock of an address; that two programs exclude each other is tried on real files.
        monkeypatch.setattr(fcntl, "fcntl", lambda *asked: asked[-1])

    def open(self, path, flags):
        self._fail("open")
        assert path == "/dev/i2c-1"
        return 77

    def ioctl(self, descriptor, request, argument=0):
        assert descriptor == 77
        self._fail(request)
        if request == I2C_SLAVE:
            self.address = argument
        elif request == I2C_SMBUS:
            self._transfer(argument)
        return 0

    def _transfer(self, message):
        assert message.size == SMBUS_WORD_DATA
        try:
            if message.read_write == SMBUS_READ:
                word = self.bus.read_word(self.address, message.command)
                # The wire carries the high byte first; SMBus takes the first byte as the low one.
                message.data.contents.word = int.from_bytes(word.to_bytes(2, "big"), "little")
            else:
                data = message.data.contents.word.to_bytes(2, "little")
                self.bus.write_word(self.address, message.command, int.from_bytes(data, "big"))
        except DeviceNotRespondingError:
            raise OSError(errno.EREMOTEIO, "Remote I/O error") from None

    def _fail(self, request):
        if code := self.error_by_request.get(request):
            raise OSError(code, os.strerror(code))


def test_a_bus_that_does_not_exist_is_named_with_the_remedy():
    with pytest.raises(BusNotFoundError, match=r"no I2C bus 99 \(/dev/i2c-99\).*raspi-config.*ls"):
        SmbusI2cBus(99)


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        (errno.ENOENT, BusNotFoundError, "raspi-config"),
        (errno.ENODEV, BusNotFoundError, "raspi-config"),
        (errno.EACCES, BusPermissionError, "group i2c"),
        (errno.EPERM, BusPermissionError, "group i2c"),
        (errno.EMFILE, BusError, "dmesg"),
    ],
)
def test_errors_on_opening_the_bus_are_translated(monkeypatch, code, kind, remedy):
    kernel = Kernel(monkeypatch)
    kernel.error_by_request["open"] = code
    with pytest.raises(BusError, match=remedy) as caught:
        SmbusI2cBus(1)
    assert type(caught.value) is kind
    assert caught.value.bus == 1
    assert caught.value.address is None
    assert caught.value.errno == code
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("request_code", "code", "kind", "remedy"),
    [
        (I2C_SLAVE, errno.EBUSY, BusBusyError, "--sensor hwmon"),
        (I2C_SMBUS, errno.EREMOTEIO, DeviceNotRespondingError, "0x40 on I2C bus 1.*i2cdetect -y 1"),
        (I2C_SMBUS, errno.ENXIO, DeviceNotRespondingError, "i2cdetect"),
        (I2C_SMBUS, errno.EIO, BusTransferError, "broke off.*baudrate"),
        (I2C_SMBUS, errno.EAGAIN, BusTransferError, "broke off.*pull-ups"),
        (I2C_SMBUS, errno.ETIMEDOUT, BusTransferError, "SDA or SCL stays low"),
        (I2C_SMBUS, errno.ENODEV, DeviceNotRespondingError, "i2cdetect"),
        (I2C_SMBUS, errno.EACCES, BusPermissionError, "group i2c"),
        (I2C_SMBUS, errno.EOPNOTSUPP, BusError, "dmesg"),
    ],
)
def test_errors_of_a_transaction_are_translated(monkeypatch, request_code, code, kind, remedy):
    kernel = Kernel(monkeypatch)
    bus = SmbusI2cBus(1)
    kernel.error_by_request[request_code] = code
    for transact in (lambda: bus.read_word(0x40, 2), lambda: bus.write_word(0x40, 0, 0)):
        with pytest.raises(BusError, match=remedy) as caught:
            transact()
        assert type(caught.value) is kind
        assert (caught.value.bus, caught.value.address, caught.value.errno) == (1, 0x40, code)


def test_words_travel_most_significant_byte_first(monkeypatch, make_bench):
    bench = make_bench()
    Kernel(monkeypatch, bench.bus)
    bus = SmbusI2cBus(1)
    assert bus.read_word(0x40, 0) == 0x399F
    bus.write_word(0x40, 5, 0x1234)
    assert bench.chip.read_register(5) == 0x1234
    assert swap_bytes(0x1234) == 0x3412


def test_the_driver_measures_through_smbus2(monkeypatch, make_bench):
    bench = make_bench()
    kernel = Kernel(monkeypatch, bench.bus)
    bus = SmbusI2cBus(1)
    sensor = Ina219(
        bus, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=bench.clock
    )
    with sensor:
        kernel.bus.drop_acknowledge(1)
        first, second = sensor.read(), sensor.read()
    assert first.power_w == pytest.approx(3.0)
    assert first.flags & ReadingFlag.RETRIED
    assert second.flags == ReadingFlag.NONE


def test_closing_twice_releases_once_and_a_closed_bus_is_an_error(monkeypatch):
    kernel = Kernel(monkeypatch)
    bus = SmbusI2cBus(1)
    bus.close()
    bus.close()
    assert kernel.closed == [77]
    with pytest.raises(BusError, match="I2C bus 1"):
        bus.read_word(0x40, 0)
