"""What a reader of a network's figures must know, in one sentence each."""

from __future__ import annotations

from collections.abc import Iterator

from joulesplit.partition._constants import INITIALISER, constant_tensors
from joulesplit.partition._custom_operators import CUSTOM, LITERT_HAS
from joulesplit.partition._flatbuffer import ModelFile, text
from joulesplit.partition._network import Network, Operator
from joulesplit.partition._obstacles import tied_operators, unsendable

SHOWN_OPERATORS = 20
"""Operators that get a sentence of their own."""
TABLE = "table "
"""Beginning of the name of state that does not change after it was filled."""


def reading_notes(file: ModelFile, network: Network, called: int) -> tuple[str, ...]:
    """Return what is to be said of a network as read.

    Args:
        file: The file.
        network: The network.
        called: How many of the file's subgraphs its operators run.
    """
    told = [note for operator in network.operators if (note := _operator_note(operator))]
    if len(told) > SHOWN_OPERATORS:
        told[SHOWN_OPERATORS:] = [
            f"{len(told) - SHOWN_OPERATORS} more operators are like those above"
        ]
    left_out = _left_out(file, network.signature, called)
    return (*told, *_state_notes(network), *_unsendable_notes(network), *left_out)


def _operator_note(operator: Operator) -> str:
    name = f"operator {operator.index} ({operator.kind})"
    known = operator.flop is not None
    if operator.calls and operator.kind != INITIALISER:
        remark = f": {operator.remark}" if operator.remark else ""
        work = f"its work is {'counted' if known else 'unknown'}{remark}"
        numbers = ", ".join(map(str, sorted(operator.calls)))
        subgraphs = "subgraphs" if len(operator.calls) > 1 else "subgraph"
        return f"{name} runs {subgraphs} {numbers}, and no cut goes inside it; {work}"
    if operator.kind.startswith(f"{CUSTOM}Flex"):
        return (
            f"{name} is TensorFlow's own: its work is unknown, and only a runtime with the Flex "
            "delegate can run its side of a cut"
        )
    if operator.kind.startswith(CUSTOM) and operator.kind not in LITERT_HAS:
        return (
            f"{name} is not one of TensorFlow Lite's: its work is unknown, and only a runtime "
            "that has it can run its side of a cut"
        )
    return ""


def _state_notes(network: Network) -> Iterator[str]:
    for name, operators in tied_operators(network).items():
        note = (
            f"operators {operators[0]} to {operators[-1]} share {name}, and stay on one side of a "
            "cut"
        )
        yield note if name.startswith(TABLE) else f"{note}; a server keeps one for all its clients"


def _unsendable_notes(network: Network) -> Iterator[str]:
    constants = constant_tensors(network)
    moved = {*network.inputs, *(i for o in network.operators for i in o.outputs)} - constants
    held = [reason for i in sorted(moved) if (reason := unsendable(network.tensors[i]))]
    if held:
        others = f" ({len(held) - 1} more like it)" if len(held) > 1 else ""
        yield f"{held[0]}: no cut is possible where it would cross{others}"


def _left_out(file: ModelFile, signature: str, called: int) -> Iterator[str]:
    names = [text(one.signatureKey) for one in file.root.signatureDefs or ()]
    others = len(file.root.subgraphs) - 1 - called
    if len(names) > 1:
        rest = ", ".join(repr(name) for name in names if name != signature)
        yield f"this is the file's signature {signature!r}; there are others, too: {rest}"
    elif others:
        yield f"{others} subgraph{'s' * (others > 1)} that the main one does not run were left out"
