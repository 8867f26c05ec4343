"""The libraries that ``sensing.py`` compares with, on a bus that answers at once, in memory.

What is replaced is the system call: ``ioctl`` and the writing of the device file, below smbus2 for
our driver and below Adafruit_PureIO for both peers. Above it everything is the libraries' own code
but for ``busio``, which only reaches hardware and is stood in for by four lines that call
Adafruit_PureIO as Blinka's do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

POWER_ON = 0x399F
INA226_POWER_ON = 0x4127
CYCLE_NS = 9_100_000
TRANSFER_NS = 120_000
ADDRESS = 0x40
SHUNT_CODE = 6000  # 0.6 A through 0.1 ohm

_CHIPS: list[InstantChip] = []
"""Behind each device file of the peers' bus library, by its number."""
_OURS: list[InstantChip] = []
"""Behind each of ours: -1, -2 …"""


class InstantChip:
    """Registers that answer at once, and a ready bit that goes by a clock of its own."""

    def __init__(self) -> None:
        self.transfers = 0
        self.now = 1_000_000_000
        self._begin = self.now
        self._done = 0
        self._kept = {0: POWER_ON, 5: 0}
        self._overflow = False

    def now_ns(self) -> int:
        """Return the chip's time: transfers and sleeps move it, nothing waits."""
        return self.now

    def sleep_until_ns(self, t_ns: int) -> None:
        """Move the time."""
        self.now = max(self.now, t_ns)

    def read(self, register: int) -> int:
        """Return a register word."""
        self.transfers += 1
        self.now += TRANSFER_NS
        if register == 2:
            done = (self.now - self._begin) // CYCLE_NS
            ready, self._done = done > self._done, done
            return 1250 << 3 | ready << 1 | self._overflow
        return SHUNT_CODE + self._done % 7 if register == 1 else self._kept.get(register, 1000)

    def write(self, register: int, word: int) -> None:
        """Write a register word."""
        self.transfers += 1
        if register == 0:
            self._begin, self._done = self.now, 0
            word = POWER_ON if word & 0x8000 else word & 0x3FFF
        if register == 5:
            word &= 0xFFFE
            self._overflow = SHUNT_CODE * word // 4096 > 0x7FFF  # equation 4
        self._kept[register] = word


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


class InstantIna226(InstantChip):
    """The same with the registers of an INA226."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = {0: INA226_POWER_ON, 0xFE: 0x5449, 0xFF: 0x2260}

    def read(self, register: int) -> int:
        """Return a register word."""
        self.transfers += 1
        self.now += TRANSFER_NS
        if register == 6:
            done = (self.now - self._begin) // CYCLE_NS
            ready, self._done = done > self._done, done
            return self._kept.get(6, 0) | ready << 3
        if register == 1:
            return SHUNT_CODE + self._done % 7
        return 4000 if register == 2 else self._kept.get(register, 0)

    def write(self, register: int, word: int) -> None:
        """Write a register word."""
        self.transfers += 1
        if register == 0:
            self._begin, self._done = self.now, 0
            word = INA226_POWER_ON if word & 0x8000 else word
        self._kept[register] = word


def ours(chip: InstantChip) -> Callable[[], Any]:
    """Return how our driver takes one power reading, ready bit and all."""
    from joulesplit.drivers.ina219 import Ina219

    sensor = Ina219(
        _instant_bus(chip), shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=chip
    )
    return sensor.__enter__().read


def ina226(chip: InstantChip) -> Callable[[], Any]:
    """Return how our driver of the INA226 does."""
    from joulesplit.drivers.ina226 import Ina226

    sensor = Ina226(_instant_bus(chip), shunt_ohm=0.01, shunt_tolerance=0.01, clock=chip)
    return sensor.__enter__().read


def _instant_bus(chip: InstantChip) -> Any:
    """Return our bus over smbus2 with its system calls answered by the chip."""
    import os

    from smbus2 import smbus2

    from joulesplit.drivers import SmbusI2cBus

    number = len(_OURS)
    _OURS.append(chip)

    def ioctl(descriptor: int, request: int, message: Any = 0) -> int:
        if request == smbus2.I2C_SMBUS:
            data, register, chip = message.data.contents, message.command, _OURS[-1 - descriptor]
            if message.read_write == smbus2.I2C_SMBUS_READ:
                data.word = _swapped(chip.read(register))
            else:
                chip.write(register, _swapped(data.word))
        return 0

    real_open, os.open = os.open, lambda *_: -1 - number
    smbus2.ioctl = ioctl
    bus = SmbusI2cBus(1)
    os.open = real_open
    return bus


def _pure_io(chip: InstantChip) -> Any:
    """Return the peers' bus library with its system calls answered by the chip."""
    from Adafruit_PureIO import smbus

    number = len(_CHIPS)
    _CHIPS.append(chip)

    class DeviceFile:
        def fileno(self) -> int:
            return number

        def write(self, content: bytes) -> int:
            if len(content) == 3:
                chip.write(content[0], content[1] << 8 | content[2])
            return len(content)

    def ioctl(descriptor: int, request: int, message: Any = 0) -> int:
        if request == smbus.I2C_RDWR:
            asked, answer = message.msgs[0], message.msgs[1]
            word = _CHIPS[descriptor].read(asked.buf[0])
            answer.buf[0], answer.buf[1] = word >> 8, word & 0xFF
        return 0

    smbus.ioctl = ioctl
    smbus.SMBus.open = lambda bus, _: setattr(bus, "_device", DeviceFile())
    smbus.SMBus.close = lambda _: None
    return smbus.SMBus


def pi_ina219(chip: InstantChip) -> Callable[[], Any]:
    """Return how pi-ina219 takes voltage, current and power.

    Raises:
        ImportError: It is not installed.
    """
    _pure_io(chip)
    from ina219 import INA219

    device = INA219(0.1, 1.5, busnum=1, address=ADDRESS)
    device.configure(device.RANGE_16V, device.GAIN_4_160MV, device.ADC_12BIT, device.ADC_16SAMP)
    return lambda: (device.voltage(), device.current(), device.power())


def adafruit(chip: InstantChip) -> Callable[[], Any]:
    """Return how adafruit-circuitpython-ina219 takes voltage, current and power.

    Raises:
        ImportError: It is not installed.
    """
    bus = _pure_io(chip)(1)

    class I2C:
        def try_lock(self) -> bool:
            return True

        def unlock(self) -> None:
            pass

        def writeto(self, address: int, buffer: bytes, *, start: int = 0, end: int = 99) -> None:
            bus.write_bytes(address, buffer[start:end])

        def writeto_then_readfrom(
            self, address: int, out: bytes, into: bytearray, *, out_start: int = 0,
            out_end: int = 99, in_start: int = 0, in_end: int = 99,
        ) -> None:  # fmt: skip
            length = in_end - in_start
            answer = bus.read_i2c_block_data(address, out[out_start:out_end], length)
            into[in_start:in_end] = answer

    # Names that the library's annotations mention and hardware would bring.
    sys.modules.setdefault("busio", ModuleType("busio")).__dict__.update(I2C=I2C, SPI=object)
    digital = sys.modules.setdefault("digitalio", ModuleType("digitalio"))
    digital.__dict__.update(DigitalInOut=object)
    from adafruit_ina219 import INA219

    device = INA219(I2C(), ADDRESS)
    return lambda: (device.bus_voltage, device.current, device.power)
