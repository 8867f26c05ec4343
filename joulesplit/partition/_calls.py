"""Operators that run other subgraphs of the same file: control flow and compositions."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

MAIN = 0
"""The runtime runs the first subgraph; others are called by it, or other signatures."""
OPTIONS = ("builtinOptions", "builtinOptions2")
NO_SUBGRAPH = -1
"""schema.fbs: stands for a role that is not taken."""
SHOWN_NUMBERS = 3
"""Numbers in a message."""


def called_subgraphs(operator: Any) -> tuple[int, ...]:
    """Return the numbers of the subgraphs that an operator (schema ``OperatorT``) runs.

    The schema has a field for each role (condition, body, branch …), all named alike.
    """
    called = (number for numbers in subgraph_roles(operator).values() for number in numbers)
    return tuple(dict.fromkeys(called))


def subgraph_roles(operator: Any) -> dict[str, tuple[int, ...]]:
    """Return the numbers of the subgraphs that an operator runs by the schema's name for each."""
    roles = {}
    for options in (getattr(operator, name) for name in OPTIONS):
        for name, value in ({} if options is None else vars(options)).items():
            if "subgraph" in name.lower() and value is not None:
                # A damaged file can list one branch millions of times.
                roles[name] = tuple(int(one) for one in np.unique(value) if one != NO_SUBGRAPH)
    return {name: numbers for name, numbers in roles.items() if numbers}


def with_calls(operator: Any, numbers: Mapping[int, int]) -> Any:
    """Return a copy of an operator that runs the same subgraphs under other numbers."""
    new = copy.copy(operator)
    for field in OPTIONS:
        options = copy.copy(getattr(operator, field))
        for name, value in ({} if options is None else vars(options)).items():
            if "subgraph" in name.lower() and value is not None:
                renamed = [numbers.get(int(one), int(one)) for one in np.atleast_1d(value)]
                setattr(options, name, renamed[0] if isinstance(value, int) else renamed)
        setattr(new, field, options)
    return new


def reachable_subgraphs(root: Any, operators: Iterable[Any]) -> tuple[int, ...]:
    """Return the numbers of all subgraphs that operators run, directly or not.

    Each stands after those that it runs itself.

    Raises:
        ValueError: One of them does not exist, or they run each other for ever.
    """
    callees = {number: _direct(root, graph) for number, graph in enumerate(root.subgraphs)}
    waiting = sorted({number for operator in operators for number in called_subgraphs(operator)})
    _check_exist(waiting, callees)
    found: set[int] = set()
    while waiting:
        number = waiting.pop()
        if number not in found:
            found.add(number)
            waiting.extend(callees[number])
    try:
        return tuple(TopologicalSorter({n: sorted(callees[n]) for n in found}).static_order())
    except CycleError as error:
        circle = ", ".join(map(str, error.args[1][:SHOWN_NUMBERS]))
        raise ValueError(f"subgraphs {circle} … run each other in a circle") from error


def _direct(root: Any, graph: Any) -> set[int]:
    called = {number for operator in graph.operators or () for number in called_subgraphs(operator)}
    _check_exist(called, root.subgraphs)
    return called


def _check_exist(numbers: Iterable[int], known: Any) -> None:
    for number in numbers:
        if not 0 <= number < len(known):
            raise ValueError(f"an operator runs subgraph {number} of {len(known)}")
