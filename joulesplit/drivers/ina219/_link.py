"""Transactions with one INA219: bounded retries, identity, configuration and its read-back."""

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
from joulesplit.drivers.ina219._registers import (
    CALIBRATION_VOID_BIT,
    MARK_CALIBRATION,
    POWER_ON_CONFIGURATION,
    RESET_BIT,
    UNUSED_CONFIGURATION_BIT,
    WORD_MASK,
    Register,
    bus_voltage_v,
    shunt_voltage_v,
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
"""A shunt voltage above this is that of a current, and no offset (6.5: 0.2 mV at most)."""
LOOKS_FOR_A_RAIL = 2
"""Times that the configuration must read otherwise to be so: a word may arrive wrong."""
NO_CALIBRATION = 0  # OVF then never fires


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

    def write(self, register: Register, word: int) -> None:
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

    def identify(self) -> tuple[int, int]:
        """Find out by reading alone whether the chip is an INA219.

        Returns:
            Its configuration and its calibration, as they were found.

        Raises:
            WrongDeviceError: It is another chip, or none that is known.
            BusError: The bus failed.
        """
        # The first read tries again where the bus is held up.
        found = self.read(Register.CONFIGURATION), self.read(Register.CALIBRATION)
        chip = identify(self.bus, self.address)
        if not chip.is_ina219:
            raise WrongDeviceError(
                f"at {self.place} is no INA219 but a {chip.name}; nothing was written to it: "
                f"{chip.advice}"
            )
        return found

    def put_back(self, found: tuple[int, int]) -> None:
        """Leave the chip with the configuration and the calibration that it was found with.

        Raises:
            BusError: The bus failed; a chip that is gone by now is not asked again.
        """
        configuration, calibration = found
        self.bus.write_word(self.address, Register.CALIBRATION, calibration)
        self.bus.write_word(self.address, Register.CONFIGURATION, configuration)

    def reset_and_check(self) -> None:
        """Reset the chip and check that it works as an INA219.

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
        """Write the configuration and read it back; the calibration is 0 then.

        Raises:
            WrongDeviceError: The chip does not keep what is written.
            BusError: The bus failed.
        """
        for pause_ns in RETRY_PAUSES_NS:
            self.write(Register.CALIBRATION, NO_CALIBRATION)
            self.write(Register.CONFIGURATION, word)
            if (found := self.read(Register.CONFIGURATION)) == word:
                return
            self._clock.sleep_until_ns(self._clock.now_ns() + pause_ns)
        raise self._wrong(f"it was configured with 0x{word:04X} and reads back 0x{found:04X}")

    def holds(self, word: int) -> bool:
        """Return whether the chip is configured with ``word``; one wrong answer is not enough.

        Raises:
            BusError: The bus failed.
        """
        return any(self.read(Register.CONFIGURATION) == word for _ in range(LOOKS_FOR_A_RAIL))

    def is_written_to(self, *own_words: int) -> bool:
        """Return whether another program configured the chip: it holds neither ours nor a reset's.

        A program that writes what a reset leaves cannot be told from one. Two wrong words of the
        bus would have to be the same.

        Args:
            own_words: Configurations that were written here.

        Raises:
            BusError: The bus failed.
        """
        looks = {
            (self.read(Register.CONFIGURATION), self.read(Register.CALIBRATION))
            for _ in range(LOOKS_FOR_A_RAIL)
        }
        if len(looks) != 1:
            return False
        ((configuration, calibration),) = looks
        return calibration not in (NO_CALIBRATION, MARK_CALIBRATION) or configuration not in (
            POWER_ON_CONFIGURATION,
            *own_words,
        )

    def refuse_lost_ground(self, shunt_ohm: float) -> None:
        """Refuse a current from a rail of no voltage: every power would be 0.

        Raises:
            WrongDeviceError: There is one.
            BusError: The bus failed.
        """
        shunt_v = abs(shunt_voltage_v(self.read(Register.SHUNT_VOLTAGE)))
        if shunt_v > FLOWS_V and bus_voltage_v(self.read(Register.BUS_VOLTAGE)) < NO_RAIL_V:
            raise WrongDeviceError(
                f"the INA219 at {self.place} sees {shunt_v / shunt_ohm:.2g} A and no voltage at "
                "VIN−: its shunt is in the return line, or its GND is not the device's; put the "
                "shunt into the positive line and join the grounds"
            )

    def mark(self) -> None:
        """Write a calibration by which the overflow bit tells that no reset has cleared it.

        Raises:
            BusError: The bus failed.
        """
        self.write(Register.CALIBRATION, MARK_CALIBRATION)

    def supply_dips(self) -> ChipResetError:
        """Return the error for a chip that does not keep its configuration while measuring."""
        return ChipResetError(
            f"the INA219 at {self.place} keeps losing its configuration; its supply dips: "
            "check the power supply, the cable and the wiring of VCC"
        )

    def written_to(self) -> ForeignWriterError:
        """Return the error for a chip that another program keeps configuring."""
        users = self.bus.users() if isinstance(self.bus, SharedBus) else ()
        found = f"; the bus is also open in {', '.join(users)}" if users else ""
        return ForeignWriterError(
            f"another program keeps configuring the INA219 at {self.place}{found}: end it, as two "
            "programs on one chip spoil each other's readings (sudo fuser -v "
            f"/dev/i2c-{self.bus.number} lists who has the bus open)"
        )

    def _wrong(self, what: str) -> WrongDeviceError:
        return WrongDeviceError(
            f"the device at {self.place} is not a working INA219: {what}; "
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
