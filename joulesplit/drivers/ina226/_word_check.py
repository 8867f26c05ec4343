"""Words of an INA226 that cannot be, or that step as no load does, are read again."""

from __future__ import annotations

from joulesplit.drivers.ina2xx import (
    BUS_REGISTER,
    SHUNT_REGISTER,
    STEP_SHARE,
    ChipSettings,
    RegisterLink,
    majority,
    signed,
)
from joulesplit.drivers.ina226._chip_table import (
    BUS_LIMIT_CODE,
    CONVERSION_READY,
    INA226,
    LATCH,
    MASK_REGISTER,
)

SHUNT_STEPS = 400
"""A shunt code that moves by more than this and ``STEP_SHARE`` is read again: 1 mV."""
BUS_STEPS = 192
"""A bus code that moves by more than this is: 0.24 V."""
RESERVED = 0x03E0
"""Bits of the mask register that are always 0."""


class Ina226WordCheck:
    """A comparison of each conversion's words with those before.

    Args:
        link: The chip.
        settings: What it is set to.

    Attributes:
        code: The shunt's signed code that was believed last, steps of 2.5 µV.
        bus_code: That of the bus voltage, steps of 1.25 mV.
        polled_code: The mask register as it was believed last when a conversion was ready.
        has_changed: A word was another one when it was read again, since this was last set False.
    """

    def __init__(self, link: RegisterLink, settings: ChipSettings) -> None:
        self._link = link
        self._word = settings.word
        self.has_changed = False
        self.restart()

    def restart(self) -> None:
        """Forget the words before: the chip was configured again, which explains what changed."""
        self.has_changed = False
        self.code = self.bus_code = 0
        self.polled_code = CONVERSION_READY | LATCH

    def confirms(self, word: int) -> bool:
        """Return whether another mask word than usual may be believed: it is read again.

        To read it cleared the ready bit, so of a word that is not confirmed nobody knows whether a
        conversion was ready: the next one will be.

        Raises:
            BusError: The bus failed.
        """
        again = self._link.read(MASK_REGISTER)
        if word & RESERVED or (again ^ word) & INA226.mark.stays:
            self.has_changed = True
            return False
        self.polled_code = word
        return True

    def settle(self, bus: int, shunt: int, is_marked: bool) -> tuple[int, int] | None:
        """Return shunt and bus word of a conversion, read again if there is cause to.

        Args:
            bus: Its bus word.
            shunt: Its shunt word as first read.
            is_marked: Tells nothing of these words.

        Returns:
            None if the words cannot be told: then nothing of the conversion may be used.

        Raises:
            BusError: The bus failed.
        """
        del is_marked
        code = shunt - 0x10000 if shunt >= 0x8000 else shunt
        step, bus_step = abs(code - self.code), abs(bus - self.bus_code)
        if step <= SHUNT_STEPS and bus_step <= BUS_STEPS:
            self.code, self.bus_code = code, bus
            return shunt, bus
        if step > SHUNT_STEPS + STEP_SHARE * max(abs(code), abs(self.code)):
            found = self._settled(SHUNT_REGISTER, shunt)
            if found is None:
                return None
            shunt = found
        if bus_step > BUS_STEPS:
            found = self._settled_bus(bus)
            if found is None:
                return None
            bus = found
        self.code, self.bus_code = signed(shunt), bus
        return shunt, bus

    def _settled(self, register: int, first: int) -> int | None:
        found, changed = majority(self._link, register, first)
        self.has_changed |= changed
        return found

    def _settled_bus(self, first: int) -> int | None:
        """Return the bus word; None also from a chip that was reset since: it reads 0 at first."""
        found = self._settled(BUS_REGISTER, first)
        if found is not None and found > BUS_LIMIT_CODE:
            self.has_changed = True
            return None
        return found if self._link.holds(self._word) else None
