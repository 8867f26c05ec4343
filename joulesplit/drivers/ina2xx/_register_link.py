"""Transactions with one chip: bounded retries, identity, configuration and its read-back."""

from __future__ import annotations

from contextlib import suppress

from joulesplit.drivers._identity import identify
from joulesplit.drivers.errors import (
    BusTransferError,
    ChipResetError,
    DeviceNotRespondingError,
    ForeignWriterError,
    WrongDeviceError,
)
from joulesplit.drivers.ina2xx._chip import (
    BUS_REGISTER,
    CONFIGURATION_REGISTER,
    RESET_BIT,
    SHUNT_REGISTER,
    Chip,
)
from joulesplit.drivers.protocols import Clock, I2cBus, SharedBus

# The first outlasts a transaction of another master; all together outlast the 35 ms after which a
# chip that holds the data line gives it up by itself (6.5, SMBus time-out).
RETRY_PAUSES_NS = (2_000_000, 8_000_000, 32_000_000)
MAX_TRIES = 1 + len(RETRY_PAUSES_NS)
WORTH_ANOTHER_TRY = (DeviceNotRespondingError, BusTransferError)
NO_RAIL_V = 0.5
"""A bus voltage below this is that of no supply."""
FLOWS_V = 1e-3
"""A shunt voltage above this is that of a current, and no offset (0.2 mV at most)."""
LOOKS_FOR_A_RAIL = 2
"""Times that the configuration must read otherwise to be so: a word may arrive wrong."""
NO_MARK = 0
LOAD_SIDE = "VIN−"
"""Terminal of the shunt that belongs to the device."""


class RegisterLink:
    """Register access to one chip.

    Args:
        chip: Which it is.
        bus: The bus it is on.
        address: Its 7-bit address.
        clock: For time stamps and the pause between tries.

    Attributes:
        started_ns: When the transaction that succeeded last began, ns.
        ended_ns: When it was over, ns.
        retried: True if a transaction needed another try since this was last set to False.
    """

    def __init__(self, chip: Chip, bus: I2cBus, address: int, clock: Clock) -> None:
        self.chip = chip
        self.bus = bus
        self.address = address
        self.started_ns = 0
        self.ended_ns = 0
        self.retried = False
        self._clock = clock
        self._now_ns = clock.now_ns
        self._read_word = bus.read_word

    @property
    def place(self) -> str:
        """Where the chip is, for messages."""
        return f"0x{self.address:02X} on I2C bus {self.bus.number}"

    def read(self, register: int) -> int:
        """Return a register word.

        Raises:
            DeviceNotRespondingError: Every try failed: nothing acknowledges.
            BusTransferError: Every try failed: transfers break off.
            BusError: The bus failed in a way that another try cannot cure.
        """
        # Written out, and by way of a local name, which Python 3.11 calls much faster than what an
        # attribute holds: most of what a power reading costs in Python is in here.
        now_ns, read_word = self._now_ns, self._read_word
        self.started_ns = now_ns()
        try:
            word = read_word(self.address, register)
        except WORTH_ANOTHER_TRY:
            return self._try_again(register, None)
        self.ended_ns = now_ns()
        return word

    def write(self, register: int, word: int) -> None:
        """Write a register word; raises as ``read`` does."""
        try:
            self._transact(register, word)
        except WORTH_ANOTHER_TRY:
            self._try_again(register, word)

    def claim(self) -> None:
        """Keep other programs that measure away from the chip.

        Raises:
            BusBusyError: One is there already.
            BusError: The bus cannot be opened.
        """
        if isinstance(self.bus, SharedBus):
            self.bus.claim(self.address)

    def release(self) -> None:
        """Give the claim back; without one nothing happens."""
        if isinstance(self.bus, SharedBus):
            self.bus.release(self.address)

    def identify(self) -> tuple[int, ...]:
        """Find out by reading alone whether the chip is what it should be.

        Returns:
            The words of its ``kept_registers``, as they were found.

        Raises:
            WrongDeviceError: It is another chip, or none that is known.
            BusError: The bus failed.
        """
        # The first read tries again where the bus is held up.
        self.read(CONFIGURATION_REGISTER)
        there = identify(self.bus, self.address)
        if there.name != self.chip.name:
            raise WrongDeviceError(
                f"at {self.place} is no {self.chip.name} but a {there.name}; nothing was written "
                f"to it: {there.advice}"
            )
        return tuple(self.read(register) for register in self.chip.kept_registers)

    def put_back(self, found: tuple[int, ...]) -> None:
        """Leave the chip with the words that it was found with, the configuration last.

        Raises:
            BusError: The bus failed; a chip that is gone by now is not asked again.
        """
        mark = self.chip.mark
        for register, word in reversed([*zip(self.chip.kept_registers, found, strict=True)]):
            kept = word & mark.stays if register == mark.register else word
            self.bus.write_word(self.address, register, kept)

    def reset_and_check(self) -> None:
        """Reset the chip and check that it works as its data sheet says.

        Raises:
            WrongDeviceError: It does not.
            BusError: The bus failed.
        """
        self.write(CONFIGURATION_REGISTER, RESET_BIT)
        found, expected = self.read(CONFIGURATION_REGISTER), self.chip.power_on_word
        if found != expected:
            raise self.wrong(
                f"its configuration after reset is 0x{found:04X}, not 0x{expected:04X}"
            )

    def configure(self, word: int) -> None:
        """Write the configuration and read it back; the chip bears no mark then.

        Raises:
            WrongDeviceError: The chip does not keep what is written.
            BusError: The bus failed.
        """
        for pause_ns in RETRY_PAUSES_NS:
            self.write(self.chip.mark.register, NO_MARK)
            self.write(CONFIGURATION_REGISTER, word)
            if (found := self.read(CONFIGURATION_REGISTER)) == word:
                return
            self._clock.sleep_until_ns(self._clock.now_ns() + pause_ns)
        raise self.wrong(f"it was configured with 0x{word:04X} and reads back 0x{found:04X}")

    def holds(self, word: int) -> bool:
        """Return whether the chip is configured with ``word``; one wrong answer is not enough.

        Raises:
            BusError: The bus failed.
        """
        return any(self.read(CONFIGURATION_REGISTER) == word for _ in range(LOOKS_FOR_A_RAIL))

    def is_written_to(self, *own_words: int) -> bool:
        """Return whether another program configured the chip: it holds neither ours nor a reset's.

        A program that writes what a reset leaves cannot be told from one. Two wrong words of the
        bus would have to be the same.

        Args:
            own_words: Configurations that were written here.

        Raises:
            BusError: The bus failed.
        """
        mark = self.chip.mark
        looks = {
            (self.read(CONFIGURATION_REGISTER), self.read(mark.register) & mark.stays)
            for _ in range(LOOKS_FOR_A_RAIL)
        }
        if len(looks) != 1:
            return False
        ((configuration, found),) = looks
        ours = (self.chip.power_on_word, *own_words)
        return found not in (NO_MARK, mark.word) or configuration not in ours

    def refuse_lost_ground(self, shunt_ohm: float) -> float:
        """Refuse a current from a rail of no voltage: every power would be 0.

        Returns:
            The voltage of the rail, V.

        Raises:
            WrongDeviceError: There is one.
            BusError: The bus failed.
        """
        chip = self.chip
        shunt_v = abs(chip.shunt_voltage_v(self.read(SHUNT_REGISTER)))
        bus_v = chip.bus_voltage_v(self.read(BUS_REGISTER))
        if shunt_v > FLOWS_V and bus_v < NO_RAIL_V:
            raise WrongDeviceError(
                f"the {chip.name} at {self.place} sees {shunt_v / shunt_ohm:.2g} A and no voltage "
                f"at {chip.voltage_pin}: its shunt is in the return line, or its GND is not the "
                f"device's{self._unjoined}; put the shunt into the positive line and join the "
                "grounds"
            )
        return bus_v

    @property
    def _unjoined(self) -> str:
        pin = self.chip.voltage_pin
        return "" if pin == LOAD_SIDE else f", or its pin {pin} is not joined to {LOAD_SIDE}"

    def mark(self) -> None:
        """Write the word by which the chip tells that no reset has cleared it.

        Raises:
            BusError: The bus failed.
        """
        self.write(self.chip.mark.register, self.chip.mark.word)

    def supply_dips(self) -> ChipResetError:
        """Return the error for a chip that does not keep its configuration while measuring."""
        return ChipResetError(
            f"the {self.chip.name} at {self.place} keeps losing its configuration; its supply "
            "dips: check the power supply, the cable and the wiring of VCC"
        )

    def written_to(self) -> ForeignWriterError:
        """Return the error for a chip that another program keeps configuring."""
        users = self.bus.users() if isinstance(self.bus, SharedBus) else ()
        found = f"; the bus is also open in {', '.join(users)}" if users else ""
        return ForeignWriterError(
            f"another program keeps configuring the {self.chip.name} at {self.place}{found}: end "
            "it, as two programs on one chip spoil each other's readings (sudo fuser -v "
            f"/dev/i2c-{self.bus.number} lists who has the bus open)"
        )

    def wrong(self, what: str) -> WrongDeviceError:
        """Return the error for a chip that behaves as its data sheet does not say."""
        return WrongDeviceError(
            f"the device at {self.place} is not a working {self.chip.name}: {what}; "
            "check the address, the wiring and the supply of the board"
        )

    def _try_again(self, register: int, word: int | None) -> int:
        self.retried = True
        for pause_ns in RETRY_PAUSES_NS[:-1]:
            self._clock.sleep_until_ns(self._clock.now_ns() + pause_ns)
            with suppress(*WORTH_ANOTHER_TRY):
                return self._transact(register, word)
        self._clock.sleep_until_ns(self._clock.now_ns() + RETRY_PAUSES_NS[-1])
        return self._transact(register, word)

    def _transact(self, register: int, word: int | None) -> int:
        self.started_ns = self._clock.now_ns()
        if word is None:
            result = self.bus.read_word(self.address, register)
        else:
            self.bus.write_word(self.address, register, word)
            result = word
        self.ended_ns = self._clock.now_ns()
        return result
