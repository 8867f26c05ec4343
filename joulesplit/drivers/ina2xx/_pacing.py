"""Wait for one conversion after the other, sleeping through most of each cycle."""

from __future__ import annotations

from typing import Protocol

from joulesplit.drivers._polling import LATE_CYCLES, LATE_NS
from joulesplit.drivers.ina2xx._conversion_tracker import (
    AFTER_THE_END,
    BEFORE_THE_END,
    SEARCH,
    ConversionTracker,
)
from joulesplit.drivers.ina2xx._register_link import RegisterLink
from joulesplit.drivers.protocols import Clock

LATE_POLLS = 30
"""Polls, a tenth of a cycle apart, that a conversion must be missing for: a clock may jump."""


class Words(Protocol):
    """Whether the words of a chip may be believed.

    Attributes:
        code: The shunt's signed code that was believed last.
        bus_code: That of the bus voltage.
        polled_code: What the register of the ready bit held besides, when it was believed last.
        has_changed: A word was another one when it was read again, since this was last set False.
    """

    code: int
    bus_code: int
    polled_code: int
    has_changed: bool

    def confirms(self, word: int) -> bool:
        """Return whether a word of the ready bit's register may be believed: it is read again.

        Whoever polls asks this of a word more than ``ReadyBit.steady_steps`` from ``polled_code``
        alone, which costs the others no call.

        Raises:
            BusError: The bus failed.
        """

    def settle(self, bus: int, shunt: int, is_marked: bool) -> tuple[int, int] | None:
        """Return shunt and bus word of a conversion, read again if there is cause to.

        Args:
            bus: Its bus word.
            shunt: Its shunt word as first read.
            is_marked: The mark tells what it should of the size of the shunt voltage.

        Returns:
            None if the words cannot be told: then nothing of the conversion may be used.

        Raises:
            BusError: The bus failed.
        """

    def restart(self) -> None:
        """Forget the words before: the chip was configured again, which explains what changed."""


class ConfigurationWatch(Protocol):
    """Whether a chip is still configured.

    Attributes:
        first_attempt: The attempt to begin the polls for the next reading with.
    """

    first_attempt: int

    def reads_back(self) -> bool:
        """Return whether the chip still holds its configuration.

        Raises:
            BusError: The bus failed.
        """


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
        link: RegisterLink,
        clock: Clock,
        tracker: ConversionTracker,
        watch: ConfigurationWatch,
        words: Words,
    ) -> None:
        ready = link.chip.ready
        self._poll = ready.register, ready.bit, ready.data_shift, ready.steady_steps
        self._link = link
        self._now_ns = clock.now_ns
        self._sleep_until_ns = clock.sleep_until_ns
        self._tracker = tracker
        self._watch = watch
        self._words = words
        self.is_located = self.has_clock_stepped = False

    def wait(self) -> int | None:
        """Poll until a conversion is ready; return the word that said so, None if none comes.

        Raises:
            BusError: The bus failed.
        """
        tracker, link, words = self._tracker, self._link, self._words
        # By way of local names for the same reason as in the link.
        read_clock_ns, sleep_until_ns = self._now_ns, self._sleep_until_ns
        register, ready_bit, shift, steady_steps = self._poll
        begin_ns = now_ns = read_clock_ns()
        if now_ns < link.ended_ns or tracker.is_searching:
            attempt = self._first_attempt(now_ns)
        else:
            attempt = self._watch.first_attempt
        idle_ns: int | None = None
        while True:
            asked_ns = tracker.poll_time_ns(now_ns, attempt)
            sleep_until_ns(asked_ns)
            word = link.read(register)
            # A try again pauses by itself, and another attempt may be one that did not sleep.
            if attempt == BEFORE_THE_END and now_ns < asked_ns and not link.retried:
                tracker.woke_up(link.started_ns - asked_ns)
            is_steady = abs((word >> shift) - words.polled_code) <= steady_steps
            if word & ready_bit and (is_steady or words.confirms(word)):
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
