from __future__ import annotations

import numpy as np
import pytest

from calibrate.estimates.link_diagnostics import lag_one, link_diagnostics


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
