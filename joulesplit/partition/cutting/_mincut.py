"""The best of all closed cuts of a network, by minimum cut.

The graph whose minimum cuts they are:

    maker → tensor      what uploading the tensor costs; the maker is an operator or, for a
                        network input, the source: the device holds it
    tensor → user       without limit: if any user is on the server the tensor crosses, once
    user → maker        without limit: an operator on the device has its makers there
    operator → sink     what the operator costs the device
    operator ⇄ operator without limit where the two share state

What cannot be uploaded costs without limit. Costs are floats, and floats are fractions: over
their common denominator they are whole numbers, with which the flow is computed. So the cut is
the optimum for exactly the given costs; nothing is scaled or rounded on the way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isfinite, lcm

from joulesplit.partition._network import Network
from joulesplit.partition._obstacles import tied_operators, unsendable
from joulesplit.partition.cutting._closed import ClosedCut, Flow, closed_cut, flow_of
from joulesplit.partition.cutting._maxflow import FlowGraph
from joulesplit.partition.errors import CutError

Cost = float | Fraction
SOURCE, SINK = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCut:
    """A closed cut and what it costs.

    Attributes:
        cut: The cut.
        cost: Of the device's operators and the upload, in the unit of the costs given.
    """

    cut: ClosedCut
    cost: float


def best_closed_cut(
    network: Network,
    operator_costs: Sequence[Cost],
    bit_cost: Cost,
    *,
    tensor_bits: Mapping[int, int] | None = None,
    results_uploaded: bool = False,
) -> PricedCut:
    """Return the closed cut that costs least; of equal ones that with the fewest operators.

    Args:
        network: The network.
        operator_costs: What each operator costs the device, e.g. N/E_d in joules. What it says
            of operators that only unpack constants is not counted: they run once.
        bit_cost: What uploading a bit costs, e.g. 1/E_c in joules.
        tensor_bits: Upload sizes that differ from the tensors' own, bit, by tensor index, e.g.
            of an input in the camera's encoding.
        results_uploaded: Network outputs that the device makes are uploaded too (the server
            wants them). Otherwise the device keeps them.

    Raises:
        CutError: The costs are not one per operator, or one is negative or not finite; or the
            server wants a result that cannot be uploaded, of what it cannot make.
    """
    _check(network, operator_costs, bit_cost)
    flow = flow_of(network)
    bits = {i: network.tensors[i].bits for i in flow.makers} | dict(tensor_bits or {})
    exact = [Fraction(operator_costs[operator.index]) for operator in flow.operators]
    uploads = {index: Fraction(bit_cost) * bits[index] for index in flow.makers}
    device = _device(
        flow,
        exact,
        uploads,
        wanted=network.outputs if results_uploaded else (),
        kept={i for i in uploads if unsendable(network.tensors[i])} - (tensor_bits or {}).keys(),
        tied=tied_operators(network).values(),
    )
    cut = closed_cut(network, device, tensor_bits=tensor_bits, results_uploaded=results_uploaded)
    compute = sum(c for c, o in zip(exact, flow.operators, strict=True) if o.index in device)
    return PricedCut(cut=cut, cost=float(compute + sum(uploads[i] for i in cut.tensors)))


def _check(network: Network, operator_costs: Sequence[Cost], bit_cost: Cost) -> None:
    if len(operator_costs) != len(network.operators):
        raise CutError(
            f"{network.name}: {len(operator_costs)} costs for {len(network.operators)} operators; "
            "give one each"
        )
    wrong = [cost for cost in (*operator_costs, bit_cost) if not (isfinite(cost) and cost >= 0)]
    if wrong:
        raise CutError(f"{network.name}: a cost is {wrong[0]}; give finite ones from 0")


def _device(
    flow: Flow,
    costs: Sequence[Fraction],
    uploads: Mapping[int, Fraction],
    *,
    wanted: Collection[int],
    kept: Collection[int],
    tied: Iterable[tuple[int, ...]],
) -> frozenset[int]:
    """Return the operators on the source's side of the minimum cut.

    Args:
        flow: The network's flow.
        costs: Of its operators.
        uploads: Costs of its tensors.
        wanted: Tensors that the server wants if the device makes them.
        kept: Tensors that cannot be uploaded.
        tied: Operators that stay on one side.
    """
    common = lcm(*(fraction.denominator for fraction in (*costs, *uploads.values())))
    unlimited = int(sum(costs) * common + sum(uploads.values()) * common) + 1
    node_of = {o.index: node for node, o in enumerate(flow.operators, start=2)}
    graph = FlowGraph(2 + len(flow.operators) + len(flow.makers))
    for cost, node in zip(costs, node_of.values(), strict=True):
        graph.add_edge(node, SINK, int(cost * common))
    for first, second in (pair for operators in tied for pair in pairwise(operators)):
        graph.add_edge(node_of[first], node_of[second], unlimited)
        graph.add_edge(node_of[second], node_of[first], unlimited)
    for node, (index, maker) in enumerate(flow.makers.items(), start=2 + len(flow.operators)):
        made_at = SOURCE if maker is None else node_of[maker]
        graph.add_edge(made_at, node, unlimited if index in kept else int(uploads[index] * common))
        for user in flow.users[index]:
            graph.add_edge(node, node_of[user], unlimited)
            if maker is not None:
                graph.add_edge(node_of[user], made_at, unlimited)
        if index in wanted:
            graph.add_edge(node, SINK, unlimited)
    _value, reached = graph.minimum_cut(SOURCE, SINK)
    return frozenset(index for index, node in node_of.items() if node in reached)
