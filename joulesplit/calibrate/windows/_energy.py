"""Readings to joules: the energy of one idle - work - idle window. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import WindowError
from joulesplit.calibrate.sampling import Trace, cycle_of, lost_time_s
from joulesplit.calibrate.windows._hidden_power import hidden_power_w
from joulesplit.calibrate.windows._times import WindowTimes

MINIMUM_IDLE_READINGS = 4
"""Fewer readings on either side give no usable local idle power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowEnergy:
    """What one window cost.

    Attributes:
        gross_j: ∫P dt over the work, J.
        net_j: The same less the local idle power, J.
        tail_j: Net energy between the end of the work and ``settled_ns``, part of ``net_j``, J;
            None if no reading fits between.
        idle_power_w: Local idle power, from both sides, at the middle of the work, W.
        idle_step_w: Idle power after minus before, W.
        idle_s: Idle time behind ``idle_power_w``, s.
        work_s: Duration of the work, s.
        lost_s: Time in the window that no conversion was read for, s.
        peak_power_w: Largest reading, W.
        minimum_voltage_v: Smallest voltage reading, V.
        readings: Readings in the window.
        hidden_w: What mean voltage times mean current made of the work's power too much, W;
            already taken off ``gross_j`` and ``net_j``.
    """

    gross_j: float
    net_j: float
    tail_j: float | None
    idle_power_w: float
    idle_step_w: float
    idle_s: float
    work_s: float
    lost_s: float
    peak_power_w: float
    minimum_voltage_v: float
    readings: int
    hidden_w: float = 0.0


@dataclass(frozen=True, slots=True)
class _IdleSide:
    power_w: float
    middle_ns: float
    duration_s: float


def _idle_side(trace: Trace, start_ns: int, end_ns: int, side: str) -> _IdleSide:
    part = trace.between(start_ns, end_ns)
    if len(part) < MINIMUM_IDLE_READINGS:
        raise WindowError(
            f"only {len(part)} readings in the idle {side} the work "
            f"({(end_ns - start_ns) * 1e-9:.3f} s): lengthen the idle time or choose less averaging"
        )
    durations = part.durations_s
    power_w = float(np.average(part.power_w, weights=durations))
    return _IdleSide(power_w, (part.start_ns + part.end_ns) / 2, float(durations.sum()))


def _middles(trace: Trace) -> NDArray[np.float64]:
    """Return the middle of each reading's time, ns, shape (n,), float64."""
    return np.asarray((trace.starts_ns + trace.records["t_ns"]) / 2, dtype=np.float64)


def _tail_j(above_w: NDArray[np.float64], busy: Trace, times: WindowTimes) -> float | None:
    """Return the net energy of the settling; None if no reading lies wholly inside it.

    The reading that straddles the end of the work is left out, for it holds work of unknown
    share, and the mean of the others stands for its time.
    """
    inside = (busy.starts_ns >= times.work_end_ns) & (busy.records["t_ns"] <= times.settled_ns)
    if not inside.any():
        return None
    power_w = float(np.average(above_w[inside], weights=busy.durations_s[inside]))
    return power_w * (times.settled_ns - times.work_end_ns) * 1e-9


def window_energy(trace: Trace, times: WindowTimes) -> WindowEnergy:
    """Return the energy of the work in a window.

    The sum runs over every reading that shares time with the work or its settling, so both its
    ends lie in idle, where power above idle is nil: a reading that straddles the edge of the
    work is counted whole, and no edge has to be guessed. The local idle power is the straight
    line through the means of both sides, which removes a linear drift exactly.

    Args:
        trace: Readings that cover the window.
        times: When its parts began and ended.

    Returns:
        Gross and net energy, J, with what is needed to weigh and to judge them.

    Raises:
        WindowError: Too few idle readings on a side, or readings missing at an end.
    """
    before = _idle_side(trace, times.idle_start_ns, times.work_start_ns, "before")
    after = _idle_side(trace, times.settled_ns, times.idle_end_ns, "after")
    busy = trace.touching(times.work_start_ns, times.settled_ns)
    if not len(busy) or busy.end_ns < times.settled_ns:
        raise WindowError("the readings end before the window does: the sampler fell behind")
    slope_w_per_ns = (after.power_w - before.power_w) / (after.middle_ns - before.middle_ns)
    above_w = busy.power_w - before.power_w - slope_w_per_ns * (_middles(busy) - before.middle_ns)
    hidden_w = hidden_power_w(trace, times)
    net_j = float(np.sum(above_w * busy.durations_s)) - hidden_w * times.work_s
    idle_power_w = before.power_w + slope_w_per_ns * (times.work_middle_ns - before.middle_ns)
    whole = trace.touching(times.idle_start_ns, times.idle_end_ns)
    return WindowEnergy(
        gross_j=net_j + idle_power_w * times.work_s,
        net_j=net_j,
        tail_j=_tail_j(above_w, busy, times),
        idle_power_w=idle_power_w,
        idle_step_w=after.power_w - before.power_w,
        idle_s=before.duration_s + after.duration_s,
        work_s=times.work_s,
        lost_s=lost_time_s(busy, cycle_of(whole)),
        peak_power_w=float(whole.power_w.max()),
        minimum_voltage_v=float(whole.voltage_v.min()),
        readings=len(whole),
        hidden_w=hidden_w,
    )
