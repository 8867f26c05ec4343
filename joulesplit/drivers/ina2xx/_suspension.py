"""Was the machine suspended? Its two clocks tell; a late reader alone is no such thing."""

from __future__ import annotations

from joulesplit.drivers.protocols import Clock, SuspendedClock

NOTICEABLE_NS = 1_000_000
"""No machine is suspended for less, and the two clocks are read so close together."""


class SuspensionWatch:
    """The time a machine has been suspended, from one look to the next.

    Args:
        clock: The reader's; where it cannot tell, nothing is known.
    """

    def __init__(self, clock: Clock) -> None:
        self._suspended_ns = clock.suspended_ns if isinstance(clock, SuspendedClock) else None
        self._last_ns = 0 if self._suspended_ns is None else self._suspended_ns()

    @property
    def is_known(self) -> bool:
        """The clock can tell; where it cannot, any slip may have been a suspension."""
        return self._suspended_ns is not None

    def has_happened(self) -> bool:
        """Return whether the machine was suspended since the last look."""
        if self._suspended_ns is None:
            return False
        now_ns = self._suspended_ns()
        if -NOTICEABLE_NS < now_ns - self._last_ns < NOTICEABLE_NS:
            return False
        self._last_ns = now_ns
        return True
