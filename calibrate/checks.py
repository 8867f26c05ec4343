"""Named checks over the recorded windows: may the figures be used? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibrate.profile import Check, Outcome, Quality, Quantity
from calibrate.sampling import SamplerStatistics
from calibrate.window import WindowRecord

LOST_LIMIT = 0.01
"""Largest share of conversions that may be lost."""

DRIFT_LIMIT = 0.02
"""Largest drift of the idle power from first to last window, relative to the idle power."""

CONTROL_LIMIT = 0.03
"""Largest difference of the control's energy between the halves of a campaign, relative."""

UNDER_VOLTAGE_V = 4.63
"""Under-voltage trip of the Raspberry Pi (Raspberry Pi documentation, power supplies)."""

WIDTH_LIMIT = 0.05
"""Largest relative half-width of the intervals of E_d and E_c."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the checks look at.

    Attributes:
        records: Every window.
        sampling: How the sampler fared.
        throttled_bits: From the system after the campaign; None where it cannot be known.
        e_d: E_d by net energy.
        e_c: E_c by net energy.
        loopback: The uploads never left the machine.
        simulated: The power was simulated.
    """

    records: Sequence[WindowRecord]
    sampling: SamplerStatistics
    throttled_bits: int | None
    e_d: Quantity
    e_c: Quantity
    loopback: bool
    simulated: bool


def _check(
    name: str,
    value: float,
    limit: float,
    unit: str,
    *,
    advice: str,
    severity: Outcome = "warn",
    minimum: bool = False,
) -> Check:
    good = value >= limit if minimum else value <= limit
    outcome: Outcome = "pass" if good else severity
    return Check(
        name=name,
        value=value,
        limit=limit,
        unit=unit,
        outcome=outcome,
        advice="" if good else advice,
    )


def _sensor_checks(evidence: Evidence) -> list[Check]:
    sampling = evidence.sampling
    total = max(sampling.readings + sampling.lost, 1)
    resets = sum(record.resets for record in evidence.records)
    return [
        _check(
            "lost-conversions",
            sampling.lost / total,
            LOST_LIMIT,
            "1",
            advice="free a processor for the sampler, or set the I2C clock to 400 kHz",
        ),
        _check(
            "clipped-readings",
            sampling.clipped,
            0,
            "readings",
            severity="fail",
            advice="raise --peak-current or use a smaller shunt: clipped current is a lower bound",
        ),
        _check(
            "chip-resets",
            resets,
            0,
            "resets",
            severity="fail",
            advice="the sensor browned out: shorten its supply leads and add a capacitor",
        ),
    ]


def _idle_drift(records: Sequence[WindowRecord]) -> float:
    """Return the change of idle power over the campaign by a straight line, relative."""
    idle = np.array([record.idle_power_w for record in records])
    when = np.array([record.started_ns for record in records], dtype=np.float64)
    span = when.max() - when.min()
    if len(records) < 3 or span == 0:
        return 0.0
    slope = np.polyfit((when - when.min()) / span, idle, 1)[0]
    return float(abs(slope) / idle.mean())


def _control_difference(records: Sequence[WindowRecord]) -> float:
    """Return how far the control's energy moved between the halves, relative."""
    energies = [record.net_j for record in records if record.task.kind == "control"]
    half = len(energies) // 2
    if half == 0:
        return 0.0
    first, second = np.mean(energies[:half]), np.mean(energies[-half:])
    return float(abs(second - first) / abs(first))


def _condition_checks(evidence: Evidence) -> list[Check]:
    return [
        _check(
            "idle-drift",
            _idle_drift(evidence.records),
            DRIFT_LIMIT,
            "1",
            advice="let the device warm up, and stop what else runs on it",
        ),
        _check(
            "control-repeat",
            _control_difference(evidence.records),
            CONTROL_LIMIT,
            "1",
            advice="the same work cost differently early and late: check cooling and governor",
        ),
        _check(
            "supply-voltage",
            min(record.minimum_voltage_v for record in evidence.records),
            UNDER_VOLTAGE_V,
            "V",
            advice="the supply sags under load: use a stronger one, shorter leads, a smaller shunt",
            minimum=True,
        ),
    ]


def _throttling_check(bits: int | None) -> list[Check]:
    """Check the bits that are set now; the sticky ones may be older than the campaign."""
    if bits is None:
        return []
    advice = "the board is throttled or under voltage: cool it, check its supply"
    return [_check("throttling", float(bits & 0xF), 0, "bits", advice=advice, severity="fail")]


def _width(quantity: Quantity) -> float:
    low, high = quantity.ci95 or (quantity.value, quantity.value)
    return (high - low) / 2 / abs(quantity.value)


def _result_checks(evidence: Evidence) -> list[Check]:
    advice = "measure longer: use --plan standard or calibrate the sensor"
    checks = [
        _check("e_d-interval", _width(evidence.e_d), WIDTH_LIMIT, "1", advice=advice),
        _check("e_c-interval", _width(evidence.e_c), WIDTH_LIMIT, "1", advice=advice),
    ]
    if not evidence.simulated:
        checks.append(
            _check(
                "link-on-air",
                float(evidence.loopback),
                0,
                "1",
                advice="the server is on this machine, so E_c is not that of a radio: "
                "run `joulesplit serve` on another machine",
            )
        )
    return checks


def judge(evidence: Evidence) -> Quality:
    """Run every check and give the verdict.

    Returns:
        ``valid`` if all passed, ``suspect`` with warnings, ``rejected`` with failures.
    """
    checks = (
        *_sensor_checks(evidence),
        *_condition_checks(evidence),
        *_throttling_check(evidence.throttled_bits),
        *_result_checks(evidence),
    )
    outcomes = {check.outcome for check in checks}
    if "fail" in outcomes:
        return Quality(verdict="rejected", checks=checks)
    return Quality(verdict="suspect" if "warn" in outcomes else "valid", checks=checks)
