"""Where the ends of a free-running converter's cycles lie, from polls of its ready bit.

The chip says only "at least one conversion since you last asked". Its period is steady, so the
time of each poll tells which conversion it was, and how many nobody read. Pure arithmetic.
"""

from __future__ import annotations

from collections import deque

from joulesplit.drivers._polling import POLL_STEP

NEAR = 0.03
"""The first poll is over this share of the period before the expected end and the second begins
as much after it: the two close in on the end and so keep its estimate honest. The first also
finds a chip that converts at other settings."""
BEFORE_THE_END = 0
"""The attempt that looks just before the expected end."""
AFTER_THE_END = 1
"""The attempt to begin with where no poll before the expected end is wanted."""
SEARCH = 2
"""The attempt to begin with where nobody knows when the next end is."""
EARLY_MARGIN = 0.05
"""Share of the period, beside half a transaction, by which an end may be estimated early."""
LATE = 0.04
"""Share of the period, beside a transaction, by which an end may be estimated late: the poll before
it begins so much earlier (``NEAR``) and so finds nothing amiss, and until the next such poll the
first estimate of the period adds a little. On a short cycle this is more than ``EARLY_MARGIN``."""
OFF_PACE = 0.02
"""A conversion that ends this share of the period from its time may have been made under other
settings. The estimate itself drifts as far, but not twice running."""
BEGUN_WITHIN = 0.02
"""Share of the period, beside a transaction, within which it is known when a conversion began."""
SETTLED_CONVERSIONS = 16
"""Conversions after which the estimate of the ends has settled."""
SLIP = 0.05
"""An end this share of the period, beside two transactions, from where it was expected is not where
the period leads to: the clock or the conversions jumped."""
SLIP_PER_CYCLE = 0.005
"""The same for each further cycle that nobody read, for the period is not known exactly."""
BRACKET_LIMIT = 0.5
"""A bracket of polls wider than this share of the period does not single out one end."""
PERIOD_WINDOW = 128
"""Conversions over which the period is averaged; follows the oscillator within a second or so."""
PERIOD_EVERY = 8
"""Conversions from one look at the period to the next."""
PERIOD_FIRST = 32
"""Fewest conversions that place the period better than the first estimate."""
LATE_RISES = 1 / 16
"""By this share of what it was later than usual a wake-up counts: about the least lateness of the
last twenty-five is known. One that is less late is believed at once."""
MOST_LATE = 0.5
"""Share of the period, less half of what the reads take, that wake-ups may be late: a conversion
that a late second poll found is then read before the next poll has to be asked for. Beyond
(simulated), no poll finds a conversion unfinished, and ends are lost by half a period."""


def can_follow(*, period_ns: float, shunt_ns: float, transaction_ns: float, reads: int) -> bool:
    """Return whether all results can be read, with margins, before the shunt's is replaced.

    Args:
        period_ns: Time from one conversion to the next, ns.
        shunt_ns: Time from there until the next shunt result may replace the last, ns.
        transaction_ns: Time that reading one register takes, ns.
        reads: Registers read per conversion, from the successful poll on.
    """
    early_ns, late_ns = _margins_ns(period_ns, transaction_ns)
    return reads * transaction_ns + early_ns + late_ns < shunt_ns


def most_late_ns(*, period_ns: float, transaction_ns: float, reads: int) -> float:
    """Return by how much wake-ups may always be late with polls still in time, ns.

    Args:
        period_ns: Time from one conversion to the next, ns.
        transaction_ns: Time that reading one register takes, ns.
        reads: Registers read per conversion, from the successful poll on.
    """
    return MOST_LATE * period_ns - reads * transaction_ns / 2


def _margins_ns(period_ns: float, transaction_ns: float) -> tuple[float, float]:
    """Return by how much an end may be estimated early and late, ns."""
    early_ns = EARLY_MARGIN * period_ns + transaction_ns / 2
    return early_ns, max(early_ns, LATE * period_ns + transaction_ns)


class ConversionTracker:
    """The phase and the period of the converter, followed.

    The estimate of an end is the previous one plus whole periods, moved into the bracket of
    polls around the event when it falls outside. The period is the mean over a window of ends.
    For every conversion: ``locate`` it by the poll that saw it, then ``accept`` it.

    Args:
        end_ns: End of a conversion already consumed, ns.
        period_ns: First estimate of the period, ns.
        shunt_share: Share of the period until the next shunt result may replace the last.
        transaction_ns: Time that reading one register takes, ns.
        reads: Registers read per conversion, from the successful poll on.
        late_ns: By how much wake-ups of this machine are late at least, ns.

    Attributes:
        end_ns: Estimated end of the conversion located or accepted last, ns.
        period_ns: Measured time from one conversion to the next, ns.
        is_off_pace: The conversion located last did not end when it was expected, as if made under
            other settings.
        has_slipped: It ended where the period does not lead to.
        is_searching: Nobody knows when the next one ends.
        late_ns: By how much wake-ups of this machine are late at least, ns; polls are asked for so
            much earlier.
        is_too_late: They are later than ends can be followed.
    """

    def __init__(
        self,
        *,
        end_ns: float,
        period_ns: float,
        shunt_share: float,
        transaction_ns: float,
        reads: int = 2,
        late_ns: float = 0.0,
    ) -> None:
        self.end_ns = end_ns
        self.is_off_pace = self.has_slipped = self.is_searching = False
        self._off_by = 0
        self._is_broken = False
        self._shunt_share = shunt_share
        self._transaction_ns = transaction_ns
        self._reads = reads
        self.late_ns = late_ns
        self.is_too_late = False
        self._last_ns = self._before_next_ns = end_ns
        self._number = self._next_number = 1
        self._cycles = 0
        self._ends: deque[tuple[int, float]] = deque(maxlen=PERIOD_WINDOW // PERIOD_EVERY + 1)
        self._set_period(period_ns)
        self._note_end()

    def poll_time_ns(self, now_ns: int, attempt: int) -> int:
        """Return when to poll for the ``attempt``-th time (from 0) for the next conversion.

        A reader that comes late finds a result that is about to be replaced; it then waits for
        the replacement rather than pair two conversions.
        """
        if attempt >= SEARCH:
            return int(now_ns + self._step_ns)
        until_ns = self._until_second_ns if attempt else self._until_first_ns
        planned_ns = self._before_next_ns + until_ns
        asked_ns = planned_ns - self.late_ns
        if now_ns < asked_ns:
            return int(asked_ns)
        return int(planned_ns) if now_ns < planned_ns else self._late_poll_ns(now_ns)

    def woke_up(self, late_ns: int) -> None:
        """Take in that a wake-up was late, ns; polls are asked for earlier by the least of that.

        Where every poll began later than it was meant to, none would find a conversion unfinished:
        nothing would hold the estimate of the ends from below.
        """
        known_ns, most_ns = self.late_ns, self._most_late_ns
        if late_ns > known_ns:
            self.late_ns += LATE_RISES * ((late_ns if late_ns < most_ns else most_ns) - known_ns)
        else:
            self.late_ns = late_ns if late_ns > 0 else 0.0
        self.is_too_late = self.late_ns > self._followed_ns

    def locate(self, idle_ns: int | None, started_ns: int, ended_ns: int) -> bool:
        """Find out which conversion a successful poll saw.

        Args:
            idle_ns: When the last unsuccessful poll began, if there was one.
            started_ns: When the successful poll began, ns.
            ended_ns: When it was over, ns.

        Returns:
            False if several could be meant: the poll was held up too long, or a search has not
            narrowed the end down. They are given up.
        """
        if self.is_searching:
            return self._find_again(idle_ns, ended_ns)
        expected_ns = self._before_next_ns + self.period_ns
        if idle_ns is None and expected_ns <= started_ns and ended_ns - expected_ns < self._safe_ns:
            self._number = self._next_number
            self.end_ns = expected_ns
            self.is_off_pace = self.has_slipped = False
            self._off_by = 0
            return True
        number = self._number_of(idle_ns, started_ns, ended_ns)
        if number is None:
            # The later ones may still be waiting; only the first is certainly gone.
            self._give_up(int((started_ns - self._last_ns) // self.period_ns))
            return False
        self._place(number, idle_ns, ended_ns)
        return True

    def accept(self, read_ns: int) -> int | None:
        """Take the conversion located last as the latest.

        Args:
            read_ns: When its shunt result had been read, ns.

        Returns:
            How many before it were missed; None if the result may be another conversion's: then
            it is given up.
        """
        if read_ns - self.end_ns > self._safe_ns:
            self._give_up(self._number)
            return None
        missed = self._number - 1
        self._cycles += self._number
        self._last_ns = self._before_next_ns = self.end_ns
        self._next_number = 1
        if self._cycles >= self._note_at and not self._is_broken:
            self._note_end()
        return missed

    def give_up(self) -> None:
        """Leave out the conversion located last, as one that nobody read."""
        self._give_up(self._number)

    def begin_anew(self, before_ns: int, after_ns: int) -> None:
        """Count from a conversion that was made to begin: the chip was configured just now.

        Args:
            before_ns: When that was asked for, ns.
            after_ns: When it had been done, ns; the chip took it at the end of the transfer.
        """
        self._ends.clear()
        self._note_at = self._off_by = 0
        self.is_off_pace = self.has_slipped = False
        self._last_ns = self._before_next_ns = self.end_ns = float(after_ns)
        self._number = self._next_number = 1
        if after_ns - before_ns > self._transaction_ns + BEGUN_WITHIN * self.period_ns:
            self.is_searching = True

    def break_off(self) -> None:
        """Trust neither phase nor period across this moment: something has jumped."""
        self.is_searching = self._is_broken = True

    def _set_period(self, period_ns: float) -> None:
        """Take a new period, and work out once what every poll needs of it."""
        self.period_ns = period_ns
        self._margin_ns, late_ns = _margins_ns(period_ns, self._transaction_ns)
        self._safe_ns = self._shunt_share * period_ns - late_ns
        self._step_ns = POLL_STEP * period_ns
        self._until_first_ns = (1 - NEAR) * period_ns - self._transaction_ns
        self._until_second_ns = (1 + NEAR) * period_ns
        self._most_late_ns = MOST_LATE * period_ns
        self._followed_ns = most_late_ns(
            period_ns=period_ns, transaction_ns=self._transaction_ns, reads=self._reads
        )

    def _note_end(self) -> None:
        """Keep the latest end, and take the period from it and the first one kept."""
        self._note_at = self._cycles + PERIOD_EVERY
        self._ends.append((self._cycles, self._last_ns))
        first_cycle, first_ns = self._ends[0]
        if self._cycles - first_cycle >= PERIOD_FIRST:
            self._set_period((self._last_ns - first_ns) / (self._cycles - first_cycle))

    def _late_poll_ns(self, now_ns: int) -> int:
        period_ns, margin_ns = self.period_ns, self._margin_ns
        number = int((now_ns - self._last_ns) // period_ns)
        phase_ns = now_ns - self._last_ns - number * period_ns
        if number < self._next_number:
            return now_ns
        if phase_ns + self._reads * self._transaction_ns > self._safe_ns:
            return round(now_ns - phase_ns + period_ns + margin_ns)
        if number > self._next_number and phase_ns < margin_ns:
            return round(now_ns - phase_ns + margin_ns)
        return now_ns

    def _place(self, number: int, idle_ns: int | None, ended_ns: int) -> None:
        """Put the end of a conversion where the period leads to, but inside its bracket."""
        self._number = number
        expected_ns = self._last_ns + number * self.period_ns
        not_before_ns = expected_ns if idle_ns is None else max(expected_ns, idle_ns)
        self.end_ns = min(not_before_ns, ended_ns)
        self._judge(number, self.end_ns - expected_ns)

    def _judge(self, number: int, off_ns: float) -> None:
        """Tell drift from a jump, by how far an end is from where it was expected."""
        unsure = SLIP_PER_CYCLE * number
        allowed_ns = (SLIP + unsure) * self.period_ns + 2 * self._transaction_ns
        off_by, before = int(off_ns / (OFF_PACE * self.period_ns)), self._off_by
        is_off_again = off_by * before > 0 and self._cycles >= SETTLED_CONVERSIONS
        self.is_off_pace = off_by != 0
        self.has_slipped = is_off_again or abs(off_ns) > allowed_ns
        self._off_by = off_by
        if self.has_slipped:
            self.break_off()
        elif unsure > SLIP:
            self.is_searching = True

    def _find_again(self, idle_ns: int | None, ended_ns: int) -> bool:
        """Take an end from the bracket that a search has put around it, and nothing else."""
        if idle_ns is None or ended_ns - idle_ns > BRACKET_LIMIT * self.period_ns:
            return False
        # Not later than the margin after the bracket's begin: ``accept`` must not be misled.
        self.end_ns = idle_ns + min((ended_ns - idle_ns) / 2, self._margin_ns)
        self._number = max(self._next_number, round((self.end_ns - self._last_ns) / self.period_ns))
        self.is_off_pace = self.has_slipped = self.is_searching = False
        self._off_by = 0
        if self._is_broken:
            self._is_broken = False
            self._ends.clear()
            self._note_at = 0
        return True

    def _give_up(self, number: int) -> None:
        """Give up the conversion of this number after the last accepted one."""
        self._next_number = max(self._next_number, number) + 1
        self._before_next_ns = self._last_ns + (self._next_number - 1) * self.period_ns

    def _number_of(self, idle_ns: int | None, started_ns: int, ended_ns: int) -> int | None:
        period_ns = self.period_ns
        if idle_ns is not None and ended_ns - idle_ns < BRACKET_LIMIT * period_ns:
            number = round(((idle_ns + ended_ns) / 2 - self._last_ns) / period_ns)
            return number if number > self._next_number else self._next_number
        before = max(self._next_number, int((started_ns - self._last_ns) // period_ns))
        after = max(self._next_number, int((ended_ns - self._last_ns) // period_ns))
        return before if before == after else None
