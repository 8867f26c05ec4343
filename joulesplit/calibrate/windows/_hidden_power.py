"""What mean voltage times mean current makes of a bursty load's power too much. Pure.

Behind a source resistance R the voltage falls while the current is high, so that the mean of
V·I is less than the product of the means, by R·var(I). An averaging sensor delivers one mean
current and one voltage per reading. Of the covariance of the two it shows what lasts from reading
to reading; bursts within a reading are hidden. But the voltage is converted in a short part of
the cycle, so that its scatter from reading to reading is that of the bursts too, and tells
R·var(I) as var(V)/R. R follows from voltage and current of idle and work. What is faster than the
conversion of the voltage stays hidden: there the capacitors at the input of a board hold it.

A supply that sags slowly scatters the voltage as well, and hides nothing: what voltage and current
do over a window as a whole is taken out of both before.
"""

from __future__ import annotations

import numpy as np

from joulesplit.calibrate.sampling import Trace
from joulesplit.calibrate.windows._times import WindowTimes

FEWEST_READINGS = 8
"""A scatter of fewer says little."""

SOURCE_RANGE_OHM = (0.03, 5.0)
"""Below, what the steps of the voltage scatter by is more than what they should tell, and bursts
of 0.3 A either way hide less than 3 mW; above, it is no supply."""

SLOW_DEGREE = 3
"""Of the polynomial in time that is what a supply does slowly. Differences from reading to reading
would not do: bursts near the cycle come out alike in neighbours."""


def hidden_power_w(trace: Trace, times: WindowTimes) -> float:
    """Return by how much the work's power is too high against that of idle, W.

    Returns:
        0 where voltage and current of idle and work do not tell the resistance of the source.
    """
    work = trace.between(times.work_start_ns, times.work_end_ns)
    idle = trace.between(times.settled_ns, times.idle_end_ns)
    source_ohm = _source_ohm(idle, work)
    if source_ohm is None:
        return 0.0
    return _hidden_w(work, source_ohm) - _hidden_w(idle, source_ohm)


def _source_ohm(idle: Trace, work: Trace) -> float | None:
    if min(len(idle), len(work)) < FEWEST_READINGS:
        return None
    fall_v = float(idle.voltage_v.mean() - work.voltage_v.mean())
    rise_a = float(work.records["current_a"].mean() - idle.records["current_a"].mean())
    low_ohm, high_ohm = SOURCE_RANGE_OHM
    return fall_v / rise_a if low_ohm * rise_a < fall_v < high_ohm * rise_a else None


def _hidden_w(part: Trace, source_ohm: float) -> float:
    """Return the covariance that no reading shows, less the one that readings show, W."""
    times = np.linspace(-1.0, 1.0, len(part))
    slow, _ = np.linalg.qr(np.vander(times, SLOW_DEGREE + 1))
    both = np.column_stack([part.voltage_v, part.records["current_a"]])
    voltage_v, current_a = (both - slow @ (slow.T @ both)).T
    freedom = len(part) - SLOW_DEGREE - 1
    shown_w = -float(voltage_v @ current_a) / freedom
    return float(voltage_v @ voltage_v) / freedom / source_ohm - shown_w
