"""What the sampler takes more in idle than at work, or less: no net energy holds it. Pure.

Net energy is what is drawn at work less what is drawn idle. Reading the sensor costs power in both;
where it costs as much, nothing of it is left. A probe says what more reading adds to either, and
what reading takes follows in proportion: powers go up by (effort − 1) times what it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from joulesplit.calibrate.estimates._late_shape import (
    RESTED,
    RestedWork,
    ToldShare,
    above_last_w,
)
from joulesplit.calibrate.windows import Rest, SamplerProbe, WindowRecord
from joulesplit.metrology import Array, beyond_rounding, effective_degrees_of_freedom


def sampler_share(records: Sequence[WindowRecord], work: RestedWork) -> ToldShare | None:
    """Return by how much net energies are too small because of the sampler; None if nobody knows.

    Args:
        records: Every window.
        work: Of which kind; relative to its power above idle.

    Returns:
        What the sampler takes in idle less what it takes at work, over the power of the work.
    """
    at_rest, own = _at_rest(records), _own_rests(records, work)
    at_work = [(probe, probe.work_power_w) for rest in own if (probe := rest.sampler)]
    above_w = [above_last_w(rest) for rest in own if rest.sampler]
    if not (at_rest and at_work) or min(above_w) <= 0:
        return None
    idle_w, idle_u_w, idle_freedom = _cost(at_rest)
    work_w, work_u_w, work_freedom = _cost(at_work)
    u = float(np.hypot(idle_u_w, work_u_w) / np.mean(above_w))
    parts = ((idle_u_w, idle_freedom), (work_u_w, work_freedom))
    freedom = effective_degrees_of_freedom(parts)
    return ToldShare(
        share=float((idle_w - work_w) / np.mean(above_w)),
        u=u,
        degrees_of_freedom=freedom,
        u_independent=u,
        independent_freedom=freedom,
    )


def sampler_bound(records: Sequence[WindowRecord], work: RestedWork) -> float | None:
    """Return what net energies may be off by where reading was rehearsed at rest alone, relative.

    At work it then takes anything from nothing to twice what it takes idle: a standard uncertainty.
    None where neither is known.

    Args:
        records: Every window.
        work: Of which kind; relative to its power above idle.
    """
    at_rest, own = _at_rest(records), _own_rests(records, work)
    above_w = [above_last_w(rest) for rest in own]
    if not at_rest or not above_w or min(above_w) <= 0:
        return None
    idle_w, idle_u_w, _ = _cost(at_rest)
    return float(np.hypot(idle_w / sqrt(3), idle_u_w) / np.mean(above_w))


def _own_rests(records: Sequence[WindowRecord], work: RestedWork) -> list[Rest]:
    return [r.rest for r in records if r.rest and r.task.kind in RESTED[work]]


def _at_rest(records: Sequence[WindowRecord]) -> list[tuple[SamplerProbe, Sequence[float]]]:
    """Return what was probed at rest: the same whatever ran before."""
    probes = [r.rest.sampler for r in records if r.rest and r.rest.sampler]
    return [(probe, probe.idle_power_w) for probe in probes if probe.idle_power_w]


def _cost(series: Sequence[tuple[SamplerProbe, Sequence[float]]]) -> tuple[float, float, float]:
    """Return what reading takes, W, its standard uncertainty and degrees of freedom.

    Level and line of each series are taken off; the rest is one straight line through all.
    """
    power = np.concatenate([_about_a_line(powers_w) for _, powers_w in series])
    more = np.concatenate(
        [_about_a_line((p.effort - 1) * np.array(p.rehearsed, dtype=np.float64)) for p, _ in series]
    )
    squares = float(more @ more)
    cost_w = float(more @ power) / squares
    freedom = len(power) - 2 * len(series) - 1
    left = power - cost_w * more
    return cost_w, sqrt(float(left @ left) / freedom / squares), float(freedom)


def _about_a_line(values: Sequence[float] | Array) -> Array:
    beside, _ = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1, 1, len(values)), 1))
    series = np.asarray(values, dtype=np.float64)
    return beyond_rounding(series - beside @ (beside.T @ series), series)
