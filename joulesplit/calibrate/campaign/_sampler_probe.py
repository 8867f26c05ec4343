"""What reading the sensor costs the device: powers as it is read, and with more of it.

The sampler runs in idle and work alike. What it takes is in no net energy only if it takes the
same in both, and a sleeping core that it wakes is not a busy one that it borrows. So in the block
of work before a rest, and at the end of the rest, readings are rehearsed in every other part: what
more of it costs tells what it costs, in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from joulesplit.calibrate.estimates import RESTED
from joulesplit.calibrate.sampling import Sampler, Trace
from joulesplit.calibrate.windows import SamplerProbe, WindowKind
from joulesplit.calibrate.workloads import Workload
from joulesplit.drivers.protocols import Clock

REHEARSALS = 2
"""Readings that are rehearsed between two: few enough for a slow bus and for the clocks to stay."""

ORDER = (False, True, True, False, True, False, False, True)
"""In which parts. Neither a drift nor one that bends makes a difference between the two."""

IDLE_PART_S = 1.0
"""Length of a part at rest, s."""

PROBED_S = IDLE_PART_S * len(ORDER)
"""Of a rest, at its end."""

LEAST_EFFORT = 1.5
"""With less than this times the usual effort, what reading costs is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A stretch of time: which, with or without, and the CPU time that the sampler took in it."""

    rehearsed: bool
    start_ns: int
    end_ns: int
    cpu_s: float | None


class SamplerProbing:
    """A block of work and a rest in parts, in every other of which readings are rehearsed.

    Args:
        clock: Of the work.
        sampler: Running sampler.
    """

    def __init__(self, clock: Clock, sampler: Sampler) -> None:
        self._clock, self._sampler = clock, sampler
        self._able = True
        self._worked: list[_Part] = []
        self._rested: list[_Part] = []
        self.idle_w: tuple[float, ...] = ()
        """Mean power of each part of the rest, W; none where it was not probed or one has none."""

    def work(self, workload: Workload, repetitions: int) -> tuple[int, int]:
        """Run a workload so often in all; return when it began and ended, ns.

        Fewer repetitions than there are parts tell nothing, and are run at once.
        """
        parts = len(ORDER) if repetitions >= len(ORDER) else 1
        ends = [repetitions * number // parts for number in range(parts + 1)]
        for rehearsed, (begin, end) in zip(ORDER, pairwise(ends), strict=False):
            with self._part(self._worked, rehearsed=rehearsed):
                workload.run(end - begin)
        return self._worked[0].start_ns, self._worked[-1].end_ns

    def rest_s(self, kind: WindowKind) -> float:
        """Return how long the end of a rest is to be probed, s; none where that tells nothing.

        What reading costs at rest is the same whatever ran before: after computing is enough.

        Args:
            kind: Of work, which has been run.
        """
        return PROBED_S if self._tells and kind in RESTED["computing"] else 0.0

    @property
    def _tells(self) -> bool:
        """Whether the sensor can rehearse and the work had as many parts as that takes."""
        return self._able and len(self._worked) == len(ORDER)

    def rest(self) -> Trace:
        """Probe the device at rest for ``PROBED_S``; return what was read."""
        for rehearsed in ORDER:
            with self._part(self._rested, rehearsed=rehearsed):
                self._clock.sleep_until_ns(self._clock.now_ns() + round(IDLE_PART_S * 1e9))
        trace = self._sampler.trace_until(self._clock.now_ns())
        self.idle_w = _powers_w(trace, self._rested)
        return trace

    def found(self, work: Trace) -> SamplerProbe | None:
        """Return what reading costs; None if that was not told.

        Args:
            work: What was read during the work.
        """
        if not self._tells:
            return None
        work_w, effort = _powers_w(work, self._worked), _effort([*self._worked, *self._rested])
        if not work_w or effort < LEAST_EFFORT:
            return None
        return SamplerProbe(
            rehearsed=ORDER, effort=effort, work_power_w=work_w, idle_power_w=self.idle_w
        )

    @contextmanager
    def _part(self, parts: list[_Part], *, rehearsed: bool) -> Iterator[None]:
        """Have what is done in the block be one part more."""
        start_ns, before_s = self._clock.now_ns(), self._sampler.cpu_s()
        if rehearsed:
            self._able &= self._sampler.rehearse(REHEARSALS, start_ns)
        try:
            yield
        finally:
            end_ns, after_s = self._clock.now_ns(), self._sampler.cpu_s()
            if rehearsed:
                self._sampler.rehearse(0, end_ns)
        took_s = None if before_s is None or after_s is None else after_s - before_s
        parts.append(_Part(rehearsed=rehearsed, start_ns=start_ns, end_ns=end_ns, cpu_s=took_s))


def without_rehearsals(
    power_w: Sequence[float], bin_s: float, parts_w: Sequence[float], from_s: float
) -> tuple[float, ...]:
    """Return the course of a rest without what rehearsing took, W.

    Args:
        power_w: Mean power of each bin.
        bin_s: Length of a bin, s.
        parts_w: Mean power of each part that was probed, W; none if none was.
        from_s: When the first of these began, s after the first bin.
    """
    if not parts_w:
        return tuple(power_w)
    rehearsed = np.array(ORDER)
    more_w = np.mean(np.array(parts_w)[rehearsed]) - np.mean(np.array(parts_w)[~rehearsed])
    ends_s = IDLE_PART_S * np.arange(len(ORDER) + 1)
    rehearsed_s = np.concatenate([[0.0], np.cumsum(rehearsed)]) * IDLE_PART_S
    edges_s = bin_s * np.arange(len(power_w) + 1) - from_s
    inside_s = np.diff(np.interp(edges_s, ends_s, rehearsed_s))
    return tuple((np.array(power_w) - more_w * inside_s / bin_s).tolist())


def _powers_w(trace: Trace, parts: Sequence[_Part]) -> tuple[float, ...]:
    """Return the mean power of each part, W; none if one has no reading of its own."""
    inside = [trace.between(part.start_ns, part.end_ns) for part in parts]
    if not all(len(one) for one in inside):
        return ()
    return tuple(float(np.average(one.power_w, weights=one.durations_s)) for one in inside)


def _effort(parts: Sequence[_Part]) -> float:
    """Return what the sampler did where it rehearsed over what it does, by CPU time if known."""
    spent_s, lasted_s = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    for part in parts:
        spent_s[part.rehearsed] += part.cpu_s or 0.0
        lasted_s[part.rehearsed] += (part.end_ns - part.start_ns) * 1e-9
    if not spent_s[False]:
        return 1.0 + REHEARSALS
    return spent_s[True] / lasted_s[True] / (spent_s[False] / lasted_s[False])
