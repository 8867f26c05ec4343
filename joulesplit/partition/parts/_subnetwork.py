"""Surgery on the file's objects: keep some operators, drop everything they do not need."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from joulesplit.partition._calls import MAIN, reachable_subgraphs, with_calls
from joulesplit.partition._described import TFLITE_METADATA, described
from joulesplit.partition._flatbuffer import (
    block_scales,
    operator_inputs,
    operator_outputs,
    text,
)
from joulesplit.partition.parts._signature import part_signature


def subnetwork(
    root: Any,
    shapes: Sequence[tuple[int, ...]],
    operators: Sequence[int],
    inputs: Sequence[int],
    outputs: Sequence[int],
) -> tuple[Any, tuple[int, ...]]:
    """Return a model of these operators with these tensors as inputs and outputs, in order.

    Kept tensors, buffers and operator codes keep their order and are numbered anew. Shapes are
    fixed to the given ones. The signature is rebuilt for the part's own interface. Metadata stay
    (the least runtime version, how the model was converted); of those that describe the network's
    inputs and outputs only what is true of the part. Other subgraphs stay if an operator runs
    them, directly or not. The given model is left as it is; large arrays are shared with it.

    Args:
        root: The schema's ``ModelT``.
        shapes: Run-time shape of every tensor of the whole network.
        operators: Indices of the operators to keep, ascending.
        inputs: Tensor indices of the new model's inputs.
        outputs: Tensor indices of its outputs.

    Returns:
        The new ``ModelT``, and the old index of each of its tensors.
    """
    graph = root.subgraphs[0]
    kept = [graph.operators[index] for index in operators]
    places = {MAIN: MAIN}
    places |= {old: new for new, old in enumerate(sorted(reachable_subgraphs(root, kept)), start=1)}
    others = [root.subgraphs[old] for old in places if old != MAIN]
    codes = _numbering(o.opcodeIndex for o in (*kept, *_operators(others)))
    used = _numbering(index for operator in kept for index in _touched(operator))
    named = {*used, *inputs, *outputs}
    tensors = _numbering(named.union(*(block_scales(graph.tensors[index]) for index in named)))
    model = copy.copy(root)
    model.operatorCodes = [root.operatorCodes[index] for index in codes]
    model.signatureDefs = [part_signature(root, inputs, outputs, tensors)]
    new_graph = copy.copy(graph)
    new_graph.operators = [_renumbered(with_calls(o, places), tensors, codes) for o in kept]
    new_graph.inputs, new_graph.outputs = _renumber(inputs, tensors), _renumber(outputs, tensors)
    new_graph.tensors = [
        _rescaled(_fixed(graph.tensors[index], shapes[index]), tensors) for index in tensors
    ]
    model.subgraphs = [new_graph, *(_recoded(other, places, codes) for other in others)]
    own_inputs, own_outputs = ([int(i) for i in end] for end in (graph.inputs, graph.outputs))
    same_ends = {"inputs": [*inputs] == own_inputs, "outputs": [*outputs] == own_outputs}
    _keep_buffers(model, *_metadata(root, **same_ends))
    return model, tuple(tensors)


def _operators(graphs: Iterable[Any]) -> list[Any]:
    return [operator for graph in graphs for operator in graph.operators or ()]


def _recoded(graph: Any, places: dict[int, int], codes: dict[int, int]) -> Any:
    """Return a copy of a whole subgraph with the new numbers of subgraphs and operator codes."""
    new = copy.copy(graph)
    new.tensors = [copy.copy(tensor) for tensor in graph.tensors or ()]
    new.operators = [with_calls(operator, places) for operator in graph.operators or ()]
    for operator in new.operators:
        operator.opcodeIndex = codes[operator.opcodeIndex]
    return new


def _numbering(indices: Iterable[int]) -> dict[int, int]:
    """Return new numbers for old indices, in the old order."""
    return {old: new for new, old in enumerate(sorted(set(indices)))}


def _touched(operator: Any) -> list[int]:
    """Return every tensor an operator mentions, scratch tensors included."""
    own = () if operator.intermediates is None else operator.intermediates
    mentioned = (*operator_inputs(operator), *operator_outputs(operator), *own)
    return [int(index) for index in mentioned if index != -1]


def _renumber(indices: Iterable[int] | None, numbers: dict[int, int]) -> Any:
    if indices is None:
        return None
    return np.array([numbers.get(int(i), -1) for i in indices], np.int32)


def _renumbered(operator: Any, tensors: dict[int, int], codes: dict[int, int]) -> Any:
    new = copy.copy(operator)
    new.opcodeIndex = codes[operator.opcodeIndex]
    new.inputs = _renumber(operator.inputs, tensors)
    new.outputs = _renumber(operator.outputs, tensors)
    new.intermediates = _renumber(operator.intermediates, tensors)
    return new


def _fixed(tensor: Any, shape: tuple[int, ...]) -> Any:
    """Return a copy of a tensor with a settled shape and no open dimension."""
    new = copy.copy(tensor)
    new.shape = np.array(shape, np.int32)
    new.shapeSignature = None
    new.hasRank = True
    return new


def _rescaled(tensor: Any, tensors: dict[int, int]) -> Any:
    """Renumber the tensors with a copied tensor's scales and zero points per block."""
    scales = block_scales(tensor)
    if scales:
        tensor.quantization = copy.copy(tensor.quantization)
        details = tensor.quantization.details = copy.copy(tensor.quantization.details)
        details.scales = tensors[details.scales]
        if len(scales) > 1:
            details.zeroPoints = tensors[details.zeroPoints]
    return tensor


def _metadata(root: Any, *, inputs: bool, outputs: bool) -> tuple[list[Any], list[Any]]:
    """Return the metadata that are true of a part, and the buffers with those of it among them."""
    entries, buffers = [], list(root.buffers)
    for entry in root.metadata or ():
        new = copy.copy(entry)
        if text(entry.name) == TFLITE_METADATA:
            data = root.buffers[entry.buffer].data
            own = described(b"" if data is None else bytes(data), inputs=inputs, outputs=outputs)
            if own is None:
                continue
            buffer = copy.copy(root.buffers[entry.buffer])
            buffer.data = np.frombuffer(own, np.uint8)
            new.buffer = len(buffers)
            buffers.append(buffer)
        entries.append(new)
    return entries, buffers


def _keep_buffers(model: Any, metadata: list[Any], buffers: list[Any]) -> None:
    """Keep the buffers that hold data still in use; buffer 0 is the empty one by convention."""
    model.metadata = metadata or None
    model.metadataBuffer = None
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    holders = [*tensors, *(model.metadata or ())]
    filled = [h.buffer for h in holders if buffers[h.buffer].data is not None]
    empty = copy.copy(buffers[0])
    empty.data = None
    numbers = {old: new + 1 for old, new in _numbering(filled).items()}
    for holder in holders:
        holder.buffer = numbers.get(holder.buffer, 0)
    model.buffers = [empty, *(buffers[old] for old in numbers)]
