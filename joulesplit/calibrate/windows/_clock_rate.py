"""How fast the clock of the readings runs against one that nobody slews."""

from __future__ import annotations

from joulesplit.drivers.protocols import Clock, RawClock

CLOCK_LOOKS = 3
"""The two clocks are read so often, and the closest pair is taken: a process may be held up."""


def clock_pair(clock: Clock) -> tuple[int, int] | None:
    """Return CLOCK_MONOTONIC and CLOCK_MONOTONIC_RAW of one moment, ns; None without the latter."""
    if not isinstance(clock, RawClock):
        return None
    pairs = []
    for _ in range(CLOCK_LOOKS):
        before_ns, now_ns, after_ns = clock.raw_ns(), clock.now_ns(), clock.raw_ns()
        pairs.append((after_ns - before_ns, now_ns, (before_ns + after_ns) // 2))
    _, now_ns, raw_ns = min(pairs)
    return now_ns, raw_ns


def rate_since(began: tuple[int, int] | None, clock: Clock) -> float | None:
    """Return how much faster CLOCK_MONOTONIC ran than the other one since a moment, relative.

    Args:
        began: From ``clock_pair``.
        clock: The same.
    """
    ended = clock_pair(clock)
    if began is None or ended is None or ended[1] <= began[1]:
        return None
    return (ended[0] - began[0]) / (ended[1] - began[1]) - 1
