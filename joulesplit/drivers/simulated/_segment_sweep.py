"""Announced stretches of load, added up over intervals that follow each other."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable

from joulesplit.drivers.simulated._load_log import Segment


def overlap_w_ns(segments: Iterable[Segment], t0_ns: int, t1_ns: int) -> float:
    """Return the energy of all segments from ``t0_ns`` to ``t1_ns``, W·ns."""
    total = 0.0
    for start_ns, end_ns, power_w in segments:
        # Compared by hand: min and max cost more than all the rest of it.
        from_ns = start_ns if start_ns > t0_ns else t0_ns
        until_ns = end_ns if end_ns < t1_ns else t1_ns
        if until_ns > from_ns:
            total += power_w * (until_ns - from_ns)
    return total


class SegmentSweep:
    """Segments under intervals that begin in order of time; none is looked at before or after."""

    def __init__(self) -> None:
        self._waiting: deque[Segment] = deque()
        self._active: list[Segment] = []

    def add(self, segment: Segment) -> None:
        """Take in one more segment: start (ns), end (ns), power (W)."""
        waiting = self._waiting
        if not waiting or segment >= waiting[-1]:
            waiting.append(segment)
        else:
            insort(waiting, segment)

    def energy_w_ns(self, t0_ns: int, t1_ns: int) -> float:
        """Return the energy of all segments from ``t0_ns`` to ``t1_ns``, W·ns.

        What ended before ``t0_ns`` is forgotten.
        """
        waiting, active = self._waiting, self._active
        while waiting and waiting[0][0] < t1_ns:
            active.append(waiting.popleft())
        if not active:
            return 0.0
        self._active = [segment for segment in active if segment[1] > t0_ns]
        return overlap_w_ns(self._active, t0_ns, t1_ns)
