"""The tensors of a `.tflite` file as data, and which of them keep state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any

from partition import flatbuffer
from partition.dtypes import ELEMENT_BITS, stored_bytes
from partition.errors import UnsupportedModelError
from partition.flatbuffer import ModelFile, operator_inputs, operator_outputs, text
from partition.network import Quantization, Tensor

STATE_KINDS = frozenset({"VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"})


def state_tensors(file: ModelFile, graph: Any) -> frozenset[int]:
    """Return the indices of the tensors in which operators keep state between inferences.

    Raises:
        UnsupportedModelError: State that several operators share, which a cut would tear apart.
    """
    kinds = flatbuffer.operator_kinds(file.root)
    users: dict[int, int] = {}
    for index, operator in enumerate(graph.operators):
        if kinds[operator.opcodeIndex] in STATE_KINDS:
            raise UnsupportedModelError(
                f"{file.name}: operator {index} ({kinds[operator.opcodeIndex]}) keeps state in a "
                "variable of the whole network, which a split would tear apart; use a stateless "
                "network"
            )
        for tensor in {*operator_inputs(operator), *operator_outputs(operator)}:
            users[tensor] = users.get(tensor, 0) + 1
    state = [index for index, tensor in enumerate(graph.tensors) if tensor.isVariable]
    for index in state:
        if users.get(index, 0) > 1:
            raise UnsupportedModelError(
                f"{file.name}: several operators share the state in tensor "
                f"{text(graph.tensors[index].name)!r}, which a split would tear apart; use a "
                "stateless network"
            )
    return frozenset(state)


def network_tensors(
    file: ModelFile, graph: Any, shapes: Sequence[tuple[int, ...]]
) -> tuple[Tensor, ...]:
    """Return the tensors of a subgraph with the given shapes.

    Raises:
        UnsupportedModelError: One that is in use holds elements of no fixed size.
        ValueError: A stored value does not fit its tensor.
    """
    types = {value: name.lower() for value, name in flatbuffer.enum_names("TensorType").items()}
    used = _used(graph)
    made = {*map(int, graph.inputs), *_indices(operator_outputs(o) for o in graph.operators)}
    tensors = []
    for index, raw in enumerate(graph.tensors):
        dtype = types.get(raw.type, f"type {raw.type}")
        if index in used and dtype not in ELEMENT_BITS:
            raise UnsupportedModelError(
                f"{file.name}: tensor {index} ({text(raw.name)!r}) holds {dtype.upper()}, which "
                "has no fixed size to upload; convert the model without it"
            )
        stored = _is_stored(file, index, raw, dtype)
        # A tensor without elements has nothing to store, and is as constant as any other.
        empty = index not in made and not raw.isVariable and prod(shapes[index]) == 0
        tensors.append(_tensor(index, raw, shapes[index], dtype, is_constant=stored or empty))
    return tuple(tensors)


def _used(graph: Any) -> set[int]:
    touched = ((*operator_inputs(o), *operator_outputs(o)) for o in graph.operators)
    return {*map(int, graph.inputs), *map(int, graph.outputs), *_indices(touched)}


def _indices(groups: Iterable[Iterable[int]]) -> set[int]:
    return {index for group in groups for index in group}


def _tensor(
    index: int, raw: Any, shape: tuple[int, ...], dtype: str, *, is_constant: bool
) -> Tensor:
    return Tensor(
        index=index,
        name=text(raw.name),
        shape=shape,
        dtype=dtype,
        bits=prod(shape) * ELEMENT_BITS.get(dtype, 0),
        is_constant=is_constant,
        quantization=_quantization(raw.quantization),
    )


def _is_stored(file: ModelFile, index: int, raw: Any, dtype: str) -> bool:
    data = file.root.buffers[raw.buffer].data
    if data is None or len(data) == 0:
        return False
    if raw.sparsity is None and dtype in ELEMENT_BITS:
        sizes = () if raw.shape is None else raw.shape
        needed = stored_bytes(dtype, prod(int(size) for size in sizes))
        if len(data) != needed:
            raise ValueError(f"tensor {index} stores {len(data)} of {needed} bytes")
    return True


def _quantization(raw: Any) -> Quantization | None:
    if raw is None or raw.scale is None or len(raw.scale) == 0:
        return None
    zero_points = raw.zeroPoint if raw.zeroPoint is not None else [0] * len(raw.scale)
    return Quantization(
        scales=tuple(float(scale) for scale in raw.scale),
        zero_points=tuple(int(point) for point in zero_points),
        axis=int(raw.quantizedDimension),
    )
