"""Ways in which work draws something later, and what was told of one of them. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from joulesplit.calibrate.windows import Rest, WindowKind
from joulesplit.metrology import Array

RestedWork = Literal["computing", "uploads", "downloads"]
"""Kinds of work, as rests tell them apart."""

RESTED: Mapping[RestedWork, tuple[WindowKind, ...]] = {
    "computing": ("compute", "head", "whole"),
    "uploads": ("upload",),
    "downloads": ("download",),
}
"""Work that the device is left alone after. The rest comes before a window of one of the kinds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateShape:
    """How what comes late goes on.

    Attributes:
        seconds: How long it lasts, or its time constant, s.
        fades: It dies away exponentially, as caches that are written back; else it is all there
            until it ends, as by a timer.
    """

    seconds: float
    fades: bool

    def __str__(self) -> str:
        """Return it in words."""
        return f"{'fading over' if self.fades else 'for'} some {self.seconds:g} s"

    def drawn_s(self, since_s: Array) -> Array:
        """Return what steady work has drawn late by some time, over the power that comes late, s.

        Args:
            since_s: Since the work began, s, any shape; before that it has drawn nothing.
        """
        since_s = np.maximum(since_s, 0.0)
        if not self.fades:
            return np.maximum(since_s - self.seconds, 0.0)
        late_s: Array = since_s + self.seconds * np.expm1(-since_s / self.seconds)
        return late_s

    def mean(self, start_s: Array, end_s: Array, work_s: float) -> Array:
        """Return the mean over stretches of time after work, relative to what it would come to.

        Args:
            start_s: When each stretch begins, s after the work, shape (n,).
            end_s: When it ends likewise.
            work_s: How long the work went on, s.
        """
        drawn_s = [self.drawn_s(at_s + work_s) - self.drawn_s(at_s) for at_s in (start_s, end_s)]
        late: Array = (drawn_s[1] - drawn_s[0]) / (end_s - start_s)
        return late


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldShare:
    """What was measured of the share of work's power that comes late in one way.

    Attributes:
        share: Of the power above idle, relative; below nought where the device drew less later.
        u: Its standard uncertainty.
        degrees_of_freedom: Behind ``u``.
        u_independent: What ``u`` were if noise did not stay as long as it is told to.
        independent_freedom: Degrees of freedom behind that.
    """

    share: float
    u: float
    degrees_of_freedom: float
    u_independent: float
    independent_freedom: float

    @property
    def stands_out(self) -> float:
        """By how many of its uncertainties it differs from nothing."""
        return abs(self.share) / self.u if self.u > 0 else 0.0


def above_last_w(rest: Rest) -> float:
    """Return the power of the work before a rest above the last level of it, W."""
    return rest.work_power_w - float(np.mean(rest.power_w[-len(rest.power_w) // 3 :]))
