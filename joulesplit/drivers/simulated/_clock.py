"""A clock that stands still until it is moved, and a clock that jumps."""

from __future__ import annotations

from collections.abc import Callable

from joulesplit.drivers.protocols import Clock

NS_PER_S, S_PER_NS = 1_000_000_000, 1e-9


class SimulatedClock:
    """Virtual time for simulated hardware; it never waits.

    Args:
        start_ns: First time shown, ns.
    """

    def __init__(self, *, start_ns: int = 1_000_000_000) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """Return the virtual time, ns."""
        return self._now_ns

    def suspended_ns(self) -> int:
        """Return 0: virtual time is never suspended."""
        return 0

    def sleep_until_ns(self, t_ns: int) -> None:
        """Move to ``t_ns``; a time already past changes nothing."""
        self._now_ns = max(t_ns, self._now_ns)

    def advance_ns(self, duration_ns: int) -> None:
        """Move forward by ``duration_ns``, ns (world side: the reader was held up).

        Raises:
            ValueError: The duration is negative.
        """
        if duration_ns < 0:
            raise ValueError(f"cannot advance by {duration_ns} ns; time does not run backwards")
        self._now_ns += duration_ns


class EventfulClock(SimulatedClock):
    """Virtual time in which things happen at their very moment, whatever a reader is just doing.

    Args:
        start_ns: First time shown, ns.
    """

    def __init__(self, *, start_ns: int = 1_000_000_000) -> None:
        super().__init__(start_ns=start_ns)
        self._events: list[tuple[int, Callable[[], None]]] = []

    def at(self, t_ns: int, happen: Callable[[], None]) -> None:
        """Call ``happen`` at ``t_ns`` (world side), or as soon as time moves if that is past."""
        self._events.append((t_ns, happen))
        self._events.sort(key=lambda event: event[0])

    def sleep_until_ns(self, t_ns: int) -> None:
        """Move to ``t_ns``, by way of what happens before it."""
        while self._events and self._events[0][0] <= t_ns:
            due_ns, happen = self._events.pop(0)
            super().sleep_until_ns(due_ns)
            happen()
        super().sleep_until_ns(t_ns)

    def advance_ns(self, duration_ns: int) -> None:
        """Move forward by ``duration_ns``, ns, by way of what happens meanwhile.

        Raises:
            ValueError: The duration is negative.
        """
        self.sleep_until_ns(self.now_ns() + duration_ns)
        super().advance_ns(min(duration_ns, 0))


class SteppedClock:
    """Another clock with jumps: what a reader sees whose clock is set, or who was suspended.

    Args:
        clock: The clock the world goes by.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ns = 0

    def now_ns(self) -> int:
        """Return the time with all jumps so far, ns."""
        return self._clock.now_ns() + self._ahead_ns

    def suspended_ns(self) -> int:
        """Return by how much this clock is behind the world's, ns: so long it stood still."""
        return -self._ahead_ns

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at ``t_ns`` of this clock, also if it jumps back meanwhile."""
        while self.now_ns() < t_ns:
            self._clock.sleep_until_ns(t_ns - self._ahead_ns)

    def step_ns(self, duration_ns: int) -> None:
        """Jump by ``duration_ns``, ns, forward or back (world side)."""
        self._ahead_ns += duration_ns
