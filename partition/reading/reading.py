"""A `.tflite` file as a network: tensors, operators, their shapes and their work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from partition import flatbuffer
from partition.calls import MAIN, called_subgraphs, reachable_subgraphs
from partition.constants import is_unpacking
from partition.errors import PartitionError, UnsupportedModelError
from partition.flatbuffer import ModelFile, operator_inputs, operator_outputs, text
from partition.flops import rules as flops
from partition.flops.facts import OperatorFacts, Work
from partition.flops.traffic import Traffic, traffic
from partition.network import Network, Operator, Tensor
from partition.reading.order import check_order
from partition.reading.shapes import SettledShapes, run_time_shapes
from partition.reading.tensors import network_tensors, state_tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A network and the file it was read from, kept to extract parts of it.

    Attributes:
        network: The network as data.
        file: The file as read.
    """

    network: Network
    file: ModelFile


def read_network(
    path: str | Path, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> Network:
    """Read a `.tflite` file as a network; see ``load_model``."""
    return load_model(path, input_shapes).network


def load_model(
    path: str | Path, input_shapes: Mapping[str, Sequence[int]] | None = None
) -> LoadedModel:
    """Read a `.tflite` file once, to extract several parts of it.

    The network is the file's first subgraph, the one the runtime runs. Operators that run other
    subgraphs stay whole and their work is unknown. A leading input dimension that the file
    leaves open (the batch) is taken as 1 unless ``input_shapes`` says otherwise: one inference
    is one sample. Every shape that depends on it is then asked of the runtime.
    ``Network.notes`` says what was assumed or left out.

    Args:
        path: The file.
        input_shapes: Shapes for some inputs by their names, in the file or in its signature.

    Raises:
        ModelNotFoundError: No such file, or it cannot be read.
        NotATfliteModelError: The file is something else.
        TruncatedModelError: The file is incomplete or damaged.
        UnsupportedModelError: The model cannot be split (shared state, strings, open shapes).
        InputError: ``input_shapes`` names no input, or gives it an impossible shape.
        InvocationError: The runtime cannot run the network to settle open shapes.
        RuntimeMissingError: The schema is not installed, or open shapes need the runtime.
    """
    file = flatbuffer.read_model_file(path)
    try:
        network = _network(file, input_shapes)
    except flatbuffer.READER_ERRORS as error:
        if isinstance(error, PartitionError):
            raise
        raise flatbuffer.damaged(file.name, f"{type(error).__name__}: {error}") from error
    return LoadedModel(network=network, file=file)


def _network(file: ModelFile, input_shapes: Mapping[str, Sequence[int]] | None) -> Network:
    graph = file.root.subgraphs[MAIN]
    if not len(graph.operators) or not len(graph.outputs):
        raise UnsupportedModelError(
            f"{file.name}: computes nothing ({len(graph.operators)} operators, "
            f"{len(graph.outputs)} outputs); give a network with some of both"
        )
    called = reachable_subgraphs(file.root, graph.operators)
    state = state_tensors(file, graph)
    settled = run_time_shapes(file, input_shapes)
    tensors = network_tensors(file, graph, settled.shapes)
    operators = _operators(file, graph, tensors, state)
    network = Network(
        sha256=file.sha256,
        name=file.name,
        tensors=tensors,
        operators=operators,
        inputs=tuple(int(index) for index in graph.inputs),
        outputs=tuple(int(index) for index in graph.outputs),
        parameters=_parameters(graph, tensors, operators),
        assumed_batch=settled.assumed_batch,
        notes=_notes(file, settled, operators, called),
    )
    check_order(network, state | {t.index for t in tensors if t.is_constant})
    return network


def _operators(
    file: ModelFile, graph: Any, tensors: tuple[Tensor, ...], state: frozenset[int]
) -> tuple[Operator, ...]:
    kinds = flatbuffer.operator_kinds(file.root)
    constants = {tensor.index for tensor in tensors if tensor.is_constant}
    operators = []
    for index, raw in enumerate(graph.operators):
        kind = kinds[raw.opcodeIndex]
        inputs = tuple(i for i in operator_inputs(raw) if i != -1)
        outputs = operator_outputs(raw)
        unpacking = is_unpacking(kind, inputs, constants)
        if unpacking:
            constants.update(outputs)
        work = Work() if unpacking else flops.work(kind, _facts(raw, tensors))
        moved = (
            Traffic()
            if unpacking
            else traffic(
                kind,
                [tensors[i] for i in inputs],
                [tensors[i] for i in outputs],
                weights=frozenset(i for i in inputs if i in constants and _is_weight(tensors[i])),
                state=state,
            )
        )
        operators.append(_operator(index, kind, raw, work, moved))
    return tuple(operators)


def _operator(index: int, kind: str, raw: Any, work: Work | None, moved: Traffic) -> Operator:
    return Operator(
        index=index,
        kind=kind,
        inputs=tuple(i for i in operator_inputs(raw) if i != -1),
        outputs=operator_outputs(raw),
        flop=None if work is None else work.flop,
        mac_flop=0 if work is None else work.mac_flop,
        read_bytes=moved.read_bytes,
        written_bytes=moved.written_bytes,
        parameter_bytes=moved.parameter_bytes,
        calls=called_subgraphs(raw),
    )


def _facts(raw: Any, tensors: tuple[Tensor, ...]) -> OperatorFacts:
    fields = {} if raw.builtinOptions is None else vars(raw.builtinOptions)
    return OperatorFacts(
        inputs=tuple(None if i == -1 else tensors[i].shape for i in operator_inputs(raw)),
        outputs=tuple(tensors[i].shape for i in operator_outputs(raw)),
        options={name: value for name, value in fields.items() if isinstance(value, int)},
    )


def _is_weight(tensor: Tensor) -> bool:
    """Return whether a constant is a number to compute with; plain integers are shapes, axes."""
    return tensor.dtype.startswith(("float", "bfloat")) or tensor.quantization is not None


def _parameters(graph: Any, tensors: tuple[Tensor, ...], operators: tuple[Operator, ...]) -> int:
    """Count stored numbers, each buffer once."""
    elements: dict[int, int] = {}
    for index in sorted({index for operator in operators for index in operator.inputs}):
        tensor = tensors[index]
        if tensor.is_constant and _is_weight(tensor):
            elements[graph.tensors[index].buffer] = prod(tensor.shape)
    return sum(elements.values())


def _notes(
    file: ModelFile,
    settled: SettledShapes,
    operators: tuple[Operator, ...],
    called: Sequence[int],
) -> tuple[str, ...]:
    notes = list(settled.notes)
    for operator in operators:
        if operator.calls:
            notes.append(
                f"operator {operator.index} ({operator.kind}) runs subgraphs "
                f"{', '.join(map(str, operator.calls))} as the data decide: its work is unknown, "
                "and no cut goes inside it"
            )
        elif operator.kind.startswith("CUSTOM:"):
            notes.append(
                f"operator {operator.index} ({operator.kind}) is not one of TensorFlow Lite's: "
                "its work is unknown, and only a runtime that has it can run its side of a cut"
            )
    others = len(file.root.subgraphs) - 1 - len(called)
    if others:
        names = [repr(text(one.signatureKey)) for one in file.root.signatureDefs or ()]
        notes.append(
            f"{others} subgraphs that the main one does not run were left out"
            + (f" (the file's signatures are {', '.join(names)})" if names else "")
        )
    return tuple(notes)
