"""A clock that stands still until it is moved, and a clock that jumps."""

from __future__ import annotations

from drivers.protocols import Clock


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

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at ``t_ns`` of this clock, also if it jumps back meanwhile."""
        while self.now_ns() < t_ns:
            self._clock.sleep_until_ns(t_ns - self._ahead_ns)

    def step_ns(self, duration_ns: int) -> None:
        """Jump by ``duration_ns``, ns, forward or back (world side)."""
        self._ahead_ns += duration_ns
