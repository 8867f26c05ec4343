"""Checks of the sensor and of its reading: nothing lost, clipped, reset, or too slow. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from calibrate.checks.evidence import Evidence, make_check
from calibrate.estimates.window_budget import edge_share
from calibrate.profile import Check

LOST_LIMIT = 0.01
"""Largest share of conversions that may be lost."""

EDGE_LIMIT = 0.005
"""Largest standard uncertainty of the shortest window of work from its edges, relative."""


def sensor_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether the readings are whole."""
    sampling = evidence.sampling
    total = max(sampling.readings + sampling.lost, 1)
    yield make_check(
        "lost-conversions",
        sampling.lost / total,
        LOST_LIMIT,
        "1",
        advice="free a processor for the sampler, or set the I2C clock to 400 kHz",
    )
    yield make_check(
        "clipped-readings",
        sampling.clipped,
        0,
        "readings",
        severity="fail",
        advice="raise --peak-current or use a smaller shunt: clipped current is a lower bound",
    )
    yield make_check(
        "chip-resets",
        sum(record.resets for record in evidence.records),
        0,
        "resets",
        severity="fail",
        advice="the sensor browned out: shorten its supply leads and add a capacitor",
    )
    yield make_check(
        "clock-steps",
        sum(record.clock_steps for record in evidence.records),
        0,
        "jumps",
        severity="fail",
        advice="the machine was suspended or its clock stood still: keep it awake, and run again",
    )
    yield from _edge_term(evidence)


def _edge_term(evidence: Evidence) -> Iterator[Check]:
    windows = evidence.of_kind("compute")
    if evidence.sensor is None or not windows:
        return
    yield make_check(
        "edge-term",
        edge_share(evidence.sensor, min(record.work_s for record in windows)),
        EDGE_LIMIT,
        "1",
        advice="the shortest windows are too short for the sensor: lengthen work_s in the plan, "
        "or choose less averaging",
    )
