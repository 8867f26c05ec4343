"""Even pacing for sources that have no conversion of their own to wait for."""

from __future__ import annotations

from joulesplit.drivers._clock import NS_PER_S
from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.protocols import Clock

POLL_STEP = 0.1
"""Share of a conversion's period from one poll after its end to the next."""

LATE_CYCLES, LATE_NS = 3, 50_000_000
"""A conversion that is not there so many cycles, and so long, after the last one is missing."""


class Ticker:
    """A tick at a fixed interval from the start; late ticks are counted, never caught up.

    Args:
        clock: Time.
        interval_s: From one tick to the next, s.

    Raises:
        SensorConfigurationError: The interval is not positive.
    """

    def __init__(self, clock: Clock, interval_s: float) -> None:
        if not interval_s > 0:
            raise SensorConfigurationError(
                f"a reading every {interval_s} s cannot be; give an interval above 0"
            )
        self._clock = clock
        self._interval_ns = round(interval_s * NS_PER_S)
        self.start()

    def start(self) -> None:
        """Let the first interval begin now."""
        self._next_ns = self._clock.now_ns() + self._interval_ns

    def wait(self) -> int:
        """Return at the next tick; the result is how many ticks were missed before it."""
        late_ns = self._clock.now_ns() - self._next_ns
        missed = max(0, late_ns // self._interval_ns)
        self._next_ns += missed * self._interval_ns
        self._clock.sleep_until_ns(self._next_ns)
        self._next_ns += self._interval_ns
        return int(missed)
