"""Operators that run other subgraphs of the same file: control flow and compositions."""

from __future__ import annotations

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any

MAIN = 0
"""The runtime runs the first subgraph; others are called by it, or other signatures."""


def called_subgraphs(operator: Any) -> tuple[int, ...]:
    """Return the numbers of the subgraphs that an operator (schema ``OperatorT``) runs.

    The schema has a field for each role (condition, body, branch …), all named alike.
    """
    called: list[int] = []
    for options in (operator.builtinOptions, operator.builtinOptions2):
        fields = {} if options is None else vars(options)
        for name, value in fields.items():
            if "subgraph" in name.lower() and value is not None:
                called += [int(value)] if isinstance(value, int) else [int(one) for one in value]
    # −1 stands for a role that is not taken.
    return tuple(dict.fromkeys(number for number in called if number != -1))


def reachable_subgraphs(root: Any, operators: Iterable[Any]) -> tuple[int, ...]:
    """Return the numbers of all subgraphs that operators run, directly or not, ascending.

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
    _check_no_loop({number: callees[number] for number in found})
    return tuple(sorted(found))


def _direct(root: Any, graph: Any) -> set[int]:
    called = {number for operator in graph.operators or () for number in called_subgraphs(operator)}
    _check_exist(called, root.subgraphs)
    return called


def _check_exist(numbers: Iterable[int], known: Any) -> None:
    for number in numbers:
        if not 0 <= number < len(known):
            raise ValueError(f"an operator runs subgraph {number} of {len(known)}")


def _check_no_loop(callees: dict[int, set[int]]) -> None:
    try:
        TopologicalSorter(callees).prepare()
    except CycleError as error:
        raise ValueError(f"subgraphs {error.args[1]} run each other in a circle") from error
