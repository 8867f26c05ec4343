from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.estimates._bootstrap import bootstrap_half_width
from joulesplit.calibrate.estimates._robust import huber_fit, robust_scale
from joulesplit.calibrate.estimates._stats import weighted_fit
from joulesplit.metrology import own_scatter, residuals_of

X = np.linspace(1, 8, 24)
DESIGN = np.column_stack([np.ones(24), X])
LEVEL = np.ones(24)


def covers(fit_of, half_of, *, noise, tries: int = 200) -> float:
    random = np.random.default_rng(11)
    inside = 0
    for _ in range(tries):
        fit = fit_of(DESIGN, 2 + 3 * X + noise(random), LEVEL)
        inside += abs(fit.coefficients[1] - 3) <= half_of(fit)
    return inside / tries


def students(fit) -> float:
    return coverage_factor(fit.degrees_of_freedom) * fit.covariance[1, 1] ** 0.5


def test_one_wild_window_hardly_moves_the_robust_slope_but_the_ordinary_one():
    observed = 2 + 3 * X + 0.01 * np.random.default_rng(3).standard_normal(24)
    observed[22] += 5.0

    robust, plain = huber_fit(DESIGN, observed, LEVEL), weighted_fit(DESIGN, observed, LEVEL)

    assert abs(robust.coefficients[1] - 3) < 0.003
    assert abs(plain.coefficients[1] - 3) > 0.05


def test_without_outliers_the_robust_fit_is_nearly_the_ordinary_one():
    observed = 2 + 3 * X + 0.1 * np.random.default_rng(3).standard_normal(24)

    robust, plain = huber_fit(DESIGN, observed, LEVEL), weighted_fit(DESIGN, observed, LEVEL)

    difference = abs(robust.coefficients[1] - plain.coefficients[1])
    assert difference < plain.covariance[1, 1] ** 0.5


def test_an_exact_line_is_found_exactly():
    assert huber_fit(DESIGN, 2 + 3 * X, LEVEL).coefficients == pytest.approx([2, 3])


@pytest.mark.parametrize(
    "noise",
    [lambda r: r.standard_normal(24), lambda r: r.standard_t(3, 24)],
    ids=["normal", "heavy tails"],
)
def test_the_robust_interval_covers(noise):
    assert 0.91 <= covers(huber_fit, students, noise=noise) <= 0.985


def test_the_robust_scale_of_normal_residuals_is_their_standard_deviation():
    residuals = 0.3 * np.random.default_rng(4).standard_normal(4000)

    assert robust_scale(residuals, 3990) == pytest.approx(0.3, rel=0.05)


def mean_covered(half_of, *, tied: float) -> float:
    """Return how often the interval of a mean of 80 holds it; neighbours share ``tied``."""
    random = np.random.default_rng(7)
    inside = 0
    for _ in range(300):
        white = random.standard_normal(81)
        fit = weighted_fit(np.ones((80, 1)), white[1:] + tied * white[:-1], np.ones(80))
        inside += abs(fit.coefficients[0]) <= half_of(fit)
    return inside / 300


def test_the_block_bootstrap_covers_where_neighbours_err_together_and_students_t_does_not():
    def bootstrap(fit) -> float:
        ones = np.ones(80)
        return bootstrap_half_width(own_scatter(residuals_of(ones[:, None], ones, fit), np.ones(1)))

    def plain(fit) -> float:
        return coverage_factor(79) * fit.covariance[0, 0] ** 0.5

    assert mean_covered(plain, tied=0.6) < 0.88
    # Runs of four hold three quarters of the neighbours' covariance, so not quite 95 %.
    assert mean_covered(bootstrap, tied=0.6) >= 0.88
    assert 0.92 <= mean_covered(bootstrap, tied=0.0) <= 0.985


def test_the_bootstrap_of_the_same_windows_is_the_same():
    fit = weighted_fit(DESIGN, 3 * X + np.random.default_rng(1).standard_normal(24), LEVEL)
    scatter = own_scatter(residuals_of(DESIGN, LEVEL, fit), np.array([0.0, 1.0]))

    assert bootstrap_half_width(scatter) == bootstrap_half_width(scatter)
