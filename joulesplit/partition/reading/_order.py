"""Can the operators run in the order in which they stand? Checked on a network as data."""

from __future__ import annotations

from collections.abc import Collection

from joulesplit.partition._network import Network
from joulesplit.partition.errors import UnsupportedModelError

MAX_CROSSINGS = 10_000_000
"""Tensors that cross, summed over all cuts; networks of 1,000 operators have some 10,000."""


def check_order(network: Network, held: Collection[int]) -> None:
    """Check that every tensor is made once, before it is used, and that the cuts can be listed.

    Args:
        network: The network.
        held: Indices of the tensors that are there from the start besides the inputs:
            stored values and state.

    Raises:
        ValueError: The operators contradict each other.
        UnsupportedModelError: So much crosses that listing all cuts would take unbounded memory.
    """
    if len(set(network.inputs)) != len(network.inputs):
        raise ValueError("one tensor is listed twice among the inputs")
    there = {*network.inputs, *held}
    made = set(network.inputs)
    for operator in network.operators:
        missing = [index for index in operator.inputs if index not in there]
        if missing:
            raise ValueError(f"{_described(network, missing[0])} is used before anything makes it")
        for index in operator.outputs:
            if index in made:
                raise ValueError(f"{_described(network, index)} is made twice")
            made.add(index)
        there.update(operator.outputs)
    missing = [index for index in network.outputs if index not in there]
    if missing:
        raise ValueError(f"{_described(network, missing[0])} is an output that nothing makes")
    _check_crossings(network)


def _described(network: Network, index: int) -> str:
    return f"tensor {index} ({network.tensors[index].name[:80]!r})"


def _check_crossings(network: Network) -> None:
    """Add up for how many operators every tensor is kept."""
    born = dict.fromkeys(network.inputs, -1)
    last_use: dict[int, int] = {}
    for operator in network.operators:
        born.update(dict.fromkeys(operator.outputs, operator.index))
        last_use.update(dict.fromkeys(operator.inputs, operator.index))
    last_use.update(dict.fromkeys(network.outputs, len(network.operators)))
    crossings = sum(last_use.get(index, start) - start for index, start in born.items())
    if crossings > MAX_CROSSINGS:
        raise UnsupportedModelError(
            f"{network.name}: {crossings} tensors cross its {len(network.operators) + 1} cuts, "
            f"the limit is {MAX_CROSSINGS}; split the model into smaller ones"
        )
