from __future__ import annotations

import numpy as np
import pytest

from calibrate.estimates.fitting import block_problem
from calibrate.estimates.views import e_d_views, outliers

ENERGY_J = (0.01, 0.03)
FLOP = 4_000_000


@pytest.fixture
def windows(make_observation):
    random = np.random.default_rng(6)
    return [
        make_observation(
            block,
            n,
            0.05 + ENERGY_J[block - 1] * n + 1e-3 * random.standard_normal(),
            work_s=0.01 + 0.1 * n,
        )
        for _ in range(4)
        for block in (1, 2)
        for n in (4, 8, 16)
    ]


def spoil(windows, make_observation):
    first = windows[0]
    spoilt = make_observation(first.block, first.repetitions, first.net_j + 0.1, work_s=0.41)
    return [spoilt, *windows[1:]]


def test_every_method_states_e_d_with_its_own_interval(windows):
    views = {view.method: view for view in e_d_views(windows, 2, FLOP, "net")}

    assert set(views) == {"weighted", "ordinary", "huber"}
    for view in views.values():
        assert view.value == pytest.approx(FLOP / 0.04, rel=0.01)
        assert view.ci95[0] < view.value < view.ci95[1]
        assert view.windows == len(windows)
    assert views["weighted"].bootstrap_ci95 is not None


def test_an_outlier_is_flagged_kept_and_shown_both_ways(windows, make_observation):
    spoilt = spoil(windows, make_observation)

    flags = outliers(block_problem(spoilt, 2, "net").fit())
    views = {view.method: view for view in e_d_views(spoilt, 2, FLOP, "net")}

    assert flags.tolist() == [True] + [False] * (len(windows) - 1)
    assert views["weighted"].windows == len(windows)
    assert views["without-outliers"].windows == len(windows) - 1
    clean = e_d_views(windows, 2, FLOP, "net")[0].value
    assert abs(views["without-outliers"].value - clean) < abs(views["weighted"].value - clean)
    assert abs(views["huber"].value - clean) < abs(views["weighted"].value - clean)


def test_clean_campaigns_hardly_ever_have_an_outlier():
    random = np.random.default_rng(9)
    design = np.column_stack([np.ones(40), np.tile([1.0, 2.0, 4.0, 8.0], 10)])
    flagged = 0
    for _ in range(1000):
        from calibrate.estimates.stats import weighted_fit

        flagged += outliers(weighted_fit(design, random.standard_normal(40), np.ones(40))).any()

    # 0.002 of 1000 is 2; more than 8 happen by chance in one of four thousand such tests.
    assert flagged <= 8
