"""Wait for one conversion after the other, sleeping through most of each cycle."""

from __future__ import annotations

from joulesplit.drivers._polling import LATE_CYCLES, LATE_NS
from joulesplit.drivers.ina219._conversion_tracker import AFTER_THE_END, SEARCH, ConversionTracker
from joulesplit.drivers.ina219._link import Ina219Link
from joulesplit.drivers.ina219._registers import BUS_VOLTAGE_REGISTER, READY_BIT
from joulesplit.drivers.ina219._reset_watch import ResetWatch
from joulesplit.drivers.ina219._word_check import WordCheck
from joulesplit.drivers.protocols import Clock

LATE_POLLS = 30
"""Polls, a tenth of a cycle apart, that a conversion must be missing for: a clock may jump."""
LATE_RISES = 1 / 64
"""By this share of what it was later than usual a wake-up counts: about the least lateness of the
last hundred is known, and a wake-up that is less late is believed at once."""
MOST_LATE = 0.3
"""Share of the period by which a poll is asked for earlier at most."""
# A plain number, since to look an enumeration up costs as much as to read a register.


class ConversionPacer:
    """A poller of the ready bit of one chip.

    Args:
        link: The chip.
        clock: Time.
        tracker: Where its conversions end.
        watch: Whether it is still configured.
        words: Whether a word may be believed.

    Attributes:
        is_located: The tracker knows which conversion the last wait ended with.
        has_clock_stepped: Time has run backwards since this was last set to False.
    """

    def __init__(
        self,
        link: Ina219Link,
        clock: Clock,
        tracker: ConversionTracker,
        watch: ResetWatch,
        words: WordCheck,
    ) -> None:
        self._link = link
        self._now_ns = clock.now_ns
        self._sleep_until_ns = clock.sleep_until_ns
        self._tracker = tracker
        self._watch = watch
        self._confirms = words.confirms
        self.is_located = self.has_clock_stepped = False
        self._usually_late_ns = 0.0

    def wait(self) -> int | None:
        """Poll until a conversion is ready; return its bus word, None if none comes.

        Raises:
            BusError: The bus failed.
        """
        tracker, link = self._tracker, self._link
        begin_ns = now_ns = self._now_ns()
        attempt = self._first_attempt(now_ns)
        idle_ns: int | None = None
        while True:
            planned_ns = tracker.poll_time_ns(now_ns, attempt)
            asked_ns = planned_ns - int(self._usually_late_ns)
            can_be_early = asked_ns > now_ns
            self._sleep_until_ns(asked_ns if can_be_early else planned_ns)
            word = link.read(BUS_VOLTAGE_REGISTER)
            if can_be_early:
                self._learn_lateness(link.started_ns - asked_ns)
            if word & READY_BIT and self._confirms(word):
                self.is_located = tracker.locate(
                    idle_ns=idle_ns, started_ns=link.started_ns, ended_ns=link.ended_ns
                )
                return word
            attempt, idle_ns, now_ns = attempt + 1, link.started_ns, link.ended_ns
            is_late = idle_ns > begin_ns + LATE_CYCLES * tracker.period_ns + LATE_NS
            if is_late and attempt > LATE_POLLS:
                return None

    def _learn_lateness(self, late_ns: int) -> None:
        """Keep how late this machine always wakes up, so that polls begin when they are meant to.

        Where every poll began later than the margin before an end, none would find a conversion
        unfinished: nothing would hold the estimate of the ends from below, and it would wander by
        as much as wake-ups are late.
        """
        more_ns = late_ns - self._usually_late_ns
        usually_ns = self._usually_late_ns + (more_ns * LATE_RISES if more_ns > 0 else more_ns)
        self._usually_late_ns = min(max(usually_ns, 0.0), MOST_LATE * self._tracker.period_ns)

    def _first_attempt(self, now_ns: int) -> int:
        if now_ns < self._link.ended_ns:
            self.has_clock_stepped = True
            self._tracker.break_off()
            return AFTER_THE_END
        return SEARCH if self._tracker.is_searching else self._watch.first_attempt()
