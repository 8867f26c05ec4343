"""Every way to cut a network in execution order, and what crosses."""

from __future__ import annotations

from collections.abc import Iterable

from joulesplit.partition._constants import constant_tensors
from joulesplit.partition._network import Cut, Network
from joulesplit.partition._obstacles import first_unsendable, tearing


def prefix_cuts(network: Network) -> tuple[Cut, ...]:
    """Return the cuts after operator −1 (empty head) to the last one (empty tail).

    A tensor crosses if the head side makes or receives it and the tail needs it. A network
    output made in the head crosses too: the caller gets all results from the tail's side.
    So everything crosses once: the inputs before the first operator, the outputs after the
    last. Constants, stored or unpacked from stored ones, never cross.

    Where something would cross that cannot, or state would be torn apart, the cut says so in its
    ``obstacle``. After the last operator nothing has to cross: there is no obstacle.

    Tensors are in the order of the network's inputs at the first cut, of its outputs at the
    last, and otherwise in the order in which the network receives or makes them.
    Time is linear in the size of the network and of the answer.
    """
    constants, torn = constant_tensors(network), tearing(network)
    dying = _dying(network, constants)
    alive = dict.fromkeys(i for i in network.inputs if i not in constants)
    cuts = [_cut(network, -1, alive, first_unsendable(network, alive))]
    for index in dying.pop(-1, ()):
        alive.pop(index, None)
    for operator in network.operators:
        alive.update(dict.fromkeys(i for i in operator.outputs if i not in constants))
        for index in dying.pop(operator.index, ()):
            alive.pop(index, None)
        obstacle = torn.get(operator.index) or first_unsendable(network, alive)
        cuts.append(_cut(network, operator.index, alive, obstacle))
    outputs = dict.fromkeys(i for i in network.outputs if i not in constants)
    cuts[-1] = _cut(network, cuts[-1].after_operator, outputs, "")
    return tuple(cuts)


def possible_ends(network: Network) -> frozenset[int]:
    """Return the operators after which the network can be cut; the last one always is."""
    return frozenset(cut.after_operator for cut in prefix_cuts(network) if not cut.obstacle)


def _dying(network: Network, constants: frozenset[int]) -> dict[int, list[int]]:
    """Return, by operator, the tensors nothing needs after it; network outputs never die."""
    last_use = dict.fromkeys(network.inputs, -1)
    for operator in network.operators:
        for tensor in (*operator.outputs, *operator.inputs):
            last_use[tensor] = operator.index
    dying: dict[int, list[int]] = {}
    for tensor, operator_index in last_use.items():
        if tensor not in constants and tensor not in network.outputs:
            dying.setdefault(operator_index, []).append(tensor)
    return dying


def _cut(network: Network, after_operator: int, tensors: Iterable[int], obstacle: str) -> Cut:
    crossing = tuple(tensors)
    return Cut(
        after_operator=after_operator,
        tensors=crossing,
        bits=sum(network.tensors[index].bits for index in crossing),
        obstacle=obstacle,
    )
