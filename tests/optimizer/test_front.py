from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from joulesplit.optimizer._pareto_front import faster_ones

SPLITS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans()), min_size=1, max_size=9
)


@given(splits=SPLITS)
def test_together_with_the_cheapest_they_are_what_nothing_beats_in_both(splits):
    energies_j, latencies_s, allowed = zip(*splits, strict=True)
    feasible = [block for block, is_allowed in enumerate(allowed) if is_allowed]

    found = faster_ones(energies_j, latencies_s, feasible)

    costs = {block: (energies_j[block], latencies_s[block]) for block in feasible}
    unbeaten = {
        cost
        for cost in costs.values()
        if not any(
            other != cost and other[0] <= cost[0] and other[1] <= cost[1]
            for other in costs.values()
        )
    }
    cheapest = min(costs.values(), default=None)
    assert {costs[block] for block in found} == unbeaten - {cheapest}
    assert len(found) == len({costs[block] for block in found})
    assert list(found) == sorted(found, key=lambda block: energies_j[block])


def test_the_fastest_split_has_no_faster_one():
    assert faster_ones([3.0, 1.0, 2.0], [9.0, 4.0, 5.0], [0, 1, 2]) == ()


def test_a_split_that_is_not_allowed_is_none_of_them():
    assert faster_ones([1.0, 2.0, 3.0], [9.0, 5.0, 1.0], [0, 1]) == (1,)


def test_a_split_that_is_faster_by_rounding_alone_buys_no_time():
    # 0.1 + 0.2 s and 0.3 s are the same blocks summed in another order.
    assert faster_ones([1.0, 2.0, 3.0], [0.1 + 0.2, 0.3, 0.2], [0, 1, 2]) == (2,)
