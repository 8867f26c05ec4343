"""How often does a loop run? Told by following its counters, where these depend on nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from joulesplit.partition.reading._graphs import Graph
from joulesplit.partition.reading._scalars import Slice, evaluated, scalar, slice_of

MAX_STEPS = 500_000
"""Operators followed per file, about a second; a loop that would take more is not followed."""
CONDITION, BODY = "condSubgraphIndex", "bodySubgraphIndex"
"""schema.fbs: what ``WhileOptions`` calls the two subgraphs of a loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counters:
    """What a loop's condition depends on.

    Attributes:
        condition: Slice of the condition's result.
        body: Slice of the loop variables that the condition depends on, directly or not.
        variables: Positions of these among all loop variables, ascending.
    """

    condition: Slice
    body: Slice
    variables: tuple[int, ...]


class LoopFollower:
    """A follower of one file's loops, up to ``MAX_STEPS`` in all."""

    def __init__(self) -> None:
        self._left = MAX_STEPS
        self._counters: dict[tuple[int, int], _Counters | None] = {}
        self._counts: dict[tuple[int, int, tuple[tuple[int, int], ...]], int | None] = {}

    def trip_count(
        self, caller: Graph, inputs: tuple[int, ...], condition: Graph, body: Graph
    ) -> int | None:
        """Return how often a loop's body runs; None if that cannot be told.

        Args:
            caller: The subgraph with the loop in it.
            inputs: The loop's inputs, tensor indices there: the first values of its variables.
            condition: The loop's condition.
            body: The loop's body.
        """
        pair = (condition.number, body.number)
        if pair not in self._counters:
            self._counters[pair] = self._found(condition, body)
        counters = self._counters[pair]
        if counters is None or counters.variables[-1] >= len(inputs):
            return None
        start = {}
        for place in counters.variables:
            value = scalar(caller, inputs[place]) if inputs[place] >= 0 else None
            if value is None:
                return None
            start[place] = value
        key = (*pair, tuple(start.items()))
        if key not in self._counts:
            self._counts[key] = self._followed(condition, body, counters, start)
        return self._counts[key]

    def _found(self, condition: Graph, body: Graph) -> _Counters | None:
        """Return what decides how often a loop runs; None if that is more than single numbers."""
        if len(condition.raw.outputs) != 1 or len(body.raw.outputs) != len(body.raw.inputs):
            return None
        asked = self._slice(condition, [int(condition.raw.outputs[0])])
        wanted = set() if asked is None else set(asked.inputs)
        variables: set[int] = set()
        own = None
        while not wanted <= variables:
            variables |= wanted
            if max(variables) >= len(body.raw.outputs):
                return None
            own = self._slice(body, [int(body.raw.outputs[place]) for place in variables])
            wanted = set() if own is None else set(own.inputs)
        if asked is None or own is None:
            return None
        return _Counters(condition=asked, body=own, variables=tuple(sorted(variables)))

    def _slice(self, graph: Graph, results: Sequence[int]) -> Slice | None:
        self._left -= len(graph.kinds)
        return slice_of(graph, results) if self._left > 0 else None

    def _followed(
        self, condition: Graph, body: Graph, counters: _Counters, values: Mapping[int, int]
    ) -> int | None:
        count, cost = 0, 1 + len(counters.condition.steps) + len(counters.body.steps)
        while self._left >= cost:
            self._left -= cost
            asked = evaluated(condition, counters.condition, values)
            if asked is None:
                return None
            if not asked[int(condition.raw.outputs[0])]:
                return count
            made = evaluated(body, counters.body, values)
            if made is None:
                return None
            values = {place: made[int(body.raw.outputs[place])] for place in counters.variables}
            count += 1
        return None
