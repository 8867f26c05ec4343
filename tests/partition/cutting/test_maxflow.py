"""The minimum cut, against scipy's maximum flow and against all cuts."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from joulesplit.partition.cutting._maxflow import FlowGraph

NODES = 6
edges = st.dictionaries(
    st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)).filter(lambda e: e[0] != e[1]),
    st.integers(0, 20),
    max_size=18,
)


def solved(capacities: dict[tuple[int, int], int]) -> tuple[int, frozenset[int]]:
    graph = FlowGraph(NODES)
    for (tail, head), capacity in capacities.items():
        graph.add_edge(tail, head, capacity)
    return graph.minimum_cut(0, 1)


@given(edges)
def test_the_value_is_that_of_another_maximum_flow(capacities: dict) -> None:
    matrix = np.zeros((NODES, NODES), np.int32)
    for edge, capacity in capacities.items():
        matrix[edge] = capacity
    value, _ = solved(capacities)
    assert value == maximum_flow(csr_array(matrix), 0, 1).flow_value


@given(edges)
def test_the_side_is_the_smallest_of_all_minimum_cuts(capacities: dict) -> None:
    def capacity(side: set[int]) -> int:
        return sum(c for (a, b), c in capacities.items() if a in side and b not in side)

    sides = [
        {0, *rest} for size in range(NODES - 1) for rest in combinations(range(2, NODES), size)
    ]
    least = min(map(capacity, sides))
    value, reached = solved(capacities)
    assert value == least
    assert reached == set.intersection(*(side for side in sides if capacity(side) == least))


@given(edges)
def test_numbers_of_any_size_are_exact(capacities: dict) -> None:
    huge = {edge: capacity * 10**40 + 1 for edge, capacity in capacities.items()}
    value, reached = solved(huge)
    cut = [c for (a, b), c in huge.items() if a in reached and b not in reached]
    assert value == sum(cut)
