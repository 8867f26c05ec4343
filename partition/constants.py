"""Which tensors do not depend on the network's inputs: stored values and what unpacks them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from partition.network import Operator, Tensor

NEVER_CONSTANT = frozenset(
    {
        *("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL", "STABLEHLO_RNG_BIT_GENERATOR"),
        *("VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"),
        *("HASHTABLE", "HASHTABLE_FIND", "HASHTABLE_IMPORT", "HASHTABLE_SIZE"),
        *("CALL", "CALL_ONCE", "IF", "WHILE", "STABLEHLO_WHILE", "STABLEHLO_CASE"),
        *("STABLEHLO_COMPOSITE", "STABLEHLO_CUSTOM_CALL", "DELEGATE"),
    }
)
"""Operators that may give something else every time, or do something besides their outputs."""
UNKNOWN_CODES = ("CUSTOM:", "BUILTIN_")
"""Beginnings of the names of operators of which nothing is known."""


def is_unpacking(kind: str, inputs: Iterable[int], constants: frozenset[int] | set[int]) -> bool:
    """Return whether an operator only makes a constant of constants.

    Whatever stands between a stored constant and its first meeting with the network's inputs
    does: float16 weights to float32, sparse to dense, a new shape, an order of axes. Each side
    of a cut can repeat it, so it never has to cross.
    """
    inputs = tuple(inputs)
    known = kind not in NEVER_CONSTANT and not kind.startswith(UNKNOWN_CODES)
    return known and bool(inputs) and constants.issuperset(inputs)


def stored_constants(tensors: Sequence[Tensor]) -> frozenset[int]:
    """Return the indices of tensors whose value is stored in the file."""
    return frozenset(tensor.index for tensor in tensors if tensor.is_constant)


def unpacking_operators(
    tensors: Sequence[Tensor], operators: Sequence[Operator]
) -> dict[int, Operator]:
    """Return the operators that only unpack constants, by the tensor each one makes."""
    known = set(stored_constants(tensors))
    made: dict[int, Operator] = {}
    for operator in operators:
        if is_unpacking(operator.kind, operator.inputs, known):
            known.update(operator.outputs)
            made.update(dict.fromkeys(operator.outputs, operator))
    return made


def constant_tensors(tensors: Sequence[Tensor], operators: Sequence[Operator]) -> frozenset[int]:
    """Return the indices of all constant tensors, stored or unpacked."""
    return stored_constants(tensors) | unpacking_operators(tensors, operators).keys()
