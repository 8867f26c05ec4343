"""What the idle powers of windows tell of what work before them draws late. Pure.

Windows stand close together, and what one of them draws late raises the idle power of those that
follow. By how much follows from what was run before, which is known: of work whose share s comes
late, s times its power, later, is in every idle stretch of the campaign. That is one straight line
through hundreds of idle powers, where a rest tells the same from one course of power alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, inf, sqrt

import numpy as np

from joulesplit.calibrate.estimates._baseline import course_degree
from joulesplit.calibrate.estimates._late_shape import (
    RESTED,
    RestedWork,
    ToldShare,
    above_last_w,
)
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.metrology import Array, beyond_rounding

FEWEST_FITTED_WINDOWS = 20
"""Of fewer it is not told what their idle powers follow beside late work."""

WARMTH_S = (30.0, 90.0)
"""Time constants of warmth that follows all work alike and is taken off, s: a board's are longer
than what is looked for, and the smooth course of the campaign is too slow for these."""

OTHERS_S = (2.0, 8.0)
"""What other kinds of work leave is taken off as fading with these, s."""

LONGEST_KEPT = 0.95
"""Beyond it idle powers tell nothing but their own noise."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A stretch of time in which nothing ran, or one kind of work."""

    start_s: float
    end_s: float
    power_w: float
    work: RestedWork | None


class LateHistory:
    """What was run and what was drawn idle in a campaign, in order of time.

    Args:
        records: Every window.
    """

    def __init__(self, records: Sequence[WindowRecord]) -> None:
        self._windows = len(records)
        self._works = [work for work in RESTED if any(_work_of(r) == work for r in records)]
        stretches = sorted(_stretches(records), key=lambda part: part.start_s)
        self._idle = [part for part in stretches if part.work is None]
        self._busy = [part for part in stretches if part.work is not None]
        self._starts_s = np.array([part.start_s for part in self._idle])
        self._known: dict[float, Mapping[RestedWork, Array]] = {}

    def told(self, work: RestedWork, seconds: float) -> ToldShare | None:
        """Return what share of work the idle powers tell to fade away; None if they tell nothing.

        Taken off first is what they follow beside it: the smooth course of the campaign, warmth,
        what was run before the first window, and what other kinds of work leave. What is over at
        once, after a time, is not looked for: of several such each alone would stand out clearly,
        for less than they come to together.

        Args:
            work: That comes late.
            seconds: Time constant, s.
        """
        if self._windows < FEWEST_FITTED_WINDOWS or work not in self._works:
            return None
        beside, _ = np.linalg.qr(self._beside(work, seconds))
        power_w = np.array([part.power_w for part in self._idle])
        observed = beyond_rounding(power_w - beside @ (beside.T @ power_w), power_w)
        late_w = self._fading(seconds)[work]
        looked_for = beyond_rounding(late_w - beside @ (beside.T @ late_w), late_w)
        squares = float(looked_for @ looked_for)
        if squares <= 0 or not observed.any():
            return None
        share = float(looked_for @ observed) / squares
        left = observed - share * looked_for
        freedom = len(left) - beside.shape[1] - 1
        return _told(share, left, squares, freedom) if freedom > 0 else None

    def _beside(self, work: RestedWork, seconds: float) -> Array:
        when = np.linspace(-1.0, 1.0, len(self._idle))
        course = np.polynomial.legendre.legvander(when, max(1, course_degree(self._windows)))
        columns = [*course.T, np.exp((self._starts_s[0] - self._starts_s) / seconds)]
        for warmth_s in WARMTH_S:
            columns.append(np.sum([*self._fading(warmth_s).values()], axis=0))
        for other in self._works:
            columns += [self._fading(s)[other] for s in OTHERS_S if other != work]
        lengths = [float(np.linalg.norm(column)) for column in columns]
        return np.column_stack([c / n for c, n in zip(columns, lengths, strict=True) if n > 0])

    def _fading(self, seconds: float) -> Mapping[RestedWork, Array]:
        """Return what each kind of work would leave in each idle stretch if all came late, W."""
        if seconds not in self._known:
            self._known[seconds] = {work: self._faded_w(work, seconds) for work in self._works}
        return self._known[seconds]

    def _faded_w(self, work: RestedWork, seconds: float) -> Array:
        """Follow what is left to come from one stretch to the next; it fades in between."""
        late_w, left_w, now_s = [], 0.0, -inf
        parts = [p for p in (*self._busy, *self._idle) if p.work in (work, None)]
        for part in sorted(parts, key=lambda part: part.start_s):
            lasted_s = part.end_s - part.start_s
            left_w *= exp(-max(0.0, part.start_s - now_s) / seconds)
            kept = exp(-lasted_s / seconds)
            if part.work is None:
                late_w.append(left_w * seconds * (1 - kept) / lasted_s)
                left_w *= kept
            else:
                left_w = left_w * kept + part.power_w * (1 - kept)
            now_s = part.end_s
        return np.array(late_w)


def _told(share: float, left: Array, squares: float, freedom: int) -> ToldShare:
    """Return a share with what the idle powers leave: they stay for several stretches together."""
    kept = float(left[1:] @ left[:-1]) / float(left @ left)
    kept = min(LONGEST_KEPT, max(0.0, kept))
    told_by = (1 - kept) / (1 + kept)
    u = sqrt(float(left @ left) / freedom / squares / told_by)
    # Hundreds of idle powers tell how long their noise stays, which a rest hardly does.
    return ToldShare(
        share=share,
        u=u,
        degrees_of_freedom=max(1.0, freedom * told_by),
        u_independent=u,
        independent_freedom=max(1.0, freedom * told_by),
    )


def _work_of(record: WindowRecord) -> RestedWork:
    """Return which kind of work a window is of; what is no transfer is computing."""
    found = [work for work, kinds in RESTED.items() if record.task.kind in kinds]
    return found[0] if found else "computing"


def _stretches(records: Sequence[WindowRecord]) -> Iterable[_Stretch]:
    """Yield the idle sides and the work of each window, and the blocks of work before rests."""
    for record in records:
        work, side_s = _work_of(record), record.idle_s / 2
        start_s = record.started_ns * 1e-9
        begins_s = start_s + side_s
        ends_s = begins_s + record.work_s
        settled_s = ends_s + record.settle_s
        if record.rest is not None:
            yield _block_before(record, start_s)
        # The idle power is at the middle of the work, on the straight line through both sides.
        apart_s = side_s + record.work_s + record.settle_s
        before_w = record.idle_power_w - record.idle_step_w * (side_s + record.work_s) / 2 / apart_s
        yield _Stretch(start_s, begins_s, before_w, None)
        if record.work_s > 0:
            yield _Stretch(begins_s, ends_s, record.net_j / record.work_s, work)
        yield _Stretch(settled_s, settled_s + side_s, before_w + record.idle_step_w, None)


def _block_before(record: WindowRecord, start_s: float) -> _Stretch:
    """Return the block of work of a rest; the rest is over when the window's waiting begins."""
    rest = record.rest
    assert rest is not None
    about_s = start_s - record.waited_s - rest.bin_s * len(rest.power_w)
    over_s = rest.work_ended_ns * 1e-9 or about_s
    return _Stretch(over_s - rest.work_s, over_s, above_last_w(rest), _work_of(record))
