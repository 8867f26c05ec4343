"""Shapes as they are at run time, also where the file leaves a dimension open."""

from __future__ import annotations

from typing import Any

from partition import flatbuffer
from partition.errors import InvocationError, UnsupportedModelError
from partition.flatbuffer import ModelFile

OPEN = -1
"""schema.fbs: −1 in ``shape_signature`` is a dimension known only at run time."""


def run_time_shapes(file: ModelFile) -> tuple[tuple[int, ...], ...]:
    """Return the shape of every tensor for one sample.

    If the file leaves a dimension open anywhere, the figures in it are placeholders. An open
    leading dimension of an input is the batch and becomes 1; the runtime then works out all
    shapes that follow from it.

    Raises:
        UnsupportedModelError: An input leaves another dimension open, or a shape is not
            settled even by running the network.
        RuntimeMissingError: Open dimensions need the runtime, and none is installed.
    """
    graph = file.root.subgraphs[0]
    if not any(OPEN in _signature(tensor) for tensor in graph.tensors):
        shapes = {index: _stored(tensor) for index, tensor in enumerate(graph.tensors)}
    else:
        _check_inputs(file, graph)
        shapes = _shapes_of_a_run(file, graph)
    for index, shape in shapes.items():
        if any(size < 0 for size in shape):
            raise ValueError(f"tensor {index} has shape {shape}")
    return tuple(shapes[index] for index in range(len(graph.tensors)))


def _stored(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)


def _signature(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shapeSignature is None else tuple(int(s) for s in tensor.shapeSignature)


def _check_inputs(file: ModelFile, graph: Any) -> None:
    for index in graph.inputs:
        tensor = graph.tensors[index]
        if OPEN in _signature(tensor)[1:]:
            raise UnsupportedModelError(
                f"{file.name}: input {(tensor.name or b'').decode(errors='replace')!r} leaves "
                f"dimensions open ({_signature(tensor)}); convert the model with a fixed input "
                "shape (only the leading batch dimension may stay open)"
            )


def _shapes_of_a_run(file: ModelFile, graph: Any) -> dict[int, tuple[int, ...]]:
    from partition.runtime import shapes_of_a_run

    inputs = {
        int(index): tuple(1 if size == OPEN else size for size in _signature(graph.tensors[index]))
        or _stored(graph.tensors[index])
        for index in graph.inputs
    }
    found = shapes_of_a_run(flatbuffer.write_model(file.root), inputs)
    shapes = {}
    for index, tensor in enumerate(graph.tensors):
        stored = _stored(tensor)
        shapes[index] = found.get(index, stored)
        if index not in found and OPEN in _signature(tensor):
            raise InvocationError(f"{file.name}: the runtime reports no shape for tensor {index}")
    return shapes
