"""Find the phase and the period of a configured chip, and what clears its ready bit.

The data sheet of the INA219 contradicts itself about the ready bit (section 8.6.3.2: a read of the
power register; section 8.3.1: a read of the status register), and the chip was seen to clear it on
a read of the bus register. So the chip itself is asked, before the first measurement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers._polling import LATE_CYCLES, LATE_NS
from joulesplit.drivers.errors import (
    ConversionTimeoutError,
    SensorConfigurationError,
    WrongDeviceError,
)
from joulesplit.drivers.ina2xx._chip import POWER_REGISTER, ChipSettings
from joulesplit.drivers.ina2xx._conversion_tracker import MOST_LATE, can_follow, most_late_ns
from joulesplit.drivers.ina2xx._register_link import RegisterLink
from joulesplit.drivers.protocols import Clock

LOCK_S = 10.0
LOCK_CYCLES = 40
"""Time and cycles after which a machine is too busy to find the pace."""
FIRST_POLLS = 9
"""Polls whose median duration is that of a transaction."""
NEVER_CLEARED = 3
"""Times that the ready bit must have survived both reads, for certain, before it is a fault."""
LOCK_MIN_CYCLES = 4
LOCK_MIN_S = 0.04
"""Shortest stretch the period is measured over; a poll of 0.1 ms places it to 0.3 %."""
WIDEST_BRACKET = 0.02
"""Share of the period, beside three polls, by which an end may be uncertain."""
PERIOD_TOLERANCE = 0.15
"""Relative deviation of a chip's period from the typical one; the data sheet allows 0.10."""
LOOK_EARLY = 0.03
"""Share of the period by which the search begins before the earliest end."""
LATE_LOOKS = 8
"""Sleeps of which the least late tells how late this machine always wakes up."""
COUNTABLE = 0.45
"""Share of a period by which an end may be uncertain and still be counted to."""

POWER_READ = "power-read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What was found.

    Attributes:
        end_ns: Estimated end of the last conversion consumed, ns.
        period_ns: Mean time from one conversion to the next, ns.
        transaction_ns: Median time of one register read, ns.
        cleared_by: Which read clears the ready bit: ``ReadyBit.cleared_by`` or ``power-read``.
        reads: Registers to read per conversion, the power too if only that clears.
        word: The last word of the ready bit's register.
        late_ns: By how much wake-ups of this machine were late at least, of late, ns.
        is_mark_honest: What is to tell of the mark was never set while there was none.
    """

    end_ns: float
    period_ns: float
    transaction_ns: float
    cleared_by: str
    reads: int
    word: int
    late_ns: float
    is_mark_honest: bool


class LockFinder:
    """A watch on the ready bit of a chip that was just configured.

    A busy machine holds the reader up at any point. What was seen late is thrown away, and only
    what cannot be lateness counts against the chip.

    Args:
        link: The chip.
        clock: Time.
        settings: What it was configured with.
    """

    def __init__(self, link: RegisterLink, clock: Clock, settings: ChipSettings) -> None:
        self._link = link
        self._chip = link.chip
        self._clock = clock
        self._nominal_ns = settings.cycle_s * NS_PER_S
        self._shunt_ns = settings.kept_s * NS_PER_S
        self._cleared_by = POWER_READ
        self._poll_times_ns: list[int] = []
        self._transaction_ns = 0.0
        self._unmarked = 0
        self._late_ns: list[int] = []

    def find(self) -> Lock:
        """Test the ready bit, then time several conversions; all of them are consumed.

        That also discards the first cycles after a change of settings.

        Raises:
            ConversionTimeoutError: The chip does not convert, or not at a steady pace, or this
                machine is too busy to see it or wakes up too late.
            WrongDeviceError: Nothing clears the ready bit.
            SensorConfigurationError: The bus is too slow for the cycle.
            BusError: The bus failed.
        """
        self._give_up_ns = self._clock.now_ns() + LOCK_S * NS_PER_S + LOCK_CYCLES * self._nominal_ns
        for _ in range(FIRST_POLLS):
            self._poll()
        self._transaction_ns = median(self._poll_times_ns)
        self._refuse_slow_bus(self._chip.ready.reads)
        self._cleared_by = self._find_what_clears()
        self._refuse_slow_bus(self._reads)
        lock = self._time_conversions()
        self._refuse_late_machine(lock.period_ns)
        return lock

    @property
    def _reads(self) -> int:
        return self._chip.ready.reads + (self._cleared_by == POWER_READ)

    def _refuse_slow_bus(self, reads: int) -> None:
        if can_follow(
            period_ns=self._nominal_ns,
            shunt_ns=self._shunt_ns,
            transaction_ns=self._transaction_ns,
            reads=reads,
        ):
            return
        raise SensorConfigurationError(
            f"one read of the {self._chip.name} at {self._link.place} takes "
            f"{self._transaction_ns / 1e3:.0f} µs, too long for a cycle of "
            f"{self._nominal_ns / 1e6:.2f} ms; average more samples or set "
            "dtparam=i2c_arm_baudrate=400000 in config.txt"
        )

    def _find_what_clears(self) -> str:
        never = 0
        while never < NEVER_CLEARED:
            self._give_up_if_late()
            self._clear()
            idle_ns, found_ns = self._wait_ready()
            if not self._poll():
                return self._chip.ready.cleared_by
            is_certain = not self._is_wide(idle_ns, found_ns)
            self._clear()
            if not self._poll():
                if is_certain and not self._is_new_possible(found_ns):
                    return POWER_READ
                continue
            self._clear()
            # Set again twice within half a cycle, and only one conversion can have ended in it.
            never += self._poll() and not self._is_new_possible(found_ns)
        raise WrongDeviceError(
            f"the device at {self._link.place} never clears its conversion-ready bit; "
            f"it is not a working {self._chip.name}: check the address and the board"
        )

    def _is_new_possible(self, found_ns: int) -> bool:
        """Return whether the bit last seen may be that of the conversion after the one found."""
        return self._link.ended_ns - found_ns > self._nominal_ns / 2

    def _is_wide(self, idle_ns: int, ready_ns: int) -> bool:
        return ready_ns - idle_ns > WIDEST_BRACKET * self._nominal_ns + 3 * self._transaction_ns

    def _time_conversions(self) -> Lock:
        wanted = max(LOCK_MIN_CYCLES, math.ceil(LOCK_MIN_S * NS_PER_S / self._nominal_ns))
        pace = _Pace(self._nominal_ns)
        while pace.cycles < wanted:
            self._give_up_if_late()
            idle_ns, ready_ns = self._wait_ready(pace.next_ns(self._clock.now_ns()))
            word = self._word
            self._clear()
            if not self._is_wide(idle_ns, ready_ns):
                pace.add((idle_ns + ready_ns) / 2, ready_ns - idle_ns)
        return Lock(
            end_ns=pace.last_ns,
            period_ns=pace.period_ns,
            transaction_ns=self._transaction_ns,
            cleared_by=self._cleared_by,
            reads=self._reads,
            word=word,
            late_ns=self._usually_late_ns(),
            is_mark_honest=not self._unmarked,
        )

    def _give_up_if_late(self) -> None:
        if self._clock.now_ns() > self._give_up_ns:
            self._refuse_late_machine(self._nominal_ns)
            raise ConversionTimeoutError(
                f"the {self._chip.name} at {self._link.place} does not convert at a steady "
                f"{self._nominal_ns / 1e6:.3g} ms as seen from here; reduce the load on this "
                "machine or average more samples"
            )

    def _refuse_late_machine(self, period_ns: float) -> None:
        late_ns = min(self._late_ns, default=0)
        most_ns = most_late_ns(
            period_ns=period_ns,
            transaction_ns=self._transaction_ns,
            reads=self._reads,
        )
        if late_ns > most_ns:
            raise ConversionTimeoutError(
                f"this machine wakes up {late_ns / 1e6:.2g} ms late at least, too late for the "
                f"{self._chip.name} at {self._link.place}, which converts every "
                f"{period_ns / 1e6:.3g} ms: reduce the load, give the reader a core "
                "of its own, or average more samples"
            )

    def _wait_ready(self, not_before_ns: int = 0) -> tuple[int, int]:
        """Return the times between which the bit rose: polls without and with it, ns.

        To sleep through most of a cycle spares the processor, and a busy system then wakes the
        reader promptly; to sleep between polls would widen the bracket beyond use.
        """
        self._sleep_until_ns(not_before_ns)
        limit_ns = self._clock.now_ns() + LATE_CYCLES * self._nominal_ns + LATE_NS
        idle_ns = 0  # a bit that is set at the first poll may have been so for any time
        while not self._poll():
            idle_ns = self._link.started_ns
            if idle_ns > limit_ns:
                raise ConversionTimeoutError(
                    f"the {self._chip.name} at {self._link.place} finished no conversion in "
                    f"{LATE_CYCLES} cycles; check its supply voltage ({self._chip.supply})"
                )
        return idle_ns, self._link.ended_ns

    def _sleep_until_ns(self, not_before_ns: int) -> None:
        """Sleep, for so much less as this machine wakes up late."""
        asked_ns = not_before_ns - round(self._usually_late_ns())
        if asked_ns > self._clock.now_ns():
            self._clock.sleep_until_ns(asked_ns)
            self._late_ns.append(self._clock.now_ns() - asked_ns)

    def _usually_late_ns(self) -> float:
        latest_ns = self._late_ns[-LATE_LOOKS:]
        return min([MOST_LATE * self._nominal_ns, *latest_ns]) if latest_ns else 0.0

    def _poll(self) -> bool:
        ready = self._chip.ready
        self._word = self._link.read(ready.register)
        self._unmarked |= self._word & self._chip.mark.bit
        if len(self._poll_times_ns) < FIRST_POLLS:
            self._poll_times_ns.append(self._link.ended_ns - self._link.started_ns)
        return bool(self._word & ready.bit)

    def _clear(self) -> None:
        if self._cleared_by == POWER_READ:
            self._link.read(POWER_REGISTER)


class _Pace:
    """The period, from ends of conversions of which any may be left out.

    How many conversions lie between two ends is certain only while the period is known well
    enough; an end that cannot be counted to begins the count anew.
    """

    def __init__(self, nominal_ns: float) -> None:
        self._nominal_ns = nominal_ns
        self._begin(0.0)
        self.last_ns = 0.0

    def _begin(self, end_ns: float) -> None:
        self._first_ns = self.last_ns = end_ns
        self.period_ns = self._nominal_ns
        self._tolerance = PERIOD_TOLERANCE
        self.cycles = 0

    def next_ns(self, now_ns: int) -> int:
        """Return when to begin to look for the next end, ns."""
        if not self.last_ns:
            return 0
        passed = max(0, math.floor((now_ns - self.last_ns) / self.period_ns))
        spread = (passed + 1) * self._tolerance + LOOK_EARLY
        return round(self.last_ns + (passed + 1 - spread) * self.period_ns)

    def add(self, end_ns: float, bracket_ns: float) -> None:
        """Take in an end that lies within half of ``bracket_ns`` of ``end_ns``."""
        step = (end_ns - self.last_ns) / self.period_ns
        number = round(step)
        allowed = number * self._tolerance + bracket_ns / self.period_ns
        if not self.last_ns or number < 1 or allowed > COUNTABLE or abs(step - number) > allowed:
            self._begin(end_ns)
            return
        self.last_ns = end_ns
        self.cycles += number
        self.period_ns = (end_ns - self._first_ns) / self.cycles
        placed = 2 * bracket_ns / (self.cycles * self.period_ns)
        self._tolerance = min(self._tolerance, placed)
