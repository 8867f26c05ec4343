"""Where the ends of a free-running converter's cycles lie, from polls of its ready bit.

The chip says only "at least one conversion since you last asked". Its period is steady, so the
time of each poll tells which conversion it was, and how many nobody read. Pure arithmetic.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

NEAR = 0.03
"""The first poll is over this share of the period before the expected end and the second begins
as much after it: the two close in on the end and so keep its estimate honest. The first also
finds a chip that converts at other settings."""
POLL_STEP = 0.1
"""Share of the period between further polls."""
AFTER_THE_END = 1
"""The attempt to begin with where no poll before the expected end is wanted."""
MARGIN = 0.05
"""Share of the period, beside half a transaction, by which an estimated end may be off."""
EARLY = 0.02
"""A conversion that ends this share of the period before its time may have been made under other
settings: the first poll sees it."""
BRACKET_LIMIT = 0.5
"""A bracket of polls wider than this share of the period does not single out one end."""
PERIOD_WINDOW = 128
"""Conversions over which the period is averaged; follows the oscillator within a second or so."""

PERIOD_FIRST = 32
"""Fewest ends that place the period better than the first estimate."""


class LocatedConversion(NamedTuple):
    """One conversion, placed in time; a tuple, since one is made for every reading.

    Attributes:
        number: Conversions after the last accepted one (1: none missed).
        end_ns: Best estimate of its end, ns.
        early: It ended sooner than expected, as if made under other settings.
    """

    number: int
    end_ns: float
    early: bool


def can_follow(*, period_ns: float, shunt_ns: float, transaction_ns: float, reads: int) -> bool:
    """Return whether all results can be read, with margins, before the shunt's is replaced.

    Args:
        period_ns: Time from one conversion to the next, ns.
        shunt_ns: Time from there until the next shunt result may replace the last, ns.
        transaction_ns: Time that reading one register takes, ns.
        reads: Registers read per conversion, from the successful poll on.
    """
    margin_ns = MARGIN * period_ns + transaction_ns / 2
    return reads * transaction_ns + 2 * margin_ns < shunt_ns


class ConversionTracker:
    """Follow the phase and the period of the converter.

    The estimate of an end is the previous one plus whole periods, moved into the bracket of
    polls around the event when it falls outside. The period is the mean over a window of ends.

    Args:
        end_ns: End of a conversion already consumed, ns.
        period_ns: First estimate of the period, ns.
        shunt_share: Share of the period until the next shunt result may replace the last.
        transaction_ns: Time that reading one register takes, ns.
        reads: Registers read per conversion, from the successful poll on.
    """

    def __init__(
        self,
        *,
        end_ns: float,
        period_ns: float,
        shunt_share: float,
        transaction_ns: float,
        reads: int = 2,
    ) -> None:
        self.end_ns = end_ns
        self._shunt_share = shunt_share
        self._transaction_ns = transaction_ns
        self._reads = reads
        self._next_number = 1
        self._set_period(period_ns)
        self._cycles = 0
        self._ends: deque[tuple[int, float]] = deque([(0, end_ns)], maxlen=PERIOD_WINDOW)

    def _set_period(self, period_ns: float) -> None:
        """Take a new period, and work out once what every poll needs of it."""
        self.period_ns = period_ns
        self._margin_ns = MARGIN * period_ns + self._transaction_ns / 2
        self._busy_ns = self._reads * self._transaction_ns + self._margin_ns
        self._shunt_ns = self._shunt_share * period_ns
        self._until_first_ns = (1 - NEAR) * period_ns - self._transaction_ns
        self._until_second_ns = (1 + NEAR) * period_ns

    def poll_time_ns(self, now_ns: int, attempt: int) -> int:
        """Return when to poll for the ``attempt``-th time (from 0) for the next conversion.

        A reader that comes late finds a result that is about to be replaced; it then waits for
        the replacement rather than pair two conversions.
        """
        period_ns = self.period_ns
        planned_ns = self.end_ns + (self._next_number - 1) * period_ns
        if attempt:
            later_ns = (attempt - AFTER_THE_END) * POLL_STEP * period_ns
            planned_ns += self._until_second_ns + later_ns
        else:
            planned_ns += self._until_first_ns
        if now_ns < planned_ns:
            return int(planned_ns)
        margin_ns = self._margin_ns
        number = int((now_ns - self.end_ns) // period_ns)
        phase_ns = now_ns - self.end_ns - number * period_ns
        if number < self._next_number:
            return now_ns
        if phase_ns + self._busy_ns > self._shunt_ns:
            return round(now_ns - phase_ns + period_ns + margin_ns)
        if number > self._next_number and phase_ns < margin_ns:
            return round(now_ns - phase_ns + margin_ns)
        return now_ns

    def locate(
        self, *, idle_ns: int | None, started_ns: int, ended_ns: int
    ) -> LocatedConversion | None:
        """Return which conversion a successful poll saw.

        If the poll was held up so long that a later one could be meant, ``is_coherent`` tells.

        Args:
            idle_ns: When the last unsuccessful poll began, if there was one.
            started_ns: When the successful poll began, ns.
            ended_ns: When it was over, ns.

        Returns:
            None if the poll was held up so long that several could be meant; they are given up.
        """
        number = self._number(idle_ns, started_ns, ended_ns)
        if number is None:
            # The later ones may still be waiting; only the first is certainly gone.
            self.drop(int((started_ns - self.end_ns) // self.period_ns))
            return None
        expected_ns = self.end_ns + number * self.period_ns
        end_ns = expected_ns
        if idle_ns is not None and end_ns < idle_ns:
            end_ns = idle_ns
        end_ns = min(end_ns, ended_ns)
        return LocatedConversion(number, end_ns, ended_ns < expected_ns - EARLY * self.period_ns)

    def is_coherent(self, conversion: LocatedConversion, read_ns: int) -> bool:
        """Return whether a shunt word read by ``read_ns`` still belonged to the conversion."""
        return read_ns <= conversion.end_ns + self._shunt_ns - self._margin_ns

    def accept(self, conversion: LocatedConversion) -> int:
        """Take the conversion as the latest; return how many before it were missed."""
        self._cycles += conversion.number
        self.end_ns = conversion.end_ns
        self._ends.append((self._cycles, self.end_ns))
        first_cycle, first_ns = self._ends[0]
        if len(self._ends) >= PERIOD_FIRST:
            self._set_period((self.end_ns - first_ns) / (self._cycles - first_cycle))
        self._next_number = 1
        return conversion.number - 1

    def drop(self, number: int) -> None:
        """Give up the conversion of this number after the last accepted one."""
        self._next_number = max(self._next_number, number) + 1

    def _number(self, idle_ns: int | None, started_ns: int, ended_ns: int) -> int | None:
        period_ns = self.period_ns
        if idle_ns is not None and ended_ns - idle_ns < BRACKET_LIMIT * period_ns:
            number = round(((idle_ns + ended_ns) / 2 - self.end_ns) / period_ns)
            return number if number > self._next_number else self._next_number
        before = max(self._next_number, int((started_ns - self.end_ns) // period_ns))
        after = max(self._next_number, int((ended_ns - self.end_ns) // period_ns))
        return before if before == after else None
