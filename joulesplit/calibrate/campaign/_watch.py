"""What comes after a window, before anything of ours is written: does the work really end?

What lasts through the settling or comes later is in no window's energy, and where it falls into
an idle it is taken off another's. After some of the longest windows of each kind the device is
left alone for longer, and what it still draws above its last level is kept with the window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import inf

import msgspec
import numpy as np

from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.sampling import Sampler
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.protocols import Clock

WATCH_S = 1.5
"""A window is watched for so long after its end, s, or for twice the idle of a side."""

LEVEL_SHARE = 1 / 3
"""The last part of that is the level that the rest is held against."""

FIRST_WATCHED = {"compute": 10, "whole": 2, "head": 2, "upload": 4, "download": 2}
"""The first so many long windows of a kind are watched."""

LATER_EVERY = 4
"""After them it is one in so many: what is late is then known the better the longer a campaign
measures, and not from its coolest part alone."""

LONG_SHARE = 0.9
"""Only windows of so much of the longest work are: what is late shows most there."""


def watched_s(idle_s: float) -> float:
    """Return how long a window is watched for, s.

    Args:
        idle_s: Idle on a side of a window, s.
    """
    return max(WATCH_S, 2 * idle_s)


def watched_of(kind: str, long_windows: int) -> int:
    """Return how many of the first long windows of a kind are watched.

    Args:
        kind: Of the windows.
        long_windows: How many there are.
    """
    first = min(long_windows, FIRST_WATCHED[kind])
    return first - (first - long_windows) // LATER_EVERY


class LateWatch:
    """A watch over what comes after long windows of each kind of a run.

    Args:
        plan: Of the campaign.
    """

    def __init__(self, plan: Plan) -> None:
        self._watch_s = watched_s(plan.timing.idle_s)
        longest_s = {"upload": max(plan.upload_lengths_s), "download": max(plan.upload_lengths_s)}
        self._long_s = {
            kind: LONG_SHARE * longest_s.get(kind, max(plan.work_s)) for kind in FIRST_WATCHED
        }
        self._seen: Counter[str] = Counter()

    def expected_s(self, to_come: Iterable[tuple[str, float]]) -> float:
        """Return how long windows to come will be watched for in all, s.

        Args:
            to_come: Kind of each and how long it works, s.
        """
        seen = Counter(self._seen)
        seen.update(kind for kind, work_s in to_come if work_s >= self._long_s.get(kind, inf))
        return self._watch_s * sum(
            watched_of(kind, seen[kind]) - watched_of(kind, self._seen[kind])
            for kind in FIRST_WATCHED
        )

    def over(self, record: WindowRecord, clock: Clock, sampler: Sampler) -> WindowRecord:
        """Watch on after a window if it is one of those; return it with what came late."""
        kind = record.task.kind
        if kind not in FIRST_WATCHED or record.work_s < self._long_s[kind]:
            return record
        before = watched_of(kind, self._seen[kind])
        self._seen[kind] += 1
        if watched_of(kind, self._seen[kind]) == before:
            return record
        until_ns = clock.now_ns() + round(self._watch_s * 1e9)
        clock.sleep_until_ns(until_ns)
        after = sampler.trace_until(until_ns)
        level_ns = until_ns - round(LEVEL_SHARE * self._watch_s * 1e9)
        last, soon = after.between(level_ns, until_ns), after.between(0, level_ns)
        if not len(last) or not len(soon):
            return record
        level_w = float(np.average(last.power_w, weights=last.durations_s))
        late_j = float(np.sum((soon.power_w - level_w) * soon.durations_s))
        idle_j = (record.idle_power_w + record.idle_step_w / 2 - level_w) * record.idle_s / 2
        return msgspec.structs.replace(
            record, late_j=late_j + idle_j, quiet_s=record.quiet_s + self._watch_s
        )
