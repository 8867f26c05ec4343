"""Intervals from the scatter of all rows, against textbook formulas and Monte Carlo."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.estimates._bootstrap import bootstrap_half_widths
from joulesplit.calibrate.estimates._stats import weighted_fit
from joulesplit.metrology import pooled_scatter, residuals_of

BLOCKS = 20
SIZES = (2.0, 4.0, 8.0)
ROWS = BLOCKS * len(SIZES)
DESIGN = np.zeros((ROWS, BLOCKS + 1))
DESIGN[:, 0] = 1.0
DESIGN[np.arange(ROWS), 1 + np.arange(ROWS) // len(SIZES)] = SIZES * BLOCKS
SPREAD = np.sqrt(np.tile(SIZES, BLOCKS))
LEVEL = np.ones(ROWS)


def scatter_of(design, values, spread, fitted_with):
    fit = weighted_fit(design, values, fitted_with)
    return fit, pooled_scatter(residuals_of(design, spread, fit))


def test_a_mean_has_the_textbook_interval_and_degrees_of_freedom():
    values = np.array([1.0, 2.0, 4.0, 9.0, 3.0])

    _, found = scatter_of(np.ones((5, 1)), values, np.ones(5), np.ones(5))

    assert found.degrees_of_freedom == pytest.approx(4)
    expected = coverage_factor(4) * values.std(ddof=1) / 5**0.5
    assert found.half_widths() == pytest.approx([expected])


def test_a_row_that_alone_determines_a_coefficient_is_left_out():
    design = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])

    _, found = scatter_of(design, np.array([1.0, 1.1, 0.9, 5.0]), np.ones(4), np.ones(4))

    assert len(found.errors) == 3
    assert found.degrees_of_freedom == pytest.approx(2)
    # The three others tell the error of the fourth: s² (1 + 1/3) for the difference to their mean.
    assert found.half_widths()[1] == pytest.approx(coverage_factor(2) * 0.1 * (4 / 3) ** 0.5)


@pytest.mark.parametrize("fitted_with", [SPREAD, LEVEL], ids=["weighted", "ordinary"])
def test_blocks_of_three_windows_get_intervals_that_cover_by_student_and_by_the_bootstrap(
    fitted_with,
):
    random = np.random.default_rng(3)
    order = random.permutation(ROWS)
    design, spread, fitted_with = DESIGN[order], SPREAD[order], fitted_with[order]
    inside = {"student": 0, "bootstrap": 0}
    for _ in range(300):
        fit, found = scatter_of(design, spread * random.standard_normal(ROWS), spread, fitted_with)
        off = np.abs(fit.coefficients[1:])
        inside["student"] += np.count_nonzero(off <= found.half_widths()[1:])
        inside["bootstrap"] += np.count_nonzero(off <= bootstrap_half_widths(found)[1:])

    # 6000 intervals in 300 campaigns; three standard errors are 0.9 % if all are independent and
    # 3.8 % if those of a campaign are one.
    for name, count in inside.items():
        assert 0.935 <= count / (300 * BLOCKS) <= 0.965, name


def test_without_ties_the_bootstrap_of_many_rows_is_student_s_interval():
    random = np.random.default_rng(5)
    design = np.column_stack([np.ones(400), np.tile([1.0, 2.0, 4.0, 8.0], 100)])

    _, found = scatter_of(design, random.standard_normal(400), np.ones(400), np.ones(400))

    # 1999 resamples give a quantile to 2 %; chance ties of neighbours add as much.
    assert bootstrap_half_widths(found) == pytest.approx(found.half_widths(), rel=0.08)


def test_neighbours_that_err_together_widen_the_bootstrap_and_not_student_s_interval():
    random = np.random.default_rng(8)
    inside = {"student": 0, "bootstrap": 0}
    for _ in range(400):
        white = random.standard_normal(81)
        tied = white[1:] + 0.6 * white[:-1]
        fit, found = scatter_of(np.ones((80, 1)), tied, np.ones(80), np.ones(80))
        off = abs(fit.coefficients[0])
        inside["student"] += off <= found.half_widths()[0]
        inside["bootstrap"] += off <= bootstrap_half_widths(found)[0]

    assert inside["student"] / 400 < 0.88
    # Runs of four hold three quarters of the neighbours' covariance, so not quite 95 %.
    assert inside["bootstrap"] / 400 >= 0.88
