"""Hull and swap prices against brute force over prices."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.optimizer._hull import breakpoints, crossovers
from joulesplit.optimizer._search import cheapest
from joulesplit.partition.cutting import lower_left_hull

point_lists = st.lists(
    st.tuples(st.integers(0, 30).map(float), st.integers(0, 30).map(float)), min_size=1, max_size=15
)


def winner(points, price):
    """Least y + a·x; of equals the smaller x, then the first."""
    return min(
        range(len(points)), key=lambda i: (points[i][1] + price * points[i][0], points[i][0], i)
    )


@given(point_lists)
def test_hull_is_the_set_of_winners_between_all_pairwise_swaps(points):
    # Between two neighbouring swap prices of any two points the order of all points is fixed, so
    # one price in each gap tries every price there is.
    swaps = {(b[1] - a[1]) / (a[0] - b[0]) for a, b in permutations(points, 2) if a[0] != b[0]}
    edges = [0.0, *sorted(price for price in swaps if price > 0), 1000.0]
    winners = [winner(points, (low + high) / 2) for low, high in pairwise(edges)]
    assert tuple(dict.fromkeys(winners)) == lower_left_hull(points)


@pytest.fixture
def priced(candidates):
    def price(bit_energy_j):
        return candidates(
            block_energy_j=[4.0, 1.0, 6.0, 2.0, 9.0, 1.0],
            output_bits=[30, 12, 12, 5, 9, 1],
            input_bits=40,
            bit_energy_j=bit_energy_j,
            upload_cost_j=0.5,
        )

    return price


@pytest.mark.parametrize("feasible", [(0, 1, 2, 3, 4, 5, 6), (1, 2, 3, 5), (1, 4)])
def test_breakpoints_are_where_the_search_changes_its_mind(priced, feasible):
    e_d = 100.0
    hull, swaps = breakpoints(priced(1.0), feasible, e_d_flop_per_j=e_d)
    ratios = [k * 0.5 for k in range(1, 1_200)]
    chosen = [cheapest(priced(ratio / e_d), feasible) for ratio in ratios]
    changes = [
        (ratio, before, after)
        for ratio, (before, after) in zip(ratios[1:], pairwise(chosen), strict=True)
        if before != after
    ]
    assert tuple(dict.fromkeys(chosen)) == hull
    assert len(changes) == len(swaps)
    for (ratio, before, after), swap in zip(changes, swaps, strict=True):
        assert (before, after) == (swap.block_below, swap.block_above)
        assert swap.ratio_flop_per_bit == pytest.approx(ratio, abs=0.501)
        assert swap.e_c_bit_per_j == pytest.approx(e_d / swap.ratio_flop_per_bit)


@pytest.mark.parametrize("allowed", [range(7), (1, 2, 3, 5), (4, 5)])
@pytest.mark.parametrize("bit_energy_j", [0.01, 0.1, 0.3, 0.6, 1.0, 3.0, 10.0])
def test_choice_holds_up_to_each_crossover_and_changes_beyond(priced, bit_energy_j, allowed):
    energies = priced(bit_energy_j)
    best = cheapest(energies, allowed)
    found = crossovers(energies, allowed, best, None)
    for crossover in found:
        beyond = 1.001 if crossover.bit_becomes == "dearer" else 0.999
        price_j = 1.0 / crossover.e_c_bit_per_j
        assert cheapest(priced(price_j / beyond), allowed) == best
        assert cheapest(priced(price_j * beyond), allowed) == crossover.block
        assert crossover.rate_bit_per_s is None
        assert not crossover.measured_range
    hull, _ = breakpoints(energies, allowed, e_d_flop_per_j=1.0)
    assert len(found) == 2 - (best == hull[0]) - (best == hull[-1])


def test_crossover_rate_is_where_the_fitted_link_has_that_price(priced, world):
    fit = world(bit_j=0.6, rate=1000.0, covariance=((0.0,) * 3,) * 3).profile().link.uplink.fit
    energies = priced(0.6)
    found = crossovers(energies, range(7), cheapest(energies, range(7)), fit)
    assert len(found) == 2
    for crossover in found:
        price_j = fit.air_power_w.value / crossover.rate_bit_per_s + fit.bit_energy_j.value
        assert price_j == pytest.approx(1.0 / crossover.e_c_bit_per_j)
        assert crossover.measured_range == (500.0 <= crossover.rate_bit_per_s <= 2000.0)
        assert (crossover.bit_becomes == "dearer") == (crossover.rate_bit_per_s < 1000.0)
