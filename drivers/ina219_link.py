"""Transactions with one INA219: bounded retries, identity, configuration and its read-back."""

from __future__ import annotations

from drivers.errors import DeviceNotRespondingError, WrongDeviceError
from drivers.ina219_registers import (
    CALIBRATION_VOID_BIT,
    POWER_ON_CONFIGURATION,
    RESET_BIT,
    UNUSED_CONFIGURATION_BIT,
    WORD_MASK,
    Register,
)
from drivers.protocols import Clock, I2cBus

MAX_TRIES = 4
# Longer than one transaction of another master, shorter than a cycle at the usual settings.
RETRY_PAUSE_NS = 2_000_000
CONFIGURE_TRIES = 3
CALIBRATION_FOR_SOFTWARE = 0  # this driver computes current itself; OVF then never fires


class Ina219Link:
    """Register access to one chip.

    Args:
        bus: The bus it is on.
        address: Its 7-bit address.
        clock: For time stamps and the pause between tries.

    Attributes:
        started_ns: When the transaction that succeeded last began, ns.
        ended_ns: When it was over, ns.
        retried: True if a transaction needed another try since this was last set to False.
    """

    def __init__(self, bus: I2cBus, address: int, clock: Clock) -> None:
        self.bus = bus
        self.address = address
        self.started_ns = 0
        self.ended_ns = 0
        self.retried = False
        self._clock = clock

    @property
    def place(self) -> str:
        """Where the chip is, for messages."""
        return f"0x{self.address:02X} on I2C bus {self.bus.number}"

    def read(self, register: Register) -> int:
        """Return a register word.

        Raises:
            DeviceNotRespondingError: Every try failed.
            BusError: The bus failed in a way that another try cannot cure.
        """
        return self._try(register, None)

    def write(self, register: Register, word: int) -> None:
        """Write a register word; raises as ``read`` does."""
        self._try(register, word)

    def reset_and_identify(self) -> None:
        """Reset the chip and check that it is an INA219; it has no identity register.

        Raises:
            WrongDeviceError: Its registers do not behave as the data sheet says (8.6.2.1, 8.6.4.1).
            BusError: The bus failed.
        """
        self.write(Register.CONFIGURATION, RESET_BIT)
        found = self.read(Register.CONFIGURATION)
        if found != POWER_ON_CONFIGURATION:
            raise self._wrong(f"its configuration after reset is 0x{found:04X}, not 0x399F")
        self.write(Register.CONFIGURATION, POWER_ON_CONFIGURATION | UNUSED_CONFIGURATION_BIT)
        if self.read(Register.CONFIGURATION) & UNUSED_CONFIGURATION_BIT:
            raise self._wrong("bit 14 of its configuration can be set")
        self.write(Register.CALIBRATION, WORD_MASK)
        found = self.read(Register.CALIBRATION)
        if found != WORD_MASK & ~CALIBRATION_VOID_BIT:
            raise self._wrong(f"its calibration register took 0xFFFF as 0x{found:04X}, not 0xFFFE")

    def configure(self, word: int) -> None:
        """Write the configuration and read it back.

        Raises:
            WrongDeviceError: The chip does not keep what is written.
            BusError: The bus failed.
        """
        for _ in range(CONFIGURE_TRIES):
            self.write(Register.CALIBRATION, CALIBRATION_FOR_SOFTWARE)
            self.write(Register.CONFIGURATION, word)
            if (found := self.read(Register.CONFIGURATION)) == word:
                return
            self._clock.sleep_until_ns(self._clock.now_ns() + RETRY_PAUSE_NS)
        raise self._wrong(f"it was configured with 0x{word:04X} and reads back 0x{found:04X}")

    def _wrong(self, what: str) -> WrongDeviceError:
        return WrongDeviceError(
            f"the device at {self.place} is not a working INA219: {what}; "
            "check the address, the wiring and the supply of the board"
        )

    def _try(self, register: Register, word: int | None) -> int:
        for attempt in range(1, MAX_TRIES + 1):
            self.started_ns = self._clock.now_ns()
            try:
                result = self._transact(register, word)
            except DeviceNotRespondingError:
                if attempt == MAX_TRIES:
                    raise
                self.retried = True
                self._clock.sleep_until_ns(self._clock.now_ns() + RETRY_PAUSE_NS)
            else:
                break
        self.ended_ns = self._clock.now_ns()
        return result

    def _transact(self, register: Register, word: int | None) -> int:
        if word is None:
            return self.bus.read_word(self.address, register)
        self.bus.write_word(self.address, register, word)
        return word
