"""The real clock."""

from __future__ import annotations

import time

NS_PER_S = 1_000_000_000


class MonotonicClock:
    """CLOCK_MONOTONIC, the clock that every process of one boot shares."""

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC, ns."""
        return time.monotonic_ns()

    def raw_ns(self) -> int:
        """Return CLOCK_MONOTONIC_RAW, which NTP does not slew, ns."""
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)

    def suspended_ns(self) -> int:
        """Return for how long CLOCK_MONOTONIC stood still, at least, ns: CLOCK_BOOTTIME did not.

        What passes between the two reads cannot be taken for a suspension.
        """
        with_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return with_ns - time.monotonic_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at ``t_ns`` or as soon after it as the system allows."""
        while (left_ns := t_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / NS_PER_S)
