from __future__ import annotations

from math import sqrt

import numpy as np
import pytest

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.estimates._stats import mean_of_batches, weighted_fit
from joulesplit.metrology import combined_coverage_factor


@pytest.mark.parametrize(
    ("degrees_of_freedom", "t95"),
    [(1, 12.706), (4, 2.776), (10, 2.228), (30, 2.042), (float("inf"), 1.960)],
)
def test_coverage_factor_equals_the_tabled_students_t(degrees_of_freedom, t95):
    assert coverage_factor(degrees_of_freedom) == pytest.approx(t95, abs=5e-4)


def test_no_degrees_of_freedom_is_an_error_with_advice():
    with pytest.raises(EstimateError, match="raise the repeats"):
        coverage_factor(0)


def test_fit_of_a_straight_line_equals_the_textbook_formulas():
    x = np.array([1.0, 2.0, 3.0, 4.0, 6.0])
    y = np.array([2.1, 3.9, 6.2, 7.8, 12.3])

    fit = weighted_fit(np.column_stack([np.ones(5), x]), y, np.ones(5))

    s_xx = ((x - x.mean()) ** 2).sum()
    slope = ((x - x.mean()) * (y - y.mean())).sum() / s_xx
    intercept = y.mean() - slope * x.mean()
    variance = ((y - intercept - slope * x) ** 2).sum() / 3
    assert fit.coefficients == pytest.approx([intercept, slope])
    assert fit.covariance[1, 1] == pytest.approx(variance / s_xx)
    assert fit.covariance[0, 0] == pytest.approx(variance * (1 / 5 + x.mean() ** 2 / s_xx))
    assert fit.covariance[0, 1] == pytest.approx(-variance * x.mean() / s_xx)
    assert fit.degrees_of_freedom == 3


def test_a_row_with_twice_the_spread_counts_a_quarter():
    design = np.ones((2, 1))

    fit = weighted_fit(design, np.array([1.0, 6.0]), np.array([1.0, 2.0]))

    assert fit.coefficients[0] == pytest.approx((1.0 * 4 + 6.0 * 1) / 5)


def test_columns_of_very_different_size_are_fitted_all_the_same():
    random = np.random.default_rng(1)
    design = np.column_stack(
        [np.ones(20), random.uniform(0.1, 1, 20), random.uniform(1e5, 1e7, 20)]
    )
    truth = np.array([5e-3, 0.6, 1e-8])

    fit = weighted_fit(design, design @ truth, np.ones(20))

    assert fit.coefficients == pytest.approx(truth, rel=1e-6)


def test_figures_the_windows_cannot_tell_apart_are_an_error():
    bits = np.array([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(EstimateError, match="tell the figures apart"):
        weighted_fit(np.column_stack([bits, 2 * bits]), bits, np.ones(4))
    with pytest.raises(EstimateError, match="depends on it"):
        weighted_fit(np.column_stack([bits, np.zeros(4)]), bits, np.ones(4))
    with pytest.raises(EstimateError, match="cannot determine"):
        weighted_fit(np.ones((1, 1)), np.ones(1), np.ones(1))


def test_batch_means_keep_their_coverage_where_neighbours_are_correlated():
    """The plain standard error of the mean would cover 85 % here."""
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(600):
        white = random.standard_normal(81)
        values = white[1:] + 0.6 * white[:-1]
        mean = mean_of_batches(values)
        factor = coverage_factor(mean.degrees_of_freedom)
        inside += abs(mean.value) <= factor * mean.u_stat
    assert 0.91 <= inside / 600 <= 0.97


def test_a_course_that_is_part_of_the_mean_makes_it_no_less_certain():
    random = np.random.default_rng(12)
    course = np.linspace(-5.0, 5.0, 80)
    inside, widths = 0, []
    for _ in range(1000):
        mean = mean_of_batches(course + random.standard_normal(80), course, 2)
        half = coverage_factor(mean.degrees_of_freedom) * mean.u_stat
        inside += abs(mean.value) <= half
        widths.append(mean.u_stat)

    # Two standard errors of chance around 95 % are 1.4 %.
    assert 0.936 <= inside / 1000 <= 0.964
    assert np.mean(widths) == pytest.approx(1 / 80**0.5, rel=0.05)
    assert mean_of_batches(course + 0.0).u_stat > 5 * np.mean(widths)


def test_too_few_values_for_two_batches_are_an_error():
    with pytest.raises(EstimateError):
        mean_of_batches(np.ones(7))


def test_studentised_residuals_have_unit_variance_whatever_their_leverage():
    random = np.random.default_rng(5)
    design = np.column_stack([np.ones(12), [0.0] * 11 + [8.0]])
    design[:11, 1] = np.linspace(0, 1, 11)
    fits = [
        weighted_fit(design, random.standard_normal(12), np.ones(12)).studentised
        for _ in range(2000)
    ]

    assert np.std(fits, axis=0) == pytest.approx(np.ones(12), abs=0.08)


def test_a_row_that_alone_determines_a_figure_has_no_residual():
    design = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])

    fit = weighted_fit(design, np.array([1.0, 1.1, 0.9, 5.0]), np.ones(4))

    assert fit.leverage[3] == pytest.approx(1.0)
    assert fit.studentised[3] == 0.0


@pytest.mark.parametrize(
    ("inverse_freedom", "factor"),
    [
        (0.0, 1.959964),
        (0.25, 2.776445),
        (1 / 30, 2.042272),
        # Rectangular: 95 % of its bounds ± √3·u.
        (-0.2, 0.95 * sqrt(3)),
        # Half a circle (Wigner): excess kurtosis −1, solved for 95 %.
        (-1 / 6, 1.756679),
    ],
)
def test_the_combined_coverage_factor_is_exact_where_it_has_to_be(inverse_freedom, factor):
    assert combined_coverage_factor(inverse_freedom) == pytest.approx(factor, rel=1e-6)


def test_the_combined_coverage_factor_has_no_step_at_the_normal_distribution():
    near = (-1e-3, -1.1e-6, -0.9e-6, -1e-8, 0.0, 1e-8, 1e-3)
    factors = [combined_coverage_factor(x) for x in near]
    assert factors == sorted(factors)
    assert factors[-1] - factors[0] < 0.01
