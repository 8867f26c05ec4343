from __future__ import annotations

from math import inf, sqrt

import numpy as np
import pytest

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import (
    Estimate,
    coverage_factor,
    quantity,
    with_interval,
)
from joulesplit.calibrate.estimates._uncertainty import reciprocal
from joulesplit.drivers.readings import AccuracyTerm
from joulesplit.metrology import budget_of


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


BOUNDS = {
    "one bound": (0.01,),
    "two alike": (0.01, 0.01),
    "one that outweighs": (0.01, 0.004, 0.002),
    "an INA219B without a span": (0.01, 0.005, 0.003, 0.002),
}


@pytest.mark.parametrize("freedom", [8, 10, 30])
@pytest.mark.parametrize("u_stat", [0.0, 0.001, 0.004, 0.02])
@pytest.mark.parametrize("bounds", BOUNDS.values(), ids=BOUNDS)
def test_the_interval_of_scatter_and_bounds_holds_the_truth_as_often_as_it_says(
    bounds, u_stat, freedom
):
    """Drawn 40,000 times: anywhere between the bounds, and scatter known by few windows.

    Welch and Satterthwaite's formula needs some: 4 degrees of freedom beside bounds of their size
    give 94.0 %. No plan leaves so few.
    """
    budget = budget_of(tuple(term("scale", bound) for bound in bounds))
    random = np.random.default_rng(round(1e4 * u_stat) + freedom)
    draws = 40_000
    errors = sum(random.uniform(-bound, bound, draws) for bound in bounds)
    errors = errors + random.normal(0, u_stat, draws)
    found_u = u_stat * np.sqrt(random.chisquare(freedom, draws) / freedom)

    halves = [
        quantity(
            Estimate(value=1.0, u_stat=u, degrees_of_freedom=freedom, n=freedom + 1), "J", budget
        ).ci95[1]
        - 1.0
        for u in np.quantile(found_u, np.linspace(0, 1, 201))
    ]
    half = np.interp(found_u, np.quantile(found_u, np.linspace(0, 1, 201)), halves)

    assert np.mean(np.abs(errors) <= half) == pytest.approx(0.95, abs=0.008)


def test_a_single_bound_s_interval_is_95_per_cent_of_it():
    estimate = Estimate(value=2.0, u_stat=0.0, degrees_of_freedom=10, n=11)

    found = quantity(estimate, "J", budget_of((term("scale", 0.01),)))

    assert found.ci95 == pytest.approx((2 - 0.95 * 0.02, 2 + 0.95 * 0.02))


def test_a_normal_bound_is_not_taken_for_a_rectangular_one():
    estimate = Estimate(value=1.0, u_stat=0.0, degrees_of_freedom=10, n=11)

    found = quantity(estimate, "J", budget_of((term("scale", 0.01, "normal"),)))

    assert found.ci95[1] - 1 == pytest.approx(0.01 * coverage_factor(inf))
