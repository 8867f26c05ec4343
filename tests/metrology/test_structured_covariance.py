from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from joulesplit.metrology import own_scatter, pooled_scatter, residuals_of, weighted_fit


def problem(seed, rows, columns):
    """Return a design whose columns differ by nine orders of magnitude, and what it is to fit."""
    random = np.random.default_rng(seed)
    design = random.uniform(0.5, 2.0, (rows, columns)) * 10.0 ** np.linspace(-3, 6, columns)
    spread = random.uniform(0.5, 2.0, rows)
    observed = design @ (10.0 ** -np.linspace(-3, 6, columns)) + spread * random.normal(size=rows)
    return design, observed, spread


@pytest.mark.parametrize("seed", range(6))
def test_what_is_made_of_residuals_is_what_their_covariance_written_out_gives(seed):
    design, observed, spread = problem(seed, 24, 4)
    fit = weighted_fit(design, observed, spread**0.5)
    residuals = residuals_of(design, spread, fit)
    left = (np.eye(24) - design @ fit.gain) * spread
    dense = left @ left.T

    assert residuals.covariance.dense() == pytest.approx(dense, rel=1e-9, abs=1e-12)
    assert residuals.covariance.diagonal == pytest.approx(np.diag(dense), rel=1e-9)

    weights = np.array([1.0, 0.0, 2e-3, 0.0])
    grown = (weights @ fit.gain) * residuals.growth
    form = grown[:, None] * dense * grown
    groups = np.repeat(np.arange(8), 3)
    together = form.reshape(8, 3, 8, 3).sum(axis=(1, 3))
    for found, expected in (
        (own_scatter(residuals, weights).variance(), form),
        (own_scatter(residuals, weights).variance(groups), together),
    ):
        freedom = np.trace(expected) ** 2 / np.sum(expected**2)
        assert found.degrees_of_freedom == pytest.approx(freedom, rel=1e-8)

    to_error = residuals.growth / spread
    correlation = dense * np.outer(to_error, to_error)
    expected = 24**2 / np.sum(correlation**2)
    assert pooled_scatter(residuals).degrees_of_freedom == pytest.approx(expected, rel=1e-8)


def test_a_row_that_alone_determines_a_coefficient_has_no_residual():
    design, observed, spread = problem(1, 12, 3)
    design[:, 2] = 0.0
    design[5, 2] = 1e3
    residuals = residuals_of(design, spread, weighted_fit(design, observed, spread))

    assert np.flatnonzero(~residuals.has_residual).tolist() == [5]


def test_ten_times_the_rows_take_ten_times_the_memory():
    peaks = []
    for rows in (2_000, 20_000):
        design, observed, spread = problem(2, rows, 4)
        fit = weighted_fit(design, observed, spread)
        tracemalloc.start()
        residuals = residuals_of(design, spread, fit)
        own_scatter(residuals, np.ones(4)).variance()
        pooled_scatter(residuals)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 12 * peaks[0]
