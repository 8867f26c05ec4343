"""Which tensors do not depend on the network's inputs: stored values and what unpacks them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from partition.network import Operator, Tensor

UNPACKING_KINDS = frozenset({"DEQUANTIZE", "DENSIFY", "CAST", "RESHAPE", "TRANSPOSE"})
"""Operators that only bring a stored constant into another form, e.g. float16 weights into
float32. The runtime does so once, when it prepares the network. Other operators on constants
(random numbers, variables) are not constants themselves."""


def is_unpacking(kind: str, inputs: Iterable[int], constants: frozenset[int] | set[int]) -> bool:
    """Return whether an operator only unpacks constants."""
    inputs = tuple(inputs)
    return kind in UNPACKING_KINDS and bool(inputs) and constants.issuperset(inputs)


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
