"""Is the chip still as it was configured? Its own words tell, where the current is large enough.

A reset clears the calibration register, and the overflow bit with it, which the driver keeps set on
purpose: so the very word that carries the voltage tells, and no transfer is spent. Where the
current is too small for that, or the bit does not behave as the data sheet says, the configuration
is read back after every second reading.
"""

from __future__ import annotations

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers.ina219._conversion_tracker import AFTER_THE_END, BEFORE_THE_END
from joulesplit.drivers.ina219._link import Ina219Link
from joulesplit.drivers.ina219._phase_lock import Lock
from joulesplit.drivers.ina219._registers import MARK_CODE, NO_MARK_CODE, OVERFLOW_BIT

VERIFY_EVERY_NS = NS_PER_S
PROMPT_NS = 900_000
"""A chip that was reset takes longer for its first conversion, two of 12 bit: 1.06 ms (table 5)."""
PROMPT_TRANSACTIONS = 2.2
"""Transactions from the begin of a poll to the end of the next read, with some delay."""
LAST_TURN = 3
"""Readings between two that look before the end of a conversion."""


class ResetWatch:
    """The judge of every reading: was its chip configured as it should be?

    Args:
        link: The chip.
        configuration_word: What it was configured with.
        lock: What was found of the chip.

    Attributes:
        is_marked: The overflow bit tells of the size of the shunt voltage.
        first_attempt: The attempt to begin the polls for the next reading with. Every fourth
            reading looks before the end as well. That keeps the estimate of the end honest and
            finds a chip at other settings.
    """

    def __init__(self, link: Ina219Link, configuration_word: int, lock: Lock) -> None:
        self._link = link
        self._configuration_word = configuration_word
        self._prompt_ns = max(PROMPT_NS, PROMPT_TRANSACTIONS * lock.transaction_ns)
        self.is_marked = lock.is_overflow_honest
        self._turn = 0
        self.first_attempt = BEFORE_THE_END
        self._verify_at_ns = link.ended_ns + VERIFY_EVERY_NS

    def is_intact(self, bus_word: int, code: int, took_ns: int, is_off_pace: bool) -> bool:
        """Return whether a reading may be taken; what it cannot tell is found out by the next one.

        Args:
            bus_word: Its bus word.
            code: Its signed shunt code.
            took_ns: From the begin of the poll until the shunt had been read, ns.
            is_off_pace: It came when it was not expected.

        Raises:
            BusError: The bus failed.
        """
        link, turn = self._link, self._turn
        if turn == LAST_TURN or is_off_pace:  # if off pace, to look whether it is again
            self._turn, self.first_attempt = 0, BEFORE_THE_END
        else:
            self._turn, self.first_attempt = turn + 1, AFTER_THE_END
        size, overflows = abs(code), bus_word & OVERFLOW_BIT
        # A chip that did not answer at once may have been without its supply, and one that was read
        # with a pause may have been reset and have converted meanwhile.
        is_doubtful = (
            is_off_pace
            or took_ns > self._prompt_ns
            or link.retried
            or link.ended_ns >= self._verify_at_ns
        )
        if size >= MARK_CODE and overflows and self.is_marked and not is_doubtful:
            return True
        is_unmarked = self.is_marked and size >= MARK_CODE and not overflows
        is_torn = self.is_marked and overflows and size < NO_MARK_CODE
        if not (is_doubtful or is_unmarked or is_torn or turn & 1):
            return True
        is_intact = self.reads_back()
        if is_unmarked and is_intact:
            self.is_marked = False
        return is_intact

    def reads_back(self) -> bool:
        """Return whether the chip still holds its configuration.

        Raises:
            BusError: The bus failed.
        """
        self._verify_at_ns = self._link.ended_ns + VERIFY_EVERY_NS
        return self._link.holds(self._configuration_word)
