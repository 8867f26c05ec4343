"""The operators of a subgraph as data, with their work and memory traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from joulesplit.partition import flops
from joulesplit.partition._calls import OPTIONS, called_subgraphs
from joulesplit.partition._constants import is_unpacking
from joulesplit.partition._custom_operators import LITERT_HAS, custom_options
from joulesplit.partition._flatbuffer import block_scales
from joulesplit.partition._network import Operator, Tensor
from joulesplit.partition.flops import OperatorFacts, Traffic, Work, traffic
from joulesplit.partition.reading._bodies import Body, BodyWork, Call, CalledWork
from joulesplit.partition.reading._graphs import ABSENT, Graph
from joulesplit.partition.reading._shapes import stated_shapes
from joulesplit.partition.reading._state import operator_states, state_tensors, union
from joulesplit.partition.reading._tensors import is_weight, network_tensors, stored_weights

MAX_OPTION = 32
"""Numbers in a list among an operator's options; a damaged file can have millions."""
NO_RULE = "there is no rule for it"
DATA_DECIDE = "the data decide how much there is to do"


class OperatorReader:
    """A reader of the operators of one subgraph.

    Args:
        graph: The subgraph.
        tensors: Its tensors, with their shapes as they are.
        bodies: The subgraphs that it runs, by number.
        called: What running them takes.

    Attributes:
        called_bytes: Stored weights that the subgraphs read, once for each operator that runs
            them, bytes; there after ``operators``.
    """

    def __init__(
        self,
        graph: Graph,
        tensors: Sequence[Tensor],
        bodies: Mapping[int, Body],
        called: CalledWork,
    ) -> None:
        self._graph, self._tensors = graph, tensors
        self._bodies, self._called = bodies, called
        self._variables = state_tensors(graph)
        self._constants = {tensor.index for tensor in tensors if tensor.is_constant}
        self._first_stored: dict[int, int] = {}
        self.called_bytes = 0

    def operators(self) -> tuple[Operator, ...]:
        """Return the operators, in order.

        Raises:
            ValueError: The shapes are not those of such operators.
        """
        states = operator_states(self._graph, lambda number: self._bodies[number].states)
        found = []
        for index, (kind, raw, listed, outputs) in enumerate(self._graph.operators()):
            inputs = tuple(i for i in listed if i != ABSENT)
            operator = Operator(
                index=index,
                kind=kind,
                inputs=inputs,
                outputs=outputs,
                flop=0,
                mac_flop=0,
                calls=called_subgraphs(raw),
                state=tuple(sorted(states[index])),
            )
            if is_unpacking(kind, inputs, self._constants):
                self._constants.update(outputs)
                found.append(operator)
            else:
                found.append(self._with_costs(operator, raw, listed))
        return tuple(found)

    def _with_costs(self, operator: Operator, raw: Any, listed: tuple[int, ...]) -> Operator:
        finding = self._finding(operator, raw, listed)
        moved = self._traffic(operator, finding.weight_bytes)
        self.called_bytes += finding.weight_bytes
        return replace(
            operator,
            flop=None if finding.work is None else finding.work.flop,
            mac_flop=0 if finding.work is None else finding.work.mac_flop,
            read_bytes=moved.read_bytes,
            written_bytes=moved.written_bytes,
            parameter_bytes=moved.parameter_bytes,
            remark=finding.remark,
            least_flop=finding.least,
            most_flop=finding.most,
        )

    def _finding(self, operator: Operator, raw: Any, listed: tuple[int, ...]) -> BodyWork:
        shapes = tuple(None if i == ABSENT else self._tensors[i].shape for i in listed)
        if self._called.has_rule(operator.kind):
            call = Call(caller=self._graph, raw=raw, inputs=listed, shapes=shapes)
            return self._called.found(operator.kind, call)
        facts = OperatorFacts(
            inputs=shapes,
            outputs=tuple(self._tensors[i].shape for i in operator.outputs),
            options=_options(operator.kind, raw),
        )
        work = flops.work(operator.kind, facts)
        if work is not None:
            return BodyWork(work=work)
        least, most = flops.bounds(operator.kind, facts)
        remark = NO_RULE if most is None else f"{DATA_DECIDE}: {least:,} to {most:,} FLOP"
        return BodyWork(remark=remark, least=least, most=most)

    def _traffic(self, operator: Operator, called_bytes: int) -> Traffic:
        inputs = [self._tensors[self._stored_as(index)] for index in operator.inputs]
        moved = traffic(
            operator.kind,
            inputs,
            [self._tensors[index] for index in operator.outputs],
            weights=frozenset(t.index for t in inputs if self._is_weight(t)),
            state=self._variables,
        )
        return replace(
            moved,
            read_bytes=moved.read_bytes + called_bytes,
            parameter_bytes=moved.parameter_bytes + called_bytes,
        )

    def _stored_as(self, index: int) -> int:
        """Return the first tensor that is stored in the same buffer; the tensor itself if none."""
        if self._graph.data(index) is None:
            return index
        return self._first_stored.setdefault(self._graph.raw.tensors[index].buffer, index)

    def _is_weight(self, tensor: Tensor) -> bool:
        if tensor.index not in self._constants:
            return False
        in_blocks = bool(block_scales(self._graph.raw.tensors[tensor.index]))
        return in_blocks or is_weight(tensor.dtype, tensor.quantization)


def body_of(graph: Graph, bodies: Mapping[int, Body], called: CalledWork) -> Body:
    """Return what one run of a subgraph takes.

    Args:
        graph: The subgraph.
        bodies: The subgraphs that it runs itself, by number.
        called: What running them takes.

    Raises:
        ValueError: The shapes are not those of such operators, or not of this world.
    """
    states = union(operator_states(graph, lambda number: bodies[number].states))
    own = sum(weight.stored_bytes for weight in stored_weights(graph).values())
    body = Body(graph=graph, states=states, weight_bytes=own)
    shapes = stated_shapes(graph)
    if shapes is None:
        return replace(body, unknown=f"the file leaves shapes in subgraph {graph.number} open")
    reader = OperatorReader(graph, network_tensors(graph, shapes), bodies, called)
    operators = reader.operators()
    unknown = _unknown_inside(graph, operators)
    least, most = _bounds(operators)
    return replace(
        body,
        inputs=tuple(shapes[int(index)] for index in graph.raw.inputs),
        work=None if unknown else _total(operators),
        unknown=unknown,
        least=least,
        most=most,
        weight_bytes=own + reader.called_bytes,
    )


def _unknown_inside(graph: Graph, operators: Iterable[Operator]) -> str:
    kinds = Counter(operator.kind for operator in operators if operator.flop is None)
    listed = ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items()))
    return f"the work of {listed} in subgraph {graph.number} is not known" if kinds else ""


def _bounds(operators: Sequence[Operator]) -> tuple[int, int | None]:
    """Return the least and the most work of some operators, FLOP."""
    bounds = [operator.bounds_flop for operator in operators]
    limits = [most for _, most in bounds if most is not None]
    return sum(least for least, _ in bounds), sum(limits) if len(limits) == len(bounds) else None


def _total(operators: Iterable[Operator]) -> Work:
    mac, everything = 0, 0
    for operator in operators:
        mac += operator.mac_flop
        everything += operator.flop or 0
    return Work(mac_flop=mac, other_flop=everything - mac)


def _options(kind: str, raw: Any) -> dict[str, int | tuple[int, ...]]:
    """Return an operator's own numbers, and short lists of them, by the schema's names."""
    if kind in LITERT_HAS:
        return custom_options(raw)
    found: dict[str, int | tuple[int, ...]] = {}
    for options in (getattr(raw, name) for name in OPTIONS):
        for name, value in ({} if options is None else vars(options)).items():
            if isinstance(value, int):
                found[name] = value
            elif isinstance(value, np.ndarray) and value.size <= MAX_OPTION:
                found[name] = tuple(int(one) for one in value)
    return found
