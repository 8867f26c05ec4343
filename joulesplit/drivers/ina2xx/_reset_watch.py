"""Is the chip still as it was configured? Its own words tell, as far as its mark shows.

A reset clears the mark, which the driver keeps set on purpose, and which shows in the very word
that says that a conversion is ready: so no transfer is spent. In an INA219 it is the overflow bit,
which needs a current large enough. Where the mark does not show, or does not behave as the data
sheet says, the configuration is read back after every second reading.
"""

from __future__ import annotations

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers.ina2xx._conversion_tracker import AFTER_THE_END, BEFORE_THE_END
from joulesplit.drivers.ina2xx._phase_lock import Lock
from joulesplit.drivers.ina2xx._register_link import RegisterLink

VERIFY_EVERY_NS = NS_PER_S
SOME_DELAY = 0.2
"""Of a transaction, beside those from the begin of a poll to the end of the last read."""
LAST_TURN = 3
"""Readings between two that look before the end of a conversion."""


class ResetWatch:
    """The judge of every reading: was its chip configured as it should be?

    Args:
        link: The chip.
        configuration_word: What it was configured with.
        lock: What was found of the chip.

    Attributes:
        is_marked: The mark tells what it should of the size of the shunt voltage.
        first_attempt: The attempt to begin the polls for the next reading with. Every fourth
            reading looks before the end as well. That keeps the estimate of the end honest and
            finds a chip at other settings.
    """

    def __init__(self, link: RegisterLink, configuration_word: int, lock: Lock) -> None:
        chip = link.chip
        self._link = link
        self._configuration_word = configuration_word
        transactions = chip.ready.reads + SOME_DELAY
        self._prompt_ns = max(chip.first_result_ns, transactions * lock.transaction_ns)
        self._mark = chip.mark.bit, chip.mark.sure_code, chip.mark.least_code
        self.is_marked = lock.is_mark_honest
        self._turn = 0
        self.first_attempt = BEFORE_THE_END
        self._verify_at_ns = link.ended_ns + VERIFY_EVERY_NS

    def is_intact(self, word: int, code: int, took_ns: int, is_off_pace: bool) -> bool:
        """Return whether a reading may be taken; what it cannot tell is found out by the next one.

        Args:
            word: That which showed its ready bit.
            code: Its signed shunt code.
            took_ns: From the begin of the poll until all of it had been read, ns.
            is_off_pace: It came when it was not expected.

        Raises:
            BusError: The bus failed.
        """
        link, turn = self._link, self._turn
        if turn == LAST_TURN or is_off_pace:  # if off pace, to look whether it is again
            self._turn, self.first_attempt = 0, BEFORE_THE_END
        else:
            self._turn, self.first_attempt = turn + 1, AFTER_THE_END
        mark_bit, sure_code, least_code = self._mark
        size, shows = abs(code), word & mark_bit
        # A chip that did not answer at once may have been without its supply, and one that was read
        # with a pause may have been reset and have converted meanwhile.
        is_doubtful = (
            is_off_pace
            or took_ns > self._prompt_ns
            or link.retried
            or link.ended_ns >= self._verify_at_ns
        )
        if size >= sure_code and shows and self.is_marked and not is_doubtful:
            return True
        is_unmarked = self.is_marked and size >= sure_code and not shows
        is_torn = self.is_marked and shows and size < least_code
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
