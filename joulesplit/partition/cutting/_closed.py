"""Cuts along any closed set of operators, not only along prefixes of the file's order.

A **closed** set holds, with each operator, all that make what it needs: the device can run it
without the server. Operators that only unpack stored constants or name state belong to both
sides. Operators that share state are all in it or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from joulesplit.partition._constants import constant_tensors, working_operators
from joulesplit.partition._network import Network, Operator
from joulesplit.partition._obstacles import first_unsendable, tied_operators, torn
from joulesplit.partition.errors import CutError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedCut:
    """A closed set of operators on the device, and what crosses to the server.

    Tensors are in the order in which the network receives or makes them.

    Attributes:
        operators: Indices of the device's operators, ascending, without those that only unpack
            constants.
        tensors: Indices of the tensors that cross; never constants.
        results: Indices of the network outputs that the device has and keeps. They need not
            cross, but do if the server computes with them.
        bits: What is uploaded, bit.
    """

    operators: tuple[int, ...]
    tensors: tuple[int, ...]
    results: tuple[int, ...]
    bits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Which operator makes and which ones use what; constants left out.

    Attributes:
        operators: Those that do not merely unpack constants, in order.
        makers: Operator index by the tensor it makes; None for a network input. In the order in
            which the network receives or makes them.
        users: Operator indices by the tensor they use.
    """

    operators: tuple[Operator, ...]
    makers: dict[int, int | None]
    users: dict[int, list[int]]


def flow_of(network: Network) -> Flow:
    """Return how a network's tensors run from operator to operator.

    Tensors that nothing makes (an operator's state) are its own business and left out.
    """
    constants, working = constant_tensors(network), working_operators(network)
    makers: dict[int, int | None] = {i: None for i in network.inputs if i not in constants}
    for operator in working:
        makers.update((i, operator.index) for i in operator.outputs if i not in constants)
    users: dict[int, list[int]] = {index: [] for index in makers}
    for operator in working:
        for index in dict.fromkeys(operator.inputs):
            if index in users:
                users[index].append(operator.index)
    return Flow(operators=working, makers=makers, users=users)


def closed_cut(
    network: Network,
    operators: Iterable[int],
    *,
    tensor_bits: Mapping[int, int] | None = None,
    results_uploaded: bool = False,
) -> ClosedCut:
    """Return the cut with these operators on the device.

    Args:
        network: The network.
        operators: Indices of a closed set; those that only unpack constants may be left out.
        tensor_bits: Upload sizes that differ from the tensors' own, bit, by tensor index.
        results_uploaded: Network outputs that the device makes cross too, as in a prefix cut.

    Raises:
        CutError: An operator is not there, or one needs what the device does not make; operators
            that share state are apart, or something would cross that cannot.
    """
    flow = flow_of(network)
    device = _device(network, flow, operators)
    held = [i for i, maker in flow.makers.items() if maker is None or maker in device]
    results = [i for i in held if i in network.outputs]
    crossing = tuple(
        index
        for index in held
        if not device.issuperset(flow.users[index]) or (results_uploaded and index in results)
    )
    _check_possible(network, device, [i for i in crossing if i not in (tensor_bits or {})])
    bits = tensor_bits or {}
    return ClosedCut(
        operators=tuple(sorted(device)),
        tensors=crossing,
        results=() if results_uploaded else tuple(results),
        bits=sum(bits.get(index, network.tensors[index].bits) for index in crossing),
    )


def _device(network: Network, flow: Flow, operators: Iterable[int]) -> frozenset[int]:
    """Return the working operators among those given; check that they are closed."""
    asked = frozenset(operators)
    strange = sorted(asked.difference(range(len(network.operators))))
    if strange:
        raise CutError(
            f"{network.name}: no operator {strange[0]}; they are numbered from 0 to "
            f"{len(network.operators) - 1}"
        )
    device = asked.intersection(operator.index for operator in flow.operators)
    for index in sorted(device):
        for tensor in network.operators[index].inputs:
            maker = flow.makers.get(tensor)
            if maker is not None and maker not in device:
                raise CutError(
                    f"{network.name}: operator {index} needs operator {maker}, which would be on "
                    "the server; put both on the device or neither"
                )
    return device


def _check_possible(network: Network, device: frozenset[int], crossing: Iterable[int]) -> None:
    obstacle = first_unsendable(network, crossing)
    for name, operators in tied_operators(network).items():
        if 0 < len(device.intersection(operators)) < len(operators):
            obstacle = torn(name, operators)
    if obstacle:
        raise CutError(f"{network.name}: cannot be cut so: {obstacle}; cut elsewhere")
