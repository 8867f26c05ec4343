"""Where the ends of a free-running converter's cycles lie, from polls of its ready bit.

The chip says only "at least one conversion since you last asked". Its period is steady, so the
time of each poll tells which conversion it was, and how many nobody read. Pure arithmetic.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

FIRST_POLL = 0.8
"""Share of the period slept before the first poll, which finds a chip at other settings."""
NEAR = 0.03
"""The second poll is over this share of the period before the expected end and the third begins
as much after it: the two close in on the end and so keep its estimate honest."""
POLL_STEP = 0.1
"""Share of the period between further polls."""
MARGIN = 0.05
"""Share of the period, beside half a transaction, by which an estimated end may be off."""
EARLY = 0.02
"""A conversion that ends this share of the period before its time may have been made under other
settings: the second poll, at the latest, sees it."""
BRACKET_LIMIT = 0.5
"""A bracket of polls wider than this share of the period does not single out one end."""
PERIOD_WINDOW = 128
"""Conversions over which the period is averaged; follows the oscillator within a second or so."""

PERIOD_FIRST = 32
"""Fewest ends that place the period better than the first estimate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedConversion:
    """One conversion, placed in time.

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
        self.period_ns = period_ns
        self._shunt_share = shunt_share
        self._transaction_ns = transaction_ns
        self._reads = reads
        self._next_number = 1
        self._cycles = 0
        self._ends: deque[tuple[int, float]] = deque([(0, end_ns)], maxlen=PERIOD_WINDOW)

    @property
    def _margin_ns(self) -> float:
        return MARGIN * self.period_ns + self._transaction_ns / 2

    @property
    def _busy_ns(self) -> float:
        return self._reads * self._transaction_ns + self._margin_ns

    @property
    def _shunt_ns(self) -> float:
        return self._shunt_share * self.period_ns

    def poll_time_ns(self, now_ns: int, attempt: int) -> int:
        """Return when to poll for the ``attempt``-th time (from 0) for the next conversion.

        A reader that comes late finds a result that is about to be replaced; it then waits for
        the replacement rather than pair two conversions.
        """
        period_ns, margin_ns = self.period_ns, self._margin_ns
        share = self._poll_share(attempt)
        planned_ns = self.end_ns + (self._next_number - 1 + share) * period_ns
        if now_ns < planned_ns:
            return round(planned_ns)
        number = int((now_ns - self.end_ns) // period_ns)
        phase_ns = now_ns - self.end_ns - number * period_ns
        if number < self._next_number:
            return now_ns
        if phase_ns + self._busy_ns > self._shunt_ns:
            return round(now_ns - phase_ns + period_ns + margin_ns)
        if number > self._next_number and phase_ns < margin_ns:
            return round(now_ns - phase_ns + margin_ns)
        return now_ns

    def _poll_share(self, attempt: int) -> float:
        if attempt >= 2:
            return 1 + NEAR + (attempt - 2) * POLL_STEP
        poll = self._transaction_ns / self.period_ns
        return 1 - NEAR - poll if attempt else min(FIRST_POLL, 1 - NEAR - 2 * poll)

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
        end_ns = min(max(expected_ns, idle_ns or expected_ns), ended_ns)
        early = ended_ns < expected_ns - EARLY * self.period_ns
        return LocatedConversion(number=number, end_ns=end_ns, early=early)

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
            self.period_ns = (self.end_ns - first_ns) / (self._cycles - first_cycle)
        self._next_number = 1
        return conversion.number - 1

    def drop(self, number: int) -> None:
        """Give up the conversion of this number after the last accepted one."""
        self._next_number = max(self._next_number, number) + 1

    def _number(self, idle_ns: int | None, started_ns: int, ended_ns: int) -> int | None:
        period_ns = self.period_ns
        if idle_ns is not None and ended_ns - idle_ns < BRACKET_LIMIT * period_ns:
            middle_ns = (idle_ns + ended_ns) / 2
            return max(self._next_number, round((middle_ns - self.end_ns) / period_ns))
        before = max(self._next_number, int((started_ns - self.end_ns) // period_ns))
        after = max(self._next_number, int((ended_ns - self.end_ns) // period_ns))
        return before if before == after else None
