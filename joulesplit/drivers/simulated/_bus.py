"""A simulated I2C bus: wire time, missing acknowledges, injected failures."""

from __future__ import annotations

import errno
import random
from collections.abc import Mapping
from typing import Protocol

from joulesplit.drivers.errors import BusError, DeviceNotRespondingError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.simulated._clock import NS_PER_S, SimulatedClock

# Start, address, pointer, repeated start, address, two data bytes, stop (figures 14 to 16).
READ_BITS = 48
READ_LATCH_BITS = 29  # the chip shifts its data out after the second address byte
WRITE_BITS = 38


class RegisterDevice(Protocol):
    """What can stand at an address: registers of 16 bits."""

    def read_register(self, pointer: int) -> int:
        """Return a register word as it stands now."""

    def write_register(self, pointer: int, word: int) -> None:
        """Write a register word."""


class SimulatedI2cBus:
    """One bus with simulated devices.

    On a ``SimulatedClock`` every transaction takes its time on the wire; on a real clock the
    bus is infinitely fast and nothing waits.

    Args:
        number: Bus number.
        devices: Devices by 7-bit address; a copy is kept.
        clock: The clock the devices run against.
        scl_hz: Bus clock, Hz.
    """

    def __init__(
        self,
        number: int,
        devices: Mapping[int, RegisterDevice],
        clock: Clock,
        *,
        scl_hz: int = 400_000,
    ) -> None:
        self._number = number
        self._devices = dict(devices)
        self._wire_clock = clock if isinstance(clock, SimulatedClock) else None
        bit_ns = NS_PER_S / scl_hz
        self._until_latch_ns = round(READ_LATCH_BITS * bit_ns)
        self._after_latch_ns = round((READ_BITS - READ_LATCH_BITS) * bit_ns)
        self._write_ns = round(WRITE_BITS * bit_ns)
        self._clock = clock
        self._failures: list[BusError | None] = []
        self._held_until_ns = 0
        self._corrupt_share = 0.0
        self._shared_ns = 0, 0
        self._corrupt_word = 0xFFFF
        self._random = random.Random(number)
        self.transactions = 0
        """World side: transactions attempted so far."""

    @property
    def number(self) -> int:
        """Bus number, as in ``/dev/i2c-N``."""
        return self._number

    def read_word(self, address: int, register: int) -> int:
        """Return the unsigned 16-bit register word.

        Raises:
            DeviceNotRespondingError: No device at the address, or an acknowledge was dropped.
            BusError: An injected failure.
        """
        device = self._select(address)
        clock = self._wire_clock
        if clock is None:
            return device.read_register(register)
        clock.advance_ns(self._until_latch_ns)
        word = device.read_register(register)
        clock.advance_ns(self._after_latch_ns)
        if self._corrupt_share and self._random.random() < self._corrupt_share:
            return self._corrupt_word
        return word

    def write_word(self, address: int, register: int, word: int) -> None:
        """Write an unsigned 16-bit register word.

        Raises:
            DeviceNotRespondingError: No device at the address, or an acknowledge was dropped.
            BusError: An injected failure.
        """
        device = self._select(address)
        self._pass(self._write_ns)
        device.write_register(register, word)

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def drop_acknowledge(self, count: int) -> None:
        """World side: let the next ``count`` transactions go unacknowledged."""
        self._failures.extend([None] * count)

    def fail_next(self, error: BusError) -> None:
        """World side: let a coming transaction fail with ``error``; calls queue up."""
        self._failures.append(error)

    def corrupt_words(self, share: float, word: int = 0xFFFF) -> None:
        """World side: deliver ``word`` for this share of the words read from now on.

        All of it is acknowledged, as where the data line is high because nobody drives it.
        """
        self._corrupt_share, self._corrupt_word = share, word

    def share_with_another(self, period_ns: int, hold_ns: int) -> None:
        """World side: let another device have the bus for the first ``hold_ns`` of every period.

        A transaction that is due meanwhile waits, as in the queue of the kernel's adapter.
        """
        self._shared_ns = period_ns, hold_ns

    def hold_data_line(self, duration_ns: int) -> None:
        """World side: let a device hold SDA low from now on; every transaction then times out."""
        self._held_until_ns = self._clock.now_ns() + duration_ns

    def _select(self, address: int) -> RegisterDevice:
        self.transactions += 1
        period_ns, hold_ns = self._shared_ns
        if period_ns and (left_ns := hold_ns - self._clock.now_ns() % period_ns) > 0:
            self._pass(left_ns)
        if self._held_until_ns and self._clock.now_ns() < self._held_until_ns:
            self._pass(self._until_latch_ns + self._after_latch_ns)
            raise self._timed_out(address)
        if self._failures:
            raise self._failures.pop(0) or self._not_acknowledged(address)
        device = self._devices.get(address)
        if device is None:
            raise self._not_acknowledged(address)
        return device

    def _not_acknowledged(self, address: int) -> DeviceNotRespondingError:
        return DeviceNotRespondingError(
            f"nothing acknowledges at 0x{address:02X} on simulated I2C bus {self._number}; "
            "check the address given to the simulation",
            bus=self._number,
            address=address,
        )

    def _timed_out(self, address: int) -> DeviceNotRespondingError:
        return DeviceNotRespondingError(
            f"simulated I2C bus {self._number} timed out: something holds its data line low; "
            "switch the supply of the sensor off and on",
            bus=self._number,
            address=address,
            errno_value=errno.ETIMEDOUT,
        )

    def _pass(self, duration_ns: int) -> None:
        if self._wire_clock is not None:
            self._wire_clock.advance_ns(duration_ns)
