from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from joulesplit.calibrate.estimates import (
    block_problem,
    coverage_factor,
    energy_per_bit,
    fit_blocks,
    fit_link,
    outliers,
)
from joulesplit.calibrate.estimates._by_pace import stated_bit
from joulesplit.calibrate.estimates._method_views import compute_views, e_c_views

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


def views_of(windows, account="net", shared_half_j=(0.0, 0.0)):
    return compute_views(windows, FLOP, account, shared_half_j=np.array(shared_half_j))


def e_d_views(windows):
    return views_of(windows).e_d


def spoil(windows, make_observation):
    first = windows[0]
    spoilt = make_observation(first.block, first.repetitions, first.net_j + 0.1, work_s=0.41)
    return [spoilt, *windows[1:]]


def test_every_method_states_e_d_with_its_own_interval(windows):
    views = {view.method: view for view in e_d_views(windows)}

    assert set(views) == {"weighted", "ordinary", "huber"}
    for view in views.values():
        assert view.value == pytest.approx(FLOP / 0.04, rel=0.01)
        assert view.ci95[0] < view.value < view.ci95[1]
        assert view.windows == len(windows)
    assert views["weighted"].bootstrap_ci95 is not None


def test_an_outlier_is_flagged_kept_and_shown_both_ways(windows, make_observation):
    spoilt = spoil(windows, make_observation)

    flags = outliers(block_problem(spoilt, 2, "net").fit_of_windows())
    views = {view.method: view for view in e_d_views(spoilt)}

    assert flags.tolist() == [True] + [False] * (len(windows) - 1)
    assert views["weighted"].windows == len(windows)
    assert views["without-outliers"].windows == len(windows) - 1
    clean = e_d_views(windows)[0].value
    assert abs(views["without-outliers"].value - clean) < abs(views["weighted"].value - clean)
    assert abs(views["huber"].value - clean) < abs(views["weighted"].value - clean)


def test_clean_campaigns_hardly_ever_have_an_outlier():
    random = np.random.default_rng(9)
    design = np.column_stack([np.ones(40), np.tile([1.0, 2.0, 4.0, 8.0], 10)])
    flagged = 0
    for _ in range(1000):
        from joulesplit.calibrate.estimates._stats import weighted_fit

        flagged += outliers(weighted_fit(design, random.standard_normal(40), np.ones(40))).any()

    # 0.002 of 1000 is 2; more than 8 happen by chance in one of four thousand such tests.
    assert flagged <= 8


def half_width(interval):
    return (interval[1] - interval[0]) / 2


def by_method(windows, block):
    return {view.method: view for view in views_of(windows).blocks[block - 1]}


def test_windows_without_scatter_give_every_block_exactly_by_every_method(make_observation):
    exact = [
        make_observation(block, n, 0.05 + ENERGY_J[block - 1] * n, work_s=0.01 + 0.1 * n)
        for block in (1, 2)
        for n in (4, 8, 16)
    ]

    for block, energy_j in enumerate(ENERGY_J, start=1):
        for view in by_method(exact, block).values():
            assert view.value == pytest.approx(energy_j, rel=1e-12)
            for interval in (view.ci95, view.bootstrap_ci95):
                assert interval is None or interval == pytest.approx([energy_j] * 2, rel=1e-9)


def test_one_odd_window_moves_the_ordinary_energy_of_its_block_but_hardly_the_robust_one(
    windows, make_observation
):
    spoilt = spoil(windows, make_observation)

    clean, found = by_method(windows, 1), by_method(spoilt, 1)

    def moved(method):
        return abs(found[method].value - clean[method].value)

    assert moved("ordinary") > 3 * half_width(clean["ordinary"].ci95)
    assert moved("huber") < half_width(clean["huber"].ci95)
    assert abs(found["without-outliers"].value - ENERGY_J[0]) < half_width(clean["ordinary"].ci95)


def test_the_blocks_of_a_method_add_up_to_its_e_d(windows):
    views = views_of(windows)

    for position, e_d in enumerate(views.e_d):
        of_blocks = [block[position] for block in views.blocks]
        assert {view.method for view in of_blocks} == {e_d.method}
        assert FLOP / sum(view.value for view in of_blocks) == pytest.approx(e_d.value)


def test_the_weighted_view_of_a_block_is_the_energy_of_the_profile(windows):
    fit = fit_blocks(windows, 2, "net")

    for block in (1, 2):
        stated, view = fit.one(block), by_method(windows, block)["weighted"]
        assert view.value == pytest.approx(stated.value)
        assert half_width(view.ci95) == pytest.approx(stated.half_width)


def test_the_ordinary_interval_of_a_block_is_the_common_scatter_through_the_ordinary_slope(windows):
    problem = block_problem(windows, 2, "net")
    x, spread = problem.design, problem.spread
    gain = np.linalg.inv(x.T @ x) @ x.T
    left = (np.eye(len(windows)) - x @ gain) * spread
    covariance = left @ left.T
    size = np.sqrt(np.mean((problem.observed - x @ gain @ problem.observed) ** 2
                           / np.diag(covariance)))  # fmt: skip
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    freedom = len(windows) ** 2 / np.sum(correlation**2)

    for block in (1, 2):
        u = size * np.sqrt(np.sum((gain[block] * spread) ** 2))
        view = by_method(windows, block)["ordinary"]
        assert half_width(view.ci95) == pytest.approx(coverage_factor(freedom) * u)


def test_what_all_windows_share_widens_every_gross_interval_of_a_block(windows):
    alone = views_of(windows, "gross").blocks
    shared = views_of(windows, "gross", (0.003, 0.007)).blocks

    for block, half_j in enumerate((0.003, 0.007)):
        for before, after in zip(alone[block], shared[block], strict=True):
            assert after.figure == f"e_{block + 1} gross"
            expected = np.hypot(half_width(before.ci95), half_j)
            assert half_width(after.ci95) == pytest.approx(expected)


def test_windows_that_leave_few_degrees_of_freedom_give_blocks_no_interval_but_student_s(windows):
    found = by_method(windows[:6], 1)

    assert found["ordinary"].ci95 is found["ordinary"].bootstrap_ci95 is None
    assert found["weighted"].bootstrap_ci95 is None
    assert found["weighted"].ci95 is not None
    assert found["huber"].ci95 is not None


RATE_BIT_PER_S = 2e7


@pytest.fixture
def transfers_of(make_observation):
    def transfers(*lengths_s, repeats=4):
        """Uploads of three sizes at two rates, in windows about as long as asked for."""
        random = np.random.default_rng(7)
        windows = []
        for bits, rate, length_s in repeats * list(
            product((32_000, 800_000, 6_400_000), (5e6, RATE_BIT_PER_S), lengths_s)
        ):
            n = max(1, round(length_s / (bits / rate + 0.01)))
            net_j = 5e-3 * n + 0.6 * n * bits / rate + 1.2e-8 * n * bits + 0.03
            windows.append(
                make_observation(
                    0,
                    n,
                    net_j + 1e-3 * random.standard_normal(),
                    airtime_s=n * bits / rate,
                    payload_bits=n * bits,
                    work_s=n * (bits / rate + 0.01),
                )
            )
        return windows

    return transfers


@pytest.fixture
def transfers(transfers_of):
    return transfers_of(0.6, 1.5)


def test_every_method_states_e_c_with_its_own_interval(transfers_of):
    windows = transfers_of(0.6, 1.5, repeats=12)

    views = {
        view.method: view for view in e_c_views(stated_bit(windows, RATE_BIT_PER_S, "net"), "net")
    }

    assert set(views) == {"weighted", "ordinary", "huber"}
    for view in views.values():
        assert (view.figure, view.unit) == ("E_c net", "bit/J")
        assert view.value == pytest.approx(1 / (0.6 / RATE_BIT_PER_S + 1.2e-8), rel=0.02)
        assert view.ci95[0] < view.value < view.ci95[1]
        assert view.windows == len(windows)
    assert views["weighted"].bootstrap_ci95 is not None


def test_few_long_uploads_that_decide_a_method_leave_it_without_an_interval(transfers_of):
    """Two windows of twelve are long; t of fewer than four degrees of freedom covers 99 %."""
    windows = transfers_of(0.3, 0.9, repeats=1)

    views = {
        view.method: view for view in e_c_views(stated_bit(windows, RATE_BIT_PER_S, "net"), "net")
    }

    assert views["ordinary"].value == pytest.approx(views["weighted"].value, rel=0.05)
    assert views["ordinary"].ci95 is views["ordinary"].bootstrap_ci95 is None
    assert views["weighted"].bootstrap_ci95 is None
    assert views["weighted"].ci95 is not None
    assert views["huber"].ci95 is not None


def test_the_weighted_view_is_the_e_c_of_the_profile(transfers):
    bit_j = energy_per_bit(fit_link(transfers, "net"), RATE_BIT_PER_S)

    (view,) = (
        v
        for v in e_c_views(stated_bit(transfers, RATE_BIT_PER_S, "net"), "net")
        if v.method == "weighted"
    )

    assert view.value == pytest.approx(1 / bit_j.value)
    ends = (1 / (bit_j.value + bit_j.half_width), 1 / (bit_j.value - bit_j.half_width))
    assert view.ci95 == pytest.approx(ends)


def test_what_all_uploads_share_widens_the_interval_of_e_c(transfers):
    def half_j(**shared):
        low, high = e_c_views(stated_bit(transfers, RATE_BIT_PER_S, "gross"), "gross", **shared)[
            0
        ].ci95
        return (1 / low - 1 / high) / 2

    assert half_j(shared_half_j=1e-8) == pytest.approx(np.hypot(half_j(), 1e-8))


def test_an_odd_upload_is_kept_and_e_c_shown_both_ways(transfers):
    odd = transfers[-1]
    spoilt = [*transfers[:-1], replace(odd, net_j=1.5 * odd.net_j)]

    views = {
        view.method: view for view in e_c_views(stated_bit(spoilt, RATE_BIT_PER_S, "net"), "net")
    }

    clean = e_c_views(stated_bit(transfers, RATE_BIT_PER_S, "net"), "net")[0].value
    assert views["without-outliers"].windows == len(transfers) - 1
    for method in ("without-outliers", "huber"):
        assert abs(views[method].value - clean) < abs(views["weighted"].value - clean)
