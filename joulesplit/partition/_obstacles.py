"""Why a network cannot be cut at some places, though its operators' order would allow it."""

from __future__ import annotations

from collections.abc import Iterable

from joulesplit.partition._constants import working_operators
from joulesplit.partition._dtypes import ELEMENT_BITS
from joulesplit.partition._network import Network, Tensor

SHOWN_NAME = 80
"""Characters of a tensor's name in a message."""
REASONS = {
    "string": "texts, which have no fixed size to upload",
    "resource": "a handle that means nothing outside the runtime which made it",
    "variant": "a list inside the runtime, which cannot be uploaded",
}


def unsendable(tensor: Tensor) -> str:
    """Return why a tensor cannot be uploaded; an empty text if it can."""
    if tensor.dtype in ELEMENT_BITS:
        return ""
    reason = REASONS.get(tensor.dtype, f"{tensor.dtype}, which this toolkit does not know")
    return f"tensor {tensor.name[:SHOWN_NAME]!r} holds {reason}"


def first_unsendable(network: Network, tensors: Iterable[int]) -> str:
    """Return why one of some tensors cannot be uploaded; an empty text if all can."""
    return next(filter(None, (unsendable(network.tensors[index]) for index in tensors)), "")


def tied_operators(network: Network) -> dict[str, tuple[int, ...]]:
    """Return, by the name of what they share, the operators that must stay on one side.

    Operators that fill it before the first inference, or only name it, are not among them: they
    go to whichever side needs them.
    """
    users: dict[str, list[int]] = {}
    for operator in working_operators(network):
        for name in operator.state:
            users.setdefault(name, []).append(operator.index)
    return {name: tuple(own) for name, own in users.items() if len(own) > 1}


def torn(name: str, operators: tuple[int, ...]) -> str:
    """Return what is wrong with a cut between operators that share state."""
    return (
        f"operators {operators[0]} and {operators[-1]} share {name}, and would be on different "
        "sides"
    )


def tearing(network: Network) -> dict[int, str]:
    """Return what prefix cuts would tear apart, by the operator they stand after."""
    found: dict[int, str] = {}
    reached = 0
    for name, operators in sorted(tied_operators(network).items(), key=lambda item: item[1]):
        for after in range(max(reached, operators[0]), operators[-1]):
            found[after] = torn(name, operators)
        reached = max(reached, operators[-1])
    return found
