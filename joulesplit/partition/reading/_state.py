"""What operators keep or share beyond an inference: variables, tables, state of recurrent cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from joulesplit.partition._calls import called_subgraphs
from joulesplit.partition._constants import HANDLES
from joulesplit.partition._flatbuffer import text
from joulesplit.partition._obstacles import SHOWN_NAME
from joulesplit.partition.errors import UnsupportedModelError
from joulesplit.partition.reading._graphs import Graph

MAX_STATES = 1000
"""Variables and tables of one subgraph and all that it runs; speech networks have a few hundred."""
States = tuple[frozenset[str], ...]
"""Names of what each operator reads or changes, in the order of the operators."""


def operator_states(graph: Graph, called: Callable[[int], frozenset[str]]) -> States:
    """Return what the operators of a subgraph keep or share, by name.

    A handle gives its name to whatever uses it, and so does what an operator makes of a handle.
    An operator that only makes one keeps nothing.

    Args:
        graph: The subgraph.
        called: What a subgraph that it runs keeps or shares, by number.

    Raises:
        UnsupportedModelError: It keeps too much to follow.
    """
    held = _from_the_start(graph)
    states = []
    for kind, raw, inputs, outputs in graph.operators():
        callees = (called(callee) for callee in called_subgraphs(raw))
        used = (held.get(index, frozenset()) for index in (*inputs, *outputs))
        own = union((*used, *callees))
        if len(own) > MAX_STATES:
            raise UnsupportedModelError(
                f"{graph.file.name}: an operator uses {len(own)} variables and tables, the limit "
                f"is {MAX_STATES}; split the model into smaller ones"
            )
        passed = own
        if kind in HANDLES:
            own, passed = frozenset(), frozenset([_handle_name(kind, raw)])
        held |= {index: passed for index in outputs if graph.dtypes[index] == "resource"}
        states.append(own)
    return tuple(states)


def state_tensors(graph: Graph) -> frozenset[int]:
    """Return the indices of the tensors in which operators keep state between inferences."""
    return frozenset(i for i, tensor in enumerate(graph.raw.tensors) if tensor.isVariable)


def union(states: Iterable[frozenset[str]]) -> frozenset[str]:
    """Return all names in some sets; the set itself if only one holds any."""
    filled = [names for names in dict.fromkeys(states) if names]
    return filled[0] if len(filled) == 1 else frozenset[str]().union(*filled)


def _from_the_start(graph: Graph) -> dict[int, frozenset[str]]:
    """Return the names of the tensors that are state themselves, and of handles from outside.

    A subgraph's own handles from outside are those of the operator that runs it.
    """
    where = f" of subgraph {graph.number}" if graph.number else ""
    given = [int(i) for i in graph.raw.inputs if graph.dtypes[i] == "resource"]
    own = [*state_tensors(graph), *(given if not graph.number else ())]
    return {i: frozenset([f"the state in tensor {i} ({graph.name(i)}){where}"]) for i in own}


def _handle_name(kind: str, raw: Any) -> str:
    fields: Mapping[str, Any] = {} if raw.builtinOptions is None else vars(raw.builtinOptions)
    if kind == "HASHTABLE":
        return f"table {fields.get('tableId') or 0}"
    names = [text(fields.get(name))[:SHOWN_NAME] for name in ("container", "sharedName")]
    return f"variable {'/'.join(filter(None, names))!r}"
