"""``docs/uncertainty.md`` states every systematic term as the driver does."""

from __future__ import annotations

from math import hypot
from pathlib import Path

import pytest

from joulesplit.drivers.ina2xx import Circuit, accuracy_terms, ina219_limits

PAGE = Path(__file__).parents[3] / "docs" / "uncertainty.md"
CIRCUIT = Circuit(
    limits=ina219_limits("B", 4),
    shunt_ohm=0.1,
    shunt_tolerance=0.01,
    peak_current_a=1.2,
    bus_voltage_v=5.0,
)
TERMS = accuracy_terms(CIRCUIT)


def rows() -> dict[str, list[str]]:
    """Return the cells of the sensor's table by the term's name."""
    section = PAGE.read_text(encoding="utf-8").split("## Terms of a single window")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if "|" in line]
    return {cells[0]: cells for cells in lines[2:]}


def number(cell: str, kind: str) -> float:
    """Return the last number of a cell in SI units."""
    return float(cell.split()[-2]) * (1e-2 if kind == "scale" else 1e-3)


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_the_page_states_the_term_with_bound_uncertainty_and_correlation(term):
    _, bound, u, kind, correlation, _ = rows()[term.name]

    assert number(bound, term.kind) == pytest.approx(term.half_width, rel=1e-3)
    assert number(u, term.kind) == pytest.approx(term.standard_uncertainty, rel=0.05)
    assert (kind, correlation) == (term.kind, term.correlation)
    assert term.distribution == "rectangular"


def test_the_page_states_no_other_term_and_what_they_are_together():
    assert set(rows()) == {term.name for term in TERMS}
    together = {
        kind: hypot(*(t.standard_uncertainty for t in TERMS if t.kind == kind))
        for kind in ("scale", "offset")
    }
    stated = f"{100 * together['scale']:.2f} % of a joule and {1e3 * together['offset']:.1f} mW"
    assert f"Together {stated}." in PAGE.read_text(encoding="utf-8")


def test_a_larger_shunt_has_less_offset_and_more_heat():
    small, large = (
        {
            t.name: t.half_width
            for t in accuracy_terms(
                Circuit(
                    limits=ina219_limits(None, 8),
                    shunt_ohm=ohm,
                    shunt_tolerance=0.01,
                    peak_current_a=3.0,
                    bus_voltage_v=5.0,
                )
            )
        }
        for ohm in (0.01, 0.1)
    )

    assert large["shunt self-heating"] == pytest.approx(10 * small["shunt self-heating"])
    assert large["sense path"] == pytest.approx(small["sense path"] / 10)
    assert large["offset drift"] == pytest.approx(small["offset drift"] / 10)
