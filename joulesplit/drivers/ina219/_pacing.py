"""Wait for one conversion after the other, sleeping through most of each cycle."""

from __future__ import annotations

from joulesplit.drivers._polling import LATE_CYCLES, LATE_NS
from joulesplit.drivers.ina219._conversion_tracker import (
    AFTER_THE_END,
    BEFORE_THE_END,
    SEARCH,
    ConversionTracker,
)
from joulesplit.drivers.ina219._link import Ina219Link
from joulesplit.drivers.ina219._registers import BUS_DATA_SHIFT, BUS_VOLTAGE_REGISTER, READY_BIT
from joulesplit.drivers.ina219._reset_watch import ResetWatch
from joulesplit.drivers.ina219._word_check import BUS_STEP_CODES, WordCheck
from joulesplit.drivers.protocols import Clock

LATE_POLLS = 30
"""Polls, a tenth of a cycle apart, that a conversion must be missing for: a clock may jump."""


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
        self._words = words
        self.is_located = self.has_clock_stepped = False

    def wait(self) -> int | None:
        """Poll until a conversion is ready; return its bus word, None if none comes.

        Raises:
            BusError: The bus failed.
        """
        tracker, link, words = self._tracker, self._link, self._words
        # By way of local names for the same reason as in the link.
        read_clock_ns, sleep_until_ns = self._now_ns, self._sleep_until_ns
        begin_ns = now_ns = read_clock_ns()
        if now_ns < link.ended_ns or tracker.is_searching:
            attempt = self._first_attempt(now_ns)
        else:
            attempt = self._watch.first_attempt
        idle_ns: int | None = None
        while True:
            asked_ns = tracker.poll_time_ns(now_ns, attempt)
            sleep_until_ns(asked_ns)
            word = link.read(BUS_VOLTAGE_REGISTER)
            # A try again pauses by itself, and another attempt may be one that did not sleep.
            if attempt == BEFORE_THE_END and now_ns < asked_ns and not link.retried:
                tracker.woke_up(link.started_ns - asked_ns)
            is_steady = abs((word >> BUS_DATA_SHIFT) - words.bus_code) <= BUS_STEP_CODES
            if word & READY_BIT and (is_steady or words.confirms(word)):
                self.is_located = tracker.locate(idle_ns, link.started_ns, link.ended_ns)
                return word
            attempt, idle_ns, now_ns = attempt + 1, link.started_ns, link.ended_ns
            is_late = idle_ns > begin_ns + LATE_CYCLES * tracker.period_ns + LATE_NS
            if is_late and attempt > LATE_POLLS:
                return None

    def _first_attempt(self, now_ns: int) -> int:
        if now_ns < self._link.ended_ns:
            self.has_clock_stepped = True
            self._tracker.break_off()
            return AFTER_THE_END
        return SEARCH
