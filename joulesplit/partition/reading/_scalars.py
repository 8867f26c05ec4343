"""Single whole numbers followed through a subgraph: what loops count with.

Values are computed as the runtime would, but only where an operator takes and makes single
integers or truth values; a result that its type cannot hold is not known.
"""

from __future__ import annotations

import operator as op
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from joulesplit.partition.reading._graphs import Graph

COUNTING_DTYPES = frozenset({"int32", "int64", "bool"})
"""What converters count with; narrower integers are quantised numbers."""
SCALAR_OPERATIONS: Mapping[str, Callable[..., int]] = {
    "ADD": op.add,
    "SUB": op.sub,
    "MUL": op.mul,
    "MINIMUM": min,
    "MAXIMUM": max,
    "NEG": op.neg,
    "LESS": op.lt,
    "LESS_EQUAL": op.le,
    "GREATER": op.gt,
    "GREATER_EQUAL": op.ge,
    "EQUAL": op.eq,
    "NOT_EQUAL": op.ne,
    "LOGICAL_AND": op.and_,
    "LOGICAL_OR": op.or_,
    "LOGICAL_NOT": op.not_,
    "CAST": int,
}
"""What single numbers go through; the first inputs are the operands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operator on single numbers.

    Attributes:
        function: What it computes.
        operands: Tensor indices.
        result: Tensor index.
        limits: Least and largest value of the result's type.
    """

    function: Callable[..., int]
    operands: tuple[int, ...]
    result: int
    limits: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The operators that some results depend on, and on what these depend.

    Attributes:
        steps: The operators, in order.
        inputs: Positions of the subgraph's inputs.
        stored: Stored values by tensor index.
    """

    steps: tuple[Step, ...]
    inputs: tuple[int, ...]
    stored: Mapping[int, int]


def slice_of(graph: Graph, results: Iterable[int]) -> Slice | None:
    """Return what some tensors of a subgraph depend on; None if it is more than single numbers."""
    positions = {int(index): place for place, index in enumerate(graph.raw.inputs)}
    waiting, stored, inputs = set(results), dict[int, int](), set[int]()
    steps: list[Step] = []
    for kind, raw, operands, made in reversed(list(graph.operators())):
        if waiting.isdisjoint(made):
            continue
        step = _step(graph, kind, raw, operands, made)
        if step is None:
            return None
        steps.append(step)
        waiting.discard(step.result)
        waiting.update(step.operands)
    for index in waiting:
        value = scalar(graph, index)
        if index in positions and _is_single(graph, index):
            inputs.add(positions[index])
        elif value is not None:
            stored[index] = value
        else:
            return None
    return Slice(steps=tuple(reversed(steps)), inputs=tuple(sorted(inputs)), stored=stored)


def evaluated(graph: Graph, own: Slice, values: Mapping[int, int]) -> dict[int, int] | None:
    """Return the numbers of a slice by tensor index; None if one does not fit its type.

    Args:
        graph: The subgraph.
        own: Its slice.
        values: Of the slice's inputs, by position.
    """
    known = dict(own.stored) | {int(graph.raw.inputs[place]): values[place] for place in own.inputs}
    for step in own.steps:
        value = int(step.function(*(known[index] for index in step.operands)))
        if not step.limits[0] <= value <= step.limits[1]:
            return None
        known[step.result] = value
    return known


def scalar(graph: Graph, index: int) -> int | None:
    """Return the stored value of a tensor that holds a single whole number, else None."""
    data = graph.data(index)
    if data is None or not _is_single(graph, index):
        return None
    return int(np.frombuffer(bytes(data), np.dtype(graph.dtypes[index]).newbyteorder("<"))[0])


def _is_single(graph: Graph, index: int) -> bool:
    shape = graph.raw.tensors[index].shape
    single = shape is None or all(size == 1 for size in shape)
    return single and graph.dtypes[index] in COUNTING_DTYPES


def _step(
    graph: Graph, kind: str, raw: Any, operands: tuple[int, ...], made: tuple[int, ...]
) -> Step | None:
    fields: Mapping[str, Any] = {} if raw.builtinOptions is None else vars(raw.builtinOptions)
    single = all(index >= 0 and _is_single(graph, index) for index in (*operands, *made))
    if (
        kind not in SCALAR_OPERATIONS
        or not single
        or len(made) != 1
        or fields.get("fusedActivationFunction")
    ):
        return None
    dtype = graph.dtypes[made[0]]
    limits = (0, 1) if dtype == "bool" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    return Step(function=SCALAR_OPERATIONS[kind], operands=operands, result=made[0], limits=limits)
