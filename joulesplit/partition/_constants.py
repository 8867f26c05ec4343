"""What each side of a cut makes for itself: stored values, what unpacks them, handles of state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from joulesplit.partition._custom_operators import CUSTOM
from joulesplit.partition._network import Network, Operator, Tensor

NEVER_CONSTANT = frozenset(
    {
        *("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "STABLEHLO_RNG_BIT_GENERATOR"),
        *("READ_VARIABLE", "ASSIGN_VARIABLE"),
        *("HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE"),
        *("CALL", "CALL_ONCE", "IF", "WHILE", "STABLEHLO_WHILE", "STABLEHLO_CASE"),
        *("STABLEHLO_COMPOSITE", "STABLEHLO_CUSTOM_CALL", "DELEGATE"),
    }
)
"""Operators that may give something else every time, or do something besides their outputs."""
HANDLES = frozenset({"VAR_HANDLE", "HASHTABLE"})
"""Operators that only name a variable or a table: each side can, as of a constant."""
MADE_OF_NOTHING = HANDLES | {"STABLEHLO_IOTA"}
"""Operators without inputs that always give the same."""
INITIALISER = "CALL_ONCE"
"""Fills variables and tables before the first inference; belongs to the side that uses them."""
UNKNOWN_CODES = (CUSTOM, "BUILTIN_")
"""Beginnings of the names of operators of which nothing is known."""


def is_unpacking(kind: str, inputs: Iterable[int], constants: frozenset[int] | set[int]) -> bool:
    """Return whether an operator only makes a constant of constants.

    Whatever stands between a stored constant and its first meeting with the network's inputs
    does: float16 weights to float32, sparse to dense, a new shape, an order of axes. Each side
    of a cut can repeat it, so it never has to cross. The same holds for the handle of a variable.
    """
    inputs = tuple(inputs)
    if not inputs:
        return kind in MADE_OF_NOTHING
    known = kind not in NEVER_CONSTANT and not kind.startswith(UNKNOWN_CODES)
    return known and constants.issuperset(inputs)


def stored_constants(tensors: Sequence[Tensor]) -> frozenset[int]:
    """Return the indices of tensors whose value is stored in the file."""
    return frozenset(tensor.index for tensor in tensors if tensor.is_constant)


def unpacking_operators(network: Network) -> dict[int, Operator]:
    """Return the operators that only unpack constants, by the tensor each one makes."""
    return {index: operator for operator in _unpacking(network) for index in operator.outputs}


def _unpacking(network: Network) -> list[Operator]:
    """Return the operators that only unpack constants, those without outputs among them."""
    known = set(stored_constants(network.tensors))
    found = []
    for operator in network.operators:
        if is_unpacking(operator.kind, operator.inputs, known):
            known.update(operator.outputs)
            found.append(operator)
    return found


def constant_tensors(network: Network) -> frozenset[int]:
    """Return the indices of all constant tensors, stored or unpacked."""
    return stored_constants(network.tensors) | unpacking_operators(network).keys()


def initialisers(network: Network) -> tuple[Operator, ...]:
    """Return the operators that fill variables and tables once, before the first inference."""
    return tuple(o for o in network.operators if o.kind == INITIALISER and o.state)


def carried_operators(network: Network) -> frozenset[int]:
    """Return the indices of the operators that every side runs itself, as far as it needs them.

    They are no work of an inference, and stand on no side of a cut.
    """
    carried = (*_unpacking(network), *initialisers(network))
    return frozenset(operator.index for operator in carried)


def working_operators(network: Network) -> tuple[Operator, ...]:
    """Return all other operators, in order: those that a cut puts on one side."""
    carried = carried_operators(network)
    return tuple(operator for operator in network.operators if operator.index not in carried)
