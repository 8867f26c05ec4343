"""Announced stretches of load, added up over intervals that follow each other."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import pairwise

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

    def energies_w_ns(self, edges_ns: Sequence[int]) -> list[float]:
        """Return the energies of all segments over intervals that follow each other, W·ns.

        What ended before the last interval is forgotten.

        Args:
            edges_ns: Where the intervals begin, and where the last one ends, ns.
        """
        waiting, active, end_ns = self._waiting, self._active, edges_ns[-1]
        while waiting and waiting[0][0] < end_ns:
            active.append(waiting.popleft())
        energies_w_ns = [0.0] * (len(edges_ns) - 1)
        durations_ns = [t1_ns - t0_ns for t0_ns, t1_ns in pairwise(edges_ns)]
        for segment in active:
            start_ns, until_ns, power_w = segment
            if start_ns <= edges_ns[0] and until_ns >= end_ns:
                energies_w_ns = [
                    energy_w_ns + power_w * duration_ns
                    for energy_w_ns, duration_ns in zip(energies_w_ns, durations_ns, strict=True)
                ]
            else:
                _add_to_each(energies_w_ns, edges_ns, segment)
        self._active = [segment for segment in active if segment[1] > edges_ns[-2]]
        return energies_w_ns


def _add_to_each(energies_w_ns: list[float], edges_ns: Sequence[int], segment: Segment) -> None:
    """Add to each interval what a segment takes in it that begins or ends among them."""
    start_ns, end_ns, power_w = segment
    number = max(0, bisect_right(edges_ns, start_ns) - 1)
    while number < len(energies_w_ns) and (begin_ns := edges_ns[number]) < end_ns:
        # Compared by hand: min and max cost more than all the rest of it.
        from_ns = start_ns if start_ns > begin_ns else begin_ns
        number += 1
        until_ns = end_ns if end_ns < edges_ns[number] else edges_ns[number]
        energies_w_ns[number - 1] += power_w * (until_ns - from_ns)
