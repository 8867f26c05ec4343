"""What every window adds of its own to the uncertainty: resolution, edges, dead time. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from joulesplit.calibrate.estimates._campaign_terms import campaign_terms
from joulesplit.calibrate.profile import WindowTerm
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import SensorDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shortest:
    """The compute window that these terms weigh most on."""

    work_s: float
    net_j: float
    contrast_w: float
    current_a: float
    voltage_v: float


def _shortest(records: Sequence[WindowRecord]) -> _Shortest | None:
    windows = [r for r in records if r.task.kind == "compute" and r.net_j > 0]
    if not windows:
        return None
    record = min(windows, key=lambda r: r.work_s)
    power_w = record.gross_j / record.work_s
    voltage_v = record.minimum_voltage_v
    return _Shortest(
        work_s=record.work_s,
        net_j=record.net_j,
        contrast_w=record.net_j / record.work_s,
        current_a=power_w / voltage_v,
        voltage_v=voltage_v,
    )


def edge_share(sensor: SensorDescription, work_s: float) -> float:
    """Return the standard uncertainty of a window's length from its two edges, relative.

    A reading that straddles an edge is counted whole, both ends of the sum lying in idle, so
    only the part of the cycle in which the current is not observed can go wrong: with dead
    share d of a cycle T each edge is off by d·T/√12, both by d·T/√6. (Whoever cuts the sum at
    the edges has T/√6 instead.)
    """
    return (1 - sensor.observed_fraction) * sensor.cycle_s / sqrt(6) / work_s


def window_budget(
    records: Sequence[WindowRecord], sensor: SensorDescription
) -> tuple[WindowTerm, ...]:
    """Return the terms of the shortest compute window, relative to its net energy.

    Each window draws them anew, so they are in the scatter of the windows already and are not
    added to it; they say how much of the scatter the instrument explains. What the campaign itself
    leaves open is the exception: it is the same in every window, and in the intervals.
    """
    window = _shortest(records)
    if window is None:
        return ()
    return (
        *_sensor_terms(window, sensor),
        *_idle_terms(records, window),
        *campaign_terms(records),
    )


def _sensor_terms(window: _Shortest, sensor: SensorDescription) -> tuple[WindowTerm, ...]:
    readings = max(window.work_s / sensor.cycle_s, 1.0)
    step_w = np.hypot(
        sensor.current_resolution_a * window.voltage_v,
        sensor.voltage_resolution_v * window.current_a,
    )
    dead = 1 - sensor.observed_fraction
    return (
        WindowTerm(
            name="resolution",
            standard_uncertainty=float(step_w) / sqrt(12 * readings) / window.contrast_w,
            treatment="in-scatter",
            source="step/√12 of current and voltage per reading, over √readings (GUM F.2.2.1); "
            "holds where noise spans half a step",
        ),
        WindowTerm(
            name="window edges",
            standard_uncertainty=edge_share(sensor, window.work_s),
            treatment="in-scatter",
            source="dead share of a cycle at both edges, d·T/√6 over the length of the work",
        ),
        WindowTerm(
            name="dead time",
            standard_uncertainty=dead / sqrt(3 * readings),
            treatment="in-scatter",
            source="current unobserved while voltage converts: at most d of a cycle's contrast "
            "(rectangular), averaged over the cycles of a load not locked to them; of one that is, "
            "drawn anew by each window's random phase",
        ),
    )


def _idle_terms(records: Sequence[WindowRecord], window: _Shortest) -> tuple[WindowTerm, ...]:
    return (
        WindowTerm(
            name="idle on both sides",
            standard_uncertainty=_idle_share(records, window),
            treatment="in-scatter",
            source="baseline drift and background: scatter of the idle power from side to side, "
            "over the length of the work",
        ),
    )


def _idle_share(records: Sequence[WindowRecord], window: _Shortest) -> float:
    steps = np.array([record.idle_step_w for record in records])
    return float(np.std(steps)) / 2 * window.work_s / window.net_j
