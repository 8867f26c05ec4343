"""Refresh period, delay and time constant from what a sensor showed of steps of load. Pure.

The model is a straight line of idle power and, on top of it, the load that was made, d later and
behind a low-pass filter of first order (τ), each reading the mean over its time. Sources that a
model of two numbers does not describe leave a residual, and are told by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, sqrt

import numpy as np

from joulesplit.calibrate.sampling import Trace
from joulesplit.metrology import Array

LATEST_S = 4.0
"""Longest delay that is looked for, s; the steps do not repeat themselves within it."""

SLOWEST_S = 10.0
"""Longest time constant that is looked for, s."""

DELAYS, TIME_CONSTANTS, REFINEMENTS = 48, 14, 3
"""So finely delay and time constant are looked for, and so often again around the best."""

FITTED = 5
"""Numbers that are fitted: a straight line, the step, delay and time constant."""

CHI2_999 = 13.8
"""99.9 % of the values of χ² with two degrees of freedom are below."""

FEWEST_CHANGES = 6
"""So many changes of the value at least tell a refresh period."""

REGULAR_SHARE = 0.6
"""Changes are a clock's if none follows the one before within this share of their mean distance.
Of values that change by chance, n times, exp(−0.6·n) look so; after a step that is shorter than
the idle around it, none do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorResponse:
    """How a sensor follows the load.

    Attributes:
        step_w: What the load added, W.
        step_u_w: Its standard uncertainty, W.
        residual_w: Standard deviation of the readings from the best model, W.
        refresh_s: Time from one new value to the next, s.
        delay_s: From a step until it shows, s.
        time_constant_s: Of a low-pass filter of first order, s.
        compatible: Delays and time constants, s, that the readings do not tell from the best ones.
    """

    step_w: float
    step_u_w: float
    residual_w: float
    refresh_s: float
    delay_s: float
    time_constant_s: float
    compatible: tuple[tuple[float, float], ...]

    @property
    def signal(self) -> float:
        """The step over its standard uncertainty, 1."""
        return self.step_w / self.step_u_w if self.step_u_w > 0 else 0.0

    @property
    def unexplained(self) -> float:
        """The residual over the step, 1; infinite without a step."""
        return self.residual_w / self.step_w if self.step_w > 0 else inf

    @property
    def least_delay_s(self) -> float:
        """The shortest delay that the readings allow, s."""
        return min(delay_s for delay_s, _ in self.compatible)

    def late_s(self, settle_s: float) -> float:
        """Return how much of a load comes after its settling, at least, as time at full load, s.

        Args:
            settle_s: From the end of the load, s.
        """
        return min(
            max(delay_s - settle_s, 0.0) + _left_s(time_constant_s, settle_s - delay_s)
            for delay_s, time_constant_s in self.compatible
        )


def _left_s(time_constant_s: float, after_s: float) -> float:
    """Return ∫ of what remains of a step, from a time after its end, s."""
    if time_constant_s == 0:
        return 0.0
    return time_constant_s * exp(-max(after_s, 0.0) / time_constant_s)


def fit_response(
    trace: Trace, busy_ns: Sequence[tuple[int, int]], cycle_s: float
) -> SensorResponse:
    """Return how a sensor followed steps of load.

    Args:
        trace: Its readings around them.
        busy_ns: From when until when the load was there, ns.
        cycle_s: Nominal time from one reading to the next, s.
    """
    refresh_s = refresh_period_s(trace, busy_ns, cycle_s)
    search = _ResponseModel(trace, busy_ns)
    found = search.around_best(-2 * cycle_s)
    best = min(found, key=lambda point: point[0])
    rss, delay_s, time_constant_s = best
    # Repeated values are no readings of their own.
    freedom = max(len(trace) * min(cycle_s / refresh_s, 1.0) - FITTED, 1.0)
    step_w, per_w2 = search.step(delay_s, time_constant_s)
    within = rss * (1 + CHI2_999 / freedom)
    return SensorResponse(
        step_w=step_w,
        step_u_w=sqrt(rss / freedom / per_w2) if per_w2 > 0 and rss > 0 else abs(step_w) * 1e-6,
        residual_w=sqrt(rss / max(len(trace) - FITTED, 1)),
        refresh_s=refresh_s,
        delay_s=delay_s,
        time_constant_s=time_constant_s,
        compatible=tuple((d, tau) for each, d, tau in found if each <= within),
    )


def refresh_period_s(trace: Trace, busy_ns: Sequence[tuple[int, int]], cycle_s: float) -> float:
    """Return the time from one new value to the next, s; the cycle where none shows.

    Values that stay because the power does change at odd times; those that a source renews by a
    clock of its own do so at even ones. Values without noise change at the edges of the load
    alone: so long after each as the source's clock happens to leave.

    Args:
        trace: Readings.
        busy_ns: From when until when the load was there, ns.
        cycle_s: Nominal time from one reading to the next, s.
    """
    words = np.stack([trace.records["voltage_v"], trace.records["current_a"]])
    changed = (np.diff(words) != 0).any(axis=0)
    times_s = (trace.records["t_ns"][1:][changed] - trace.start_ns) * 1e-9
    edges_s = [(edge - trace.start_ns) * 1e-9 for step in busy_ns for edge in step]
    return max(cycle_s, _by_its_clock(times_s) or _by_the_edges(times_s, edges_s))


def _by_its_clock(times_s: Array) -> float:
    """Return the period of changes that come at even times, s; 0 if they do not."""
    apart_s = np.diff(times_s)
    if len(apart_s) < FEWEST_CHANGES:
        return 0.0
    regular = float(apart_s.min()) >= REGULAR_SHARE * float(apart_s.mean())
    return float(np.median(apart_s)) if regular else 0.0


def _by_the_edges(times_s: Array, edges_s: Sequence[float]) -> float:
    """Return the period that the waits for a change after each edge are spread over, s.

    Waits are uniform over it, so that half of them lie within half of it; those for the next
    reading of a source without a clock of its own are uniform over a cycle.
    """
    next_change = np.searchsorted(times_s, edges_s)
    followed = next_change < len(times_s)
    if np.count_nonzero(followed) < FEWEST_CHANGES:
        return 0.0
    waits_s = times_s[next_change[followed]] - np.asarray(edges_s)[followed]
    early_s, late_s = np.quantile(waits_s, (0.25, 0.75))
    return float(2 * (late_s - early_s))


class _ResponseModel:
    """The model of a response, held against readings."""

    def __init__(self, trace: Trace, busy_ns: Sequence[tuple[int, int]]) -> None:
        origin_ns = trace.start_ns
        self._from_s: Array = np.asarray((trace.starts_ns - origin_ns) * 1e-9, dtype=np.float64)
        self._until_s: Array = np.asarray(
            (trace.records["t_ns"] - origin_ns) * 1e-9, dtype=np.float64
        )
        self._busy_s = [((a - origin_ns) * 1e-9, (b - origin_ns) * 1e-9) for a, b in busy_ns]
        line = np.stack([np.ones(len(trace)), self._until_s - self._until_s.mean()], axis=1)
        self._line, _ = np.linalg.qr(line)
        self._power_w = self._above_line(trace.power_w)

    def _above_line(self, values: Array) -> Array:
        return np.asarray(values - self._line @ (self._line.T @ values))

    def _shape(self, delay_s: float, time_constant_s: float) -> Array:
        """Return what each reading holds of a load of 1 W, W, without its straight line."""
        shape = np.zeros(len(self._from_s))
        for begun_s, ended_s in self._busy_s:
            for edge_s, sign in ((begun_s + delay_s, 1), (ended_s + delay_s, -1)):
                shape += sign * _mean_of_step(
                    self._from_s - edge_s, self._until_s - edge_s, time_constant_s
                )
        return self._above_line(shape)

    def step(self, delay_s: float, time_constant_s: float) -> tuple[float, float]:
        """Return the best step of a model, W, and what its weight is, 1."""
        shape = self._shape(delay_s, time_constant_s)
        weight = float(shape @ shape)
        return (float(shape @ self._power_w) / weight if weight > 0 else 0.0), weight

    def _rss(self, delay_s: float, time_constant_s: float) -> float:
        """Return what a model leaves of the squares, W²; a load that takes power away does not."""
        step_w, weight = self.step(delay_s, time_constant_s)
        return float(self._power_w @ self._power_w) - max(step_w, 0.0) ** 2 * weight

    def around_best(self, earliest_s: float) -> list[tuple[float, float, float]]:
        """Return (squares left, delay, time constant) over a grid that is finer near the best."""
        delays_s = np.linspace(earliest_s, LATEST_S, DELAYS)
        taus_s = np.concatenate(([0.0], np.geomspace(0.01, SLOWEST_S, TIME_CONSTANTS)))
        found: list[tuple[float, float, float]] = []
        for _ in range(1 + REFINEMENTS):
            found += [
                (max(self._rss(d, t), 0.0), float(d), float(t)) for d in delays_s for t in taus_s
            ]
            _, delay_s, tau_s = min(found)
            reach_s = float(delays_s[1] - delays_s[0])
            delays_s = np.linspace(delay_s - reach_s, delay_s + reach_s, 11)
            taus_s = np.concatenate(([0.0], np.linspace(0.7, 1.4, 8) * max(tau_s, 0.01)))
        return found


def _mean_of_step(from_s: Array, until_s: Array, time_constant_s: float) -> Array:
    """Return the mean of a filtered unit step at 0 over stretches of time, 1."""
    whole = _integral(until_s, time_constant_s) - _integral(from_s, time_constant_s)
    return np.asarray(whole / (until_s - from_s))


def _integral(t_s: Array, time_constant_s: float) -> Array:
    """Return ∫ of the response to a unit step at 0 until a time, s."""
    since_s = np.maximum(t_s, 0.0)
    if time_constant_s == 0:
        return since_s
    return np.asarray(since_s + time_constant_s * np.expm1(-since_s / time_constant_s))
