from __future__ import annotations

from math import sqrt

import pytest

from calibrate.errors import EstimateError
from calibrate.estimates.stats import coverage_factor
from calibrate.estimates.uncertainty import (
    Estimate,
    budget_of,
    quantity,
    reciprocal,
    with_interval,
)
from drivers.readings import AccuracyTerm


def term(kind: str, half_width: float, distribution: str = "rectangular") -> AccuracyTerm:
    return AccuracyTerm(
        name=kind, kind=kind, half_width=half_width, distribution=distribution, source="test"
    )


def test_a_rectangular_bound_is_divided_by_root_three_and_kinds_are_kept_apart():
    budget = budget_of((term("scale", 0.01), term("scale", 0.004, "normal"), term("offset", 0.006)))

    assert budget.scale_u_rel == pytest.approx(sqrt((0.01 / sqrt(3)) ** 2 + 0.004**2))
    assert budget.offset_u_w == pytest.approx(0.006 / sqrt(3))
    assert [t.kind for t in budget.terms] == ["scale", "scale", "offset"]


def test_an_offset_counts_only_for_as_long_as_it_lasts():
    budget = budget_of((term("scale", 0.01, "normal"), term("offset", 0.02, "normal")))
    estimate = Estimate(value=3.0, u_stat=0.0, degrees_of_freedom=10, n=11)

    net = quantity(estimate, "J", budget)
    gross = quantity(estimate, "J", budget, offset_duration=2.0)

    assert net.u_sys == pytest.approx(0.03)
    assert gross.u_sys == pytest.approx(sqrt(0.03**2 + 0.04**2))


def test_purely_statistical_interval_is_students_t():
    estimate = Estimate(value=10.0, u_stat=1.0, degrees_of_freedom=4, n=5)

    assert with_interval(estimate, "J", 0.0).ci95 == pytest.approx(
        (10 - 2.776, 10 + 2.776), abs=1e-3
    )


def test_degrees_of_freedom_are_those_of_welch_and_satterthwaite():
    estimate = Estimate(value=10.0, u_stat=1.0, degrees_of_freedom=4, n=5)

    found = with_interval(estimate, "J", 1.0)

    effective = sqrt(2) ** 4 / (1**4 / 4)
    assert found.ci95[1] - 10 == pytest.approx(coverage_factor(effective) * sqrt(2))


def test_a_reciprocal_carries_the_ends_of_the_interval_over_exactly():
    energy = with_interval(Estimate(value=0.2, u_stat=0.01, degrees_of_freedom=50, n=60), "J", 0.0)

    found = reciprocal(6e8, energy, "FLOP/J")

    assert found.value == pytest.approx(3e9)
    assert found.ci95 == pytest.approx((6e8 / energy.ci95[1], 6e8 / energy.ci95[0]))
    assert found.u_stat / found.value == pytest.approx(0.05)


def test_an_energy_that_could_be_zero_has_no_reciprocal():
    energy = with_interval(Estimate(value=0.01, u_stat=0.01, degrees_of_freedom=9, n=10), "J", 0.0)

    with pytest.raises(EstimateError, match="not distinguishable from zero"):
        reciprocal(1.0, energy, "FLOP/J")
