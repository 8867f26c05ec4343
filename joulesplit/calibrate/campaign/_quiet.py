"""How long our own writing and drawing is waited for before a window's idle begins.

Between two windows a line goes to the disk and the progress is drawn. A card, a radio that carries
the terminal, or the processor may stay awake after that, and what they draw would be taken for
idle. The first windows are therefore waited for long, under the sensor; what it saw tells how
long the others need.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from joulesplit.calibrate.sampling import Sampler, Trace
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.protocols import Clock
from joulesplit.metrology import Array

LONGEST_S = 0.8
"""The first windows are waited for so long, s, or for twice the idle of a side if that is more:
a card or a radio that is awake for longer cannot be told from idle, and the steps of the idle
power have to (check ``settled-after-…``)."""

WATCHED_WINDOWS = 6
"""So many windows are waited for long before the wait is made as short as they allow."""

WAIT_STEPS = 50
"""So finely the longest wait is looked at."""

BESIDE_CHANCE = 3.0
"""Standard uncertainties of the mean that the power may lie beside its last level."""

MARGIN = 1.5
"""The wait is so much longer than what was seen to last: what dies away leaves something."""


def longest_wait_s(idle_s: float) -> float:
    """Return how long the first windows are waited for, s.

    Args:
        idle_s: Idle on a side of a window, s.
    """
    return max(LONGEST_S, 2 * idle_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watched:
    """The power after one window's housekeeping, above its window's idle."""

    ends_s: Array
    power_w: Array
    durations_s: Array

    def mean_w(self, from_s: float, until_s: float) -> float:
        """Return the mean power of the readings that end in a stretch, W; 0 without any."""
        inside = (self.ends_s - self.durations_s >= from_s) & (self.ends_s <= until_s)
        if not inside.any():
            return 0.0
        return float(np.average(self.power_w[inside], weights=self.durations_s[inside]))


class QuietTime:
    """The wait before a window's idle, learnt from the first windows of a run.

    Args:
        idle_s: Idle on a side of a window, s.
    """

    def __init__(self, idle_s: float) -> None:
        self._idle_s = idle_s
        self._longest_s = longest_wait_s(idle_s)
        self._watched: list[_Watched] = []
        self.wait_s = self._longest_s

    def expected_s(self, windows: int) -> float:
        """Return about how long will be waited before so many windows, s.

        Until it is known how long the later ones need they are taken to need nothing.
        """
        to_watch = WATCHED_WINDOWS - len(self._watched)
        return self.wait_s * (min(windows, to_watch) if to_watch else windows)

    def keep(self, clock: Clock, sampler: Sampler) -> Trace:
        """Wait; return what the sensor read meanwhile, which belongs to no window."""
        over_ns = clock.now_ns()
        sampler.trace_until(over_ns)
        clock.sleep_until_ns(over_ns + round(self.wait_s * 1e9))
        return sampler.trace_until(clock.now_ns())

    def learn(self, after: Trace, record: WindowRecord) -> None:
        """Take note of what followed the housekeeping before a window.

        Args:
            after: From ``keep``.
            record: The window.
        """
        if len(self._watched) == WATCHED_WINDOWS or not len(after):
            return
        level_w = record.idle_power_w - record.idle_step_w / 2
        self._watched.append(
            _Watched(
                ends_s=np.asarray((after.records["t_ns"] - after.start_ns) * 1e-9),
                power_w=after.power_w - level_w,
                durations_s=after.durations_s,
            )
        )
        if len(self._watched) == WATCHED_WINDOWS:
            self.wait_s = min(self._longest_s, MARGIN * self._lasting_s())

    def _lasting_s(self) -> float:
        """Return until when the power was seen beside its level, s."""
        starts_s = np.linspace(0.0, self._longest_s - self._idle_s, WAIT_STEPS)
        means_w = np.array(
            [[w.mean_w(s, s + self._idle_s) for s in starts_s] for w in self._watched]
        )
        # Every stretch scatters alike, so that together they tell the scatter.
        scatter_w = sqrt(float(means_w.var(axis=0, ddof=1).mean()) / WATCHED_WINDOWS)
        beside = np.abs(means_w.mean(axis=0)) > BESIDE_CHANCE * scatter_w
        if not beside.any():
            return 0.0
        return float([*starts_s[1:], self._longest_s][beside.nonzero()[0][-1]])
