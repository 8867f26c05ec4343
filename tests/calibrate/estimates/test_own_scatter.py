"""Intervals from the rows' own scatter, against Monte Carlo and textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.estimates._stats import variance_of, weighted_fit
from joulesplit.metrology import own_scatter, residuals_of

BLOCKS = 20
SIZES = (2.0, 4.0, 8.0)
DESIGN = np.zeros((BLOCKS * len(SIZES), BLOCKS + 1))
DESIGN[:, 0] = 1.0
DESIGN[np.arange(len(DESIGN)), 1 + np.arange(len(DESIGN)) // len(SIZES)] = SIZES * BLOCKS
LENGTHS = np.tile(SIZES, BLOCKS)
TOTAL = np.array([0.0] + [1.0] * BLOCKS)
LEVEL = np.ones(len(DESIGN))


def covered(spread, expected, *, weighted, campaigns=1500):
    """Return how often the interval of the sum of all slopes holds it, by its own scatter."""
    random = np.random.default_rng(11)
    inside = 0
    for _ in range(campaigns):
        errors = spread * random.standard_normal(len(DESIGN))
        fit = weighted_fit(DESIGN, errors, expected if weighted else LEVEL)
        found = own_scatter(residuals_of(DESIGN, expected, fit), TOTAL).variance()
        half = coverage_factor(found.degrees_of_freedom) * found.variance**0.5
        inside += abs(float(TOTAL @ fit.coefficients)) <= half
    return inside / campaigns


def test_a_mean_has_the_textbook_variance_and_degrees_of_freedom():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    design, level = np.ones((4, 1)), np.ones(4)

    found = own_scatter(
        residuals_of(design, level, weighted_fit(design, values, level)), np.ones(1)
    ).variance()

    assert found.variance == pytest.approx(values.var(ddof=1) / 4)
    assert found.degrees_of_freedom == pytest.approx(3)
    assert found.correction == pytest.approx(1)


@pytest.mark.parametrize("weighted", [True, False], ids=["weighted", "ordinary"])
def test_three_windows_per_block_give_intervals_that_cover(weighted):
    # Three standard errors of 1500 intervals around 95 % are 1.7 %. HC3 covers 99 % here.
    assert 0.933 <= covered(LENGTHS, LENGTHS, weighted=weighted) <= 0.967


def test_scatter_that_is_not_as_expected_still_gives_intervals_that_nearly_cover():
    level = covered(LENGTHS**0.5, LENGTHS, weighted=True)

    assert 0.92 <= level <= 0.98


def test_rows_that_err_together_are_taken_together():
    random = np.random.default_rng(4)
    design, level, groups = np.ones((60, 1)), np.ones(60), np.arange(60) // 4
    inside = {"alone": 0, "together": 0}
    for _ in range(1500):
        fit = weighted_fit(design, np.repeat(random.standard_normal(15), 4), level)
        scatter = own_scatter(residuals_of(design, level, fit), np.ones(1))
        for name, of in (("alone", None), ("together", groups)):
            found = scatter.variance(of)
            half = coverage_factor(found.degrees_of_freedom) * found.variance**0.5
            inside[name] += abs(fit.coefficients[0]) <= half

    assert inside["alone"] / 1500 < 0.75
    assert 0.933 <= inside["together"] / 1500 <= 0.967


def test_a_row_that_alone_determines_a_figure_tells_nothing_of_its_scatter():
    design = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    fit = weighted_fit(design, np.array([1.0, 1.1, 0.9, 5.0]), np.ones(4))

    effects = own_scatter(residuals_of(design, np.ones(4), fit), np.array([0.0, 1.0])).effects

    assert effects[3] == 0.0
    assert np.isfinite(effects).all()


def test_a_figure_that_no_residual_tells_of_is_an_error():
    design = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    fit = weighted_fit(design, np.array([1.0, 1.1, 0.9, 5.0]), np.ones(4))

    with pytest.raises(EstimateError, match="residual"):
        variance_of(own_scatter(residuals_of(design, np.ones(4), fit), np.array([0.0, 1.0])))
