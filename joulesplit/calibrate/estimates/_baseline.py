"""Gross energies of all windows at one and the same idle power. Pure.

Gross energy holds the idle power of its own moment, and that moves while a device is measured:
heat drives leakage, and rounds of uploads leave the board cooler than rounds of inferences.
Taken as they are, E_d and E_c gross of one profile would belong to different temperatures. Every
window is therefore brought to the profile's own P_0, by the smooth course of the idle power (a
window's own idle power is too noisy for that). Net energies do not change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import hypot

import numpy as np
from numpy.polynomial import Legendre

from joulesplit.calibrate.estimates._slow_noise import flicker_of
from joulesplit.calibrate.estimates._stats import mean_of_batches
from joulesplit.calibrate.estimates._uncertainty import Estimate
from joulesplit.calibrate.windows import Observation, WindowKind, WindowRecord
from joulesplit.metrology import Array, effective_degrees_of_freedom

WINDOWS_PER_DEGREE = 15
"""The course may bend once more for so many windows."""

HIGHEST_DEGREE = 8


def course_degree(windows: int) -> int:
    """Return how often the course of so many windows may bend."""
    return min(HIGHEST_DEGREE, windows // WINDOWS_PER_DEGREE)


def idle_departures_w(records: Sequence[WindowRecord]) -> Array:
    """Return how far the smooth course of the idle power lies above its mean, W, shape (n,).

    Args:
        records: Every window, in order of time.
    """
    idle = np.array([record.idle_power_w for record in records], dtype=np.float64)
    when = np.array([record.started_ns for record in records], dtype=np.float64)
    degree = course_degree(len(records))
    if degree == 0 or when.max() == when.min():
        return np.zeros_like(idle)
    course = np.asarray(Legendre.fit(when, idle, degree)(when), dtype=np.float64)
    departures: Array = course - course.mean()
    return departures


def observations_at_common_idle(
    records: Sequence[WindowRecord], *kinds: WindowKind
) -> list[Observation]:
    """Return windows as the fits see them, their gross energy at the mean idle power.

    Args:
        records: Every window of the campaign, in order of time.
        kinds: Of the windows wanted.
    """
    departures = idle_departures_w(records) if records else ()
    idle_w = float(np.mean([record.idle_power_w for record in records])) if records else 0.0
    return [
        replace(
            record.observation,
            gross_j=record.gross_j - float(above_w) * record.work_s,
            stated_idle_w=idle_w,
        )
        for record, above_w in zip(records, departures, strict=True)
        if record.task.kind in kinds
    ]


def idle_estimate(records: Sequence[WindowRecord]) -> Estimate:
    """Return P_0, W: the mean of the local idle powers of all windows.

    The smooth course of the campaign (the board warms up) is part of the figure; the scatter
    around it makes it uncertain. So does noise that is slower than the windows, where there is
    any (``joulesplit.calibrate.estimates._slow_noise``).

    Raises:
        EstimateError: Too few windows to tell their scatter.
    """
    idle_w = np.array([record.idle_power_w for record in records], dtype=np.float64)
    mean = mean_of_batches(idle_w, idle_departures_w(records), course_degree(len(records)) + 1)
    estimate = Estimate(
        value=mean.value,
        u_stat=mean.u_stat,
        degrees_of_freedom=mean.degrees_of_freedom,
        n=len(records),
    )
    flicker = flicker_of(idle_w)
    if flicker is None:
        return estimate
    lasted_s = (records[-1].started_ns - records[0].started_ns) * 1e-9 + records[-1].span_s
    return _widened(estimate, flicker.mean_u(lasted_s), flicker.degrees_of_freedom)


def at_idle(gross: Estimate, duration_s: float, idle: Estimate) -> Estimate:
    """Return a gross energy with the uncertainty of the idle power that it is stated at.

    What the windows have in common, a P_0 that is a little too high or low, does not show in
    their scatter.

    Args:
        gross: Energy at the mean idle power of the windows, J.
        duration_s: How long that idle power lasts in it, s.
        idle: P_0, W.
    """
    return _widened(gross, idle.u_stat * duration_s, idle.degrees_of_freedom)


def _widened(estimate: Estimate, u: float, degrees_of_freedom: float) -> Estimate:
    """Return an estimate with one more independent part of its scatter."""
    if not u:
        return estimate
    parts = [(estimate.u_stat, estimate.degrees_of_freedom), (u, degrees_of_freedom)]
    return replace(
        estimate,
        u_stat=hypot(estimate.u_stat, u),
        degrees_of_freedom=effective_degrees_of_freedom(parts, 0.0),
    )
