"""The machine's I2C buses, through i2c-dev and smbus2; the only module that imports it."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import c_uint16
from typing import Any

from joulesplit.drivers._bus_claim import BusClaim, bus_users
from joulesplit.drivers.errors import (
    BusBusyError,
    BusError,
    BusNotFoundError,
    BusPermissionError,
    BusTransferError,
    DeviceNotRespondingError,
    SensorUnavailableError,
)

_DENIED = frozenset({errno.EACCES, errno.EPERM})
# What the adapters of a Raspberry Pi, a PC and the kernel's stub say when nobody acknowledges
# (kernel documentation, i2c/fault-codes).
_SILENT = frozenset({errno.EREMOTEIO, errno.ENXIO, errno.ENODEV})
_BROKEN_OFF = frozenset({errno.EIO, errno.EAGAIN, errno.EPROTO})
_Swapped: Any = getattr(c_uint16, "__ctype_be__" if sys.byteorder == "little" else "__ctype_le__")
"""A 16-bit word in memory whose bytes are the other way round than this machine's."""


class SmbusI2cBus:
    """One bus of this machine.

    SMBus words are little-endian and the sensors' registers big-endian; the swap is here.

    Args:
        number: N of ``/dev/i2c-N``.

    Raises:
        BusNotFoundError: There is no such bus.
        BusPermissionError: This user may not open it.
        BusError: It cannot be opened for another reason.
        SensorUnavailableError: smbus2 is not installed.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._bus: Any = None
        self._messages: dict[int, tuple[Any, Any]] = {}
        self._claims: dict[int, BusClaim] = {}
        try:
            from smbus2 import SMBus, smbus2
        except ImportError as error:
            raise SensorUnavailableError(
                "I2C needs the package smbus2; install it with: "
                f"{sys.executable} -m pip install smbus2"
            ) from error
        self._kernel: Any = smbus2
        self._call = smbus2.I2C_SMBUS
        with _translated(number, None):
            self._bus = SMBus(number)

    def __reduce__(self) -> tuple[type[SmbusI2cBus], tuple[int]]:
        """Let another process be given the bus: it opens the same one anew."""
        return SmbusI2cBus, (self._number,)

    @property
    def number(self) -> int:
        """Bus number, as in ``/dev/i2c-N``."""
        return self._number

    def read_word(self, address: int, register: int) -> int:
        """Return the unsigned 16-bit register word.

        Raises:
            DeviceNotRespondingError: Nothing acknowledges at the address.
            BusTransferError: The transfer broke off, or the bus is held up.
            BusBusyError: A kernel driver holds the address.
            BusError: The transaction failed for another reason.
        """
        # Written out, without a generator or a property: this is called hundreds of times a second.
        try:
            bus = self._bus
            message = self._messages.get(register)
            if message is None or bus.address != address:
                return swap_bytes(self._first_read(address, register))
            self._kernel.ioctl(bus.fd, self._call, message[0])
            word: int = message[1].value
        except OSError as error:
            raise translate_os_error(error, self._number, address) from error
        return word

    def _first_read(self, address: int, register: int) -> int:
        """Read as smbus2 does, which selects the device too, and prepare to do it faster.

        What is kept is the message that smbus2 makes anew each time, and its word, seen the other
        way round: to swap the bytes of every word costs as much as to ask for it.
        """
        word: int = self._opened().read_word_data(address, register)
        message = self._kernel.i2c_smbus_ioctl_data.create(
            read_write=self._kernel.I2C_SMBUS_READ,
            command=register,
            size=self._kernel.I2C_SMBUS_WORD_DATA,
        )
        self._messages[register] = message, _Swapped.from_buffer(message.data.contents)
        return word

    def write_word(self, address: int, register: int, word: int) -> None:
        """Write an unsigned 16-bit register word; raises as ``read_word`` does."""
        with _translated(self._number, address):
            self._opened().write_word_data(address, register, swap_bytes(word))

    def claim(self, address: int) -> None:
        """Keep other programs that measure away from an address until the bus is closed.

        Raises:
            BusBusyError: One is there already.
            BusError: The bus cannot be opened.
        """
        self.release(address)
        # A bus that is open and has no file of its own any more is nobody else's to open.
        with _translated(self._number, None), suppress(FileNotFoundError):
            self._claims[address] = BusClaim(self._number, address)

    def release(self, address: int) -> None:
        """Give a claim back; without one nothing happens."""
        if (claim := self._claims.pop(address, None)) is not None:
            claim.release()

    def users(self) -> tuple[str, ...]:
        """Return the other programs that have the bus open, as far as this user may see them."""
        return bus_users(self._number)

    def close(self) -> None:
        """Release the bus; calling it again does nothing."""
        bus, self._bus = self._bus, None
        self._messages.clear()
        for address in tuple(self._claims):
            self.release(address)
        if bus is not None:
            bus.close()

    def _opened(self) -> Any:
        if self._bus is None:
            raise OSError(errno.EBADF, "closed")
        return self._bus


def swap_bytes(word: int) -> int:
    """Return the 16-bit word with its two bytes exchanged."""
    return (word & 0xFF) << 8 | word >> 8


@contextmanager
def _translated(number: int, address: int | None) -> Iterator[None]:
    try:
        yield
    except BusError:
        raise
    except OSError as error:
        raise translate_os_error(error, number, address) from error


def translate_os_error(error: OSError, number: int, address: int | None) -> BusError:
    """Return the error of this layer for one from i2c-dev.

    Args:
        error: What the system raised.
        number: Bus number.
        address: Device being addressed, None while opening the bus.
    """
    code = error.errno or 0
    kind, message = _explain(code, number, address)
    return kind(message, bus=number, address=address, errno_value=code)


def _explain(code: int, number: int, address: int | None) -> tuple[type[BusError], str]:
    device = f"/dev/i2c-{number}"
    if code == errno.ENOENT or (code == errno.ENODEV and address is None):
        return BusNotFoundError, (
            f"no I2C bus {number} ({device}): enable I2C with raspi-config (Interface Options) "
            "and reboot, list the buses there are with: ls /dev/i2c-*"
        )
    if code in _DENIED:
        return BusPermissionError, (
            f"no permission to use {device}: add the user to the group i2c with: "
            "sudo usermod -aG i2c $USER, then log in again"
        )
    if address is None:
        return BusError, (
            f"I2C bus {number} cannot be opened ({os.strerror(code)}): look at dmesg for the "
            "I2C adapter"
        )
    return _explain_transfer(code, number, f"0x{address:02X} on I2C bus {number}")


def _explain_transfer(code: int, number: int, place: str) -> tuple[type[BusError], str]:
    reason = os.strerror(code)
    if code == errno.EBUSY:
        return BusBusyError, (
            f"a kernel driver holds {place}: read it through the kernel with --sensor hwmon, "
            "or unbind the driver (modprobe -r ina2xx)"
        )
    if code in _SILENT:
        return DeviceNotRespondingError, (
            f"nothing acknowledges at {place} ({reason}): check wiring and supply of the sensor "
            f"and scan the bus with: i2cdetect -y {number}"
        )
    if code == errno.ETIMEDOUT:
        return BusTransferError, (
            f"the bus is held up while addressing {place} ({reason}): SDA or SCL stays low; look "
            "for a short circuit or a missing pull-up, then switch the sensor off and on"
        )
    if code in _BROKEN_OFF:
        return BusTransferError, (
            f"a transfer with {place} broke off ({reason}): shorten the wires, check ground and "
            "pull-ups, or lower the bus clock with dtparam=i2c_arm_baudrate=100000"
        )
    return BusError, f"{place} failed ({reason}): look at dmesg for the I2C adapter"
