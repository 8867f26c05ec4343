"""Words that contradict each other, or step as no load does, are read again before they count.

A transfer can deliver wrong bits and still be acknowledged: a word of ones is what a data line
gives that nobody drives. Until the next conversion ends the chip gives the same words again, so
that to ask once more tells a wrong word from a sudden load.
"""

from __future__ import annotations

from joulesplit.drivers.ina2xx import STEP_SHARE, ChipSettings, RegisterLink, majority
from joulesplit.drivers.ina219._registers import (
    BUS_DATA_SHIFT,
    BUS_VOLTAGE_REGISTER,
    MARK_CODE,
    NO_MARK_CODE,
    OVERFLOW_BIT,
    READY_BIT,
    SHUNT_VOLTAGE_REGISTER,
    shunt_code,
)

STEP_CODES = 100
"""A shunt code that moves by more than this and ``STEP_SHARE``, steps of 10 µV, is read again."""
BEYOND = 4095 / 4000
"""Codes above this share of full scale are none that a converter of 12 bits gives."""


class WordCheck:
    """A comparison of each conversion's words with each other and with those before.

    Args:
        link: The chip.
        settings: What it is set to.

    Attributes:
        code: The shunt's signed code that was believed last, steps of 10 µV.
        bus_code: That of the bus voltage, steps of 4 mV.
        polled_code: The same, as its word has the ready bit.
        has_changed: A word was another one when it was read again, since this was last set False.
    """

    def __init__(self, link: RegisterLink, settings: ChipSettings) -> None:
        self._link = link
        self._most_shunt = round(BEYOND * settings.shunt_limit_code)
        self._most_bus = round(BEYOND * settings.bus_limit_code)
        self.has_changed = False
        self.restart()

    def restart(self) -> None:
        """Forget the words before: the chip was configured again, which explains what changed."""
        self.has_changed = False
        self.code = self.bus_code = self.polled_code = 0

    def confirms(self, word: int) -> bool:
        """Return whether a bus word whose voltage has stepped may be believed: it is read again.

        If not, its ready bit says nothing either: the next one will. Whoever polls asks this of a
        word more than ``BUS_STEP_CODES`` from ``polled_code`` alone: it costs the others no call.

        Raises:
            BusError: The bus failed.
        """
        bus_code = word >> BUS_DATA_SHIFT
        is_possible = bus_code <= self._most_bus
        if not is_possible or (self._link.read(BUS_VOLTAGE_REGISTER) ^ word) & ~READY_BIT:
            self.has_changed = True
            return False
        self.bus_code = self.polled_code = bus_code
        return True

    def settle(self, word: int, shunt: int, is_marked: bool) -> tuple[int, int] | None:
        """Return shunt and bus word of a conversion, read again if there is cause to.

        Args:
            word: Its bus word.
            shunt: Its shunt word as first read.
            is_marked: The overflow bit tells of the size of the shunt voltage.

        Returns:
            None if the words cannot be told: then nothing of the conversion may be used.

        Raises:
            BusError: The bus failed.
        """
        code = shunt - 0x10000 if shunt >= 0x8000 else shunt
        # Does the overflow bit say another size than the shunt word?
        if word & OVERFLOW_BIT:
            contradicts = is_marked and abs(code) < NO_MARK_CODE
        else:
            contradicts = is_marked and abs(code) >= MARK_CODE
        # Most steps are small: how large the words are is asked of the others alone.
        if abs(code - self.code) <= STEP_CODES and not contradicts:
            self.code = code
            self.bus_code = self.polled_code = word >> BUS_DATA_SHIFT
            return shunt, word
        return self._settle_doubtful(word, shunt, code, contradicts)

    def _settle_doubtful(
        self, word: int, shunt: int, code: int, contradicts: bool
    ) -> tuple[int, int] | None:
        step = code - self.code
        magnitude = max(abs(code), abs(self.code))
        if contradicts and (self._link.read(BUS_VOLTAGE_REGISTER) ^ word) & ~READY_BIT:
            self.has_changed = True
            return None
        if contradicts or abs(step) > STEP_CODES + STEP_SHARE * magnitude:
            found, changed = majority(self._link, SHUNT_VOLTAGE_REGISTER, shunt)
            self.has_changed |= changed
            if found is None:
                return None
            shunt, code = found, shunt_code(found)
            if abs(code) > self._most_shunt:
                self.has_changed = True
                return None
        self.code = code
        self.bus_code = self.polled_code = word >> BUS_DATA_SHIFT
        return shunt, word
