"""Least memory traffic of an operator: every input read once, every output written once.

It is a lower bound, as if caches held whatever an operator uses again: a recurrent cell reads
its weights once, not at every step. A look-up reads what it takes out, not the whole table. A
new shape alone moves nothing. A variable is read and written like a tensor of its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from joulesplit.partition._dtypes import ELEMENT_BITS, stored_bytes
from joulesplit.partition._network import Tensor

FREE = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "STABLEHLO_RESHAPE"})
"""The runtime passes the same memory on."""
SHAPE_ONLY = frozenset({"SHAPE", "RANK", "ZEROS_LIKE"})
"""They look at their input's shape, not at its data."""
LOOK_UPS: Mapping[str, int] = {
    "GATHER": 0,
    "GATHER_ND": 0,
    "SLICE": 0,
    "STRIDED_SLICE": 0,
    "EMBEDDING_LOOKUP": 1,
    "HASHTABLE_LOOKUP": 2,
    "STABLEHLO_GATHER": 0,
    "STABLEHLO_SLICE": 0,
    "STABLEHLO_DYNAMIC_SLICE": 0,
}
"""Position of the input from which a look-up takes as many elements as it puts out."""
VARIABLES = frozenset({"READ_VARIABLE", "ASSIGN_VARIABLE"})
"""They move a value from a variable or to it; its handle has no size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """Least memory traffic of one operator.

    Attributes:
        read_bytes: From all inputs.
        written_bytes: To all outputs and to the state it keeps.
        parameter_bytes: Share of ``read_bytes`` that is weights.
    """

    read_bytes: int = 0
    written_bytes: int = 0
    parameter_bytes: int = 0


def traffic(
    kind: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    *,
    weights: frozenset[int] = frozenset(),
    state: frozenset[int] = frozenset(),
) -> Traffic:
    """Return what an operator reads and writes.

    Args:
        kind: Operator name.
        inputs: Its inputs, absent ones left out.
        outputs: Its outputs.
        weights: Indices of the tensors that are weights.
        state: Indices of the tensors that keep state; an operator writes them, too.
    """
    if kind in FREE:
        return Traffic()
    read = {} if kind in SHAPE_ONLY else {tensor.index: _size(tensor) for tensor in inputs}
    table = LOOK_UPS.get(kind)
    if table is not None and table < len(inputs) and outputs:
        source = inputs[table]
        # What has no fixed size, as texts, is as large as it is stored.
        known = source.dtype in ELEMENT_BITS
        taken = stored_bytes(source.dtype, prod(outputs[0].shape)) if known else _size(source)
        read[source.index] = min(taken, _size(source))
    kept = {tensor.index: tensor for tensor in inputs if tensor.index in state}
    read_bytes = sum(read.values())
    written_bytes = sum(_size(tensor) for tensor in (*outputs, *kept.values()))
    if kind in VARIABLES:
        read_bytes = written_bytes = max(read_bytes, written_bytes)
    return Traffic(
        read_bytes=read_bytes,
        written_bytes=written_bytes,
        parameter_bytes=sum(size for index, size in read.items() if index in weights),
    )


def _size(tensor: Tensor) -> int:
    return -(-tensor.bits // 8)
