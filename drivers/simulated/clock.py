"""A clock that stands still until it is moved."""

from __future__ import annotations


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
