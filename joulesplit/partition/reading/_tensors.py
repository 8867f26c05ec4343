"""The tensors of a `.tflite` file as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from joulesplit.partition._dtypes import ELEMENT_BITS, stored_bytes
from joulesplit.partition._flatbuffer import block_scales, text
from joulesplit.partition._network import Quantization, Tensor
from joulesplit.partition.reading._graphs import Graph


def network_tensors(graph: Graph, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
    """Return the tensors of a subgraph with the given shapes.

    Raises:
        ValueError: A stored value does not fit its tensor.
    """
    made = {int(index) for index in graph.raw.inputs}
    made.update(i for _kind, _raw, _inputs, outputs in graph.operators() for i in outputs)
    tensors = []
    for index, raw in enumerate(graph.raw.tensors):
        stored = _stored_bits(graph, index)
        # A tensor without elements has nothing to store, and is as constant as any other.
        empty = index not in made and not raw.isVariable and prod(shapes[index]) == 0
        tensors.append(
            Tensor(
                index=index,
                name=text(raw.name),
                shape=shapes[index],
                dtype=graph.dtypes[index],
                bits=prod(shapes[index]) * ELEMENT_BITS.get(graph.dtypes[index], 0)
                if stored is None
                else stored,
                is_constant=stored is not None or empty,
                quantization=_quantization(raw.quantization),
            )
        )
    return tuple(tensors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Stored numbers that an operator computes with.

    Attributes:
        elements: How many.
        stored_bytes: Their size as stored, bytes.
    """

    elements: int
    stored_bytes: int


def stored_weights(graph: Graph) -> dict[int, Weight]:
    """Return the stored weights that operators of a subgraph use, by the number of their buffer.

    Raises:
        ValueError: A stored value does not fit its tensor.
    """
    weights = {}
    for index in sorted({i for _kind, _raw, inputs, _outputs in graph.operators() for i in inputs}):
        bits = None if index < 0 else _stored_bits(graph, index)
        raw = graph.raw.tensors[index]
        if bits is not None and (
            block_scales(raw) or is_weight(graph.dtypes[index], _quantization(raw.quantization))
        ):
            weights[int(raw.buffer)] = Weight(
                elements=prod(int(size) for size in _sizes(raw)), stored_bytes=-(-bits // 8)
            )
    return weights


def is_weight(dtype: str, quantization: Quantization | None) -> bool:
    """Return whether a constant is a number to compute with; plain integers are shapes, axes."""
    return dtype.startswith(("float", "bfloat")) or quantization is not None


def _sizes(raw: Any) -> tuple[int, ...]:
    return () if raw.shape is None else tuple(int(size) for size in raw.shape)


def _stored_bits(graph: Graph, index: int) -> int | None:
    """Return the size of a stored value as it is stored, bit; None if there is none."""
    data, raw, dtype = graph.data(index), graph.raw.tensors[index], graph.dtypes[index]
    if data is None:
        return None
    if raw.sparsity is not None:
        return 8 * (len(data) + _index_bytes(raw.sparsity))
    if dtype not in ELEMENT_BITS:
        return 8 * len(data)
    elements = prod(_sizes(raw))
    if len(data) != stored_bytes(dtype, elements):
        needed = stored_bytes(dtype, elements)
        raise ValueError(f"tensor {index} stores {len(data)} of {needed} bytes")
    return elements * ELEMENT_BITS[dtype]


def _index_bytes(sparsity: Any) -> int:
    """Return the size of what says where a sparse tensor's numbers belong, bytes."""
    arrays = [
        array
        for dimension in sparsity.dimMetadata or ()
        for array in (dimension.arraySegments, dimension.arrayIndices)
        if array is not None
    ]
    return sum(0 if array.values is None else array.values.nbytes for array in arrays)


def _quantization(raw: Any) -> Quantization | None:
    if raw is None or raw.scale is None or len(raw.scale) == 0:
        return None
    zero_points = raw.zeroPoint if raw.zeroPoint is not None else [0] * len(raw.scale)
    return Quantization(
        scales=tuple(float(scale) for scale in raw.scale),
        zero_points=tuple(int(point) for point in zero_points),
        axis=int(raw.quantizedDimension),
    )
