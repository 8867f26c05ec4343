"""Checks of the figures themselves: are they sharp enough, and of what they claim? Pure."""

from __future__ import annotations

from collections.abc import Iterator

from calibrate.checks.evidence import Evidence, make_check
from calibrate.profile import Check, Quantity

WIDTH_LIMIT = 0.05
"""Largest relative half-width of the intervals of E_d and E_c."""


def result_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether E_d and E_c are known well enough, and E_c is that of a link."""
    advice = "measure longer: use --plan standard or calibrate the sensor"
    yield make_check("e_d-interval", _width(evidence.e_d), WIDTH_LIMIT, "1", advice=advice)
    yield make_check("e_c-interval", _width(evidence.e_c), WIDTH_LIMIT, "1", advice=advice)
    if not evidence.simulated:
        yield make_check(
            "link-on-air",
            float(evidence.loopback),
            0,
            "1",
            advice="the server is on this machine, so E_c is not that of a radio: "
            "run `joulesplit serve` on another machine",
        )


def _width(quantity: Quantity) -> float:
    low, high = quantity.ci95 or (quantity.value, quantity.value)
    return (high - low) / 2 / abs(quantity.value)
