from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates import LinearModel, lag_one, serial_deviation
from joulesplit.calibrate.estimates._link_diagnostics import link_diagnostics
from joulesplit.calibrate.estimates._stats import weighted_fit


def uploads(make_observation, *, bend_j: float = 0.0, repeats: int = 3):
    random = np.random.default_rng(12)
    return [
        make_observation(
            0,
            n,
            5e-3 * n
            + 0.6 * n * bits / rate
            + 1.2e-8 * n * bits
            + bend_j * (rate == 1e7)
            + 1e-3 * random.standard_normal(),
            airtime_s=n * bits / rate,
            payload_bits=n * bits,
            work_s=n * bits / rate + 0.01 * n,
        )
        for _ in range(repeats)
        for rate in (5e6, 1e7, 2e7)
        for bits, n in ((32_000, 60), (800_000, 5), (6_400_000, 1))
    ]


def test_uploads_that_follow_the_fit_are_described_by_it(make_observation):
    found = link_diagnostics(uploads(make_observation))

    assert found.r_squared > 0.999
    assert found.windows == 27
    assert found.largest_residual < 3.5
    assert found.lack_of_fit_p > 0.01


def test_a_rate_that_does_not_lie_in_the_plane_shows_as_lack_of_fit(make_observation):
    assert link_diagnostics(uploads(make_observation, bend_j=0.05)).lack_of_fit_p < 1e-6


def test_without_repeats_lack_of_fit_cannot_be_told(make_observation):
    assert link_diagnostics(uploads(make_observation, repeats=1)).lack_of_fit_p is None


def test_neighbours_that_agree_are_correlated_and_those_that_alternate_the_other_way():
    assert lag_one(np.array([1.0, 1, 1, -1, -1, -1])) == pytest.approx(0.5)
    assert lag_one(np.array([1.0, -1, 1, -1])) == pytest.approx(-0.75)
    assert lag_one(np.zeros(4)) == 0.0


@pytest.mark.parametrize("count", [20, 60])
def test_the_correlation_of_independent_residuals_deviates_by_one_in_the_mean_square(count):
    """Whatever the fit makes of the errors; its own ties shift the plain correlation."""
    random = np.random.default_rng(count)
    design = random.uniform(0.5, 2.0, (count, 4))
    spread = random.uniform(0.5, 2.0, count)
    found = []
    for _ in range(2000):
        observed = spread * random.standard_normal(count)
        fit = weighted_fit(design, observed, spread)
        found.append(
            serial_deviation(LinearModel(design=design, observed=observed, spread=spread), fit)
        )

    assert np.mean(found) == pytest.approx(0.0, abs=4 / 2000**0.5)
    assert np.std(found) == pytest.approx(1.0, abs=4 / 4000**0.5)
    assert np.mean(np.abs(found) > 3.89) < 0.002
