"""Ways in which work draws something later, and what was told of one of them. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, hypot
from typing import Literal

import numpy as np

from joulesplit.calibrate.windows import Rest, WindowKind
from joulesplit.metrology import Array, effective_degrees_of_freedom

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

    def mean(self, start_s: Array, end_s: Array, work_s: float) -> Array:
        """Return the mean over stretches of time after work, relative to what it would come to.

        Args:
            start_s: When each stretch begins, s after the work, shape (n,).
            end_s: When it ends likewise.
            work_s: How long the work went on, s.
        """
        if not self.fades:
            return np.clip((self.seconds - start_s) / (end_s - start_s), 0.0, 1.0)
        left = np.exp(-start_s / self.seconds) - np.exp(-end_s / self.seconds)
        reached = 1 - exp(-work_s / self.seconds)
        late: Array = reached * self.seconds * left / (end_s - start_s)
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
        apart: By what both uncertainties are wider since measurements of it disagree; 1 if none do.
    """

    share: float
    u: float
    degrees_of_freedom: float
    u_independent: float
    independent_freedom: float
    apart: float = 1.0

    @property
    def stands_out(self) -> float:
        """By how many of its uncertainties it differs from nothing, before they were widened."""
        return abs(self.share) / self.u * self.apart if self.u > 0 else 0.0


def above_last_w(rest: Rest) -> float:
    """Return the power of the work before a rest above the last level of it, W."""
    return rest.work_power_w - float(np.mean(rest.power_w[-len(rest.power_w) // 3 :]))


def together(first: ToldShare, second: ToldShare) -> ToldShare:
    """Return what two measurements of one share come to, each for what it is known to.

    Where they differ by more than their uncertainties, both are taken to be known less well by
    that factor (Birge, 1932). What is known without limit is left as it is.
    """
    if not min(first.u, second.u) > 0:
        return min(first, second, key=lambda one: one.u)
    differ = abs(first.share - second.share)
    u, share = _pooled_u(first.u, second.u, differ), _pooled(first, second)
    weight = (u / first.u) ** 2, (u / second.u) ** 2
    return ToldShare(
        share=share,
        u=u,
        degrees_of_freedom=effective_degrees_of_freedom(
            (
                (weight[0] * first.u, first.degrees_of_freedom),
                (weight[1] * second.u, second.degrees_of_freedom),
            )
        ),
        u_independent=_pooled_u(first.u_independent, second.u_independent, differ),
        independent_freedom=first.independent_freedom + second.independent_freedom,
        apart=max(1.0, differ / hypot(first.u, second.u)),
    )


def _pooled(first: ToldShare, second: ToldShare) -> float:
    return (first.share * second.u**2 + second.share * first.u**2) / (first.u**2 + second.u**2)


def _pooled_u(first_u: float, second_u: float, differ: float) -> float:
    both_u = hypot(first_u, second_u)
    return first_u * second_u / both_u * max(1.0, differ / both_u)
