"""A `.tflite` file as a network: tensors, operators, their shapes and their work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from partition import flatbuffer, flops
from partition.constants import is_unpacking
from partition.dtypes import ELEMENT_BITS, stored_bytes
from partition.errors import UnsupportedModelError
from partition.flatbuffer import ModelFile, operator_inputs, operator_outputs
from partition.network import Network, Operator, Quantization, Tensor
from partition.shapes import run_time_shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A network and the file it was read from, kept to extract parts of it.

    Attributes:
        network: The network as data.
        file: The file as read.
    """

    network: Network
    file: ModelFile


def read_network(path: str | Path) -> Network:
    """Read a `.tflite` file as a network.

    A leading input dimension that the file leaves open (the batch) is taken as 1: one
    inference is one sample. Every shape that depends on it is then asked of the runtime.

    Raises:
        PartitionError: See ``load_model``.
    """
    return load_model(path).network


def load_model(path: str | Path) -> LoadedModel:
    """Read a `.tflite` file once, to extract several parts of it.

    Raises:
        ModelNotFoundError: No such file, or it cannot be read.
        NotATfliteModelError: The file is something else.
        TruncatedModelError: The file is incomplete or damaged.
        UnsupportedModelError: The model cannot be split (control flow, strings, open shapes).
        RuntimeMissingError: The schema is not installed, or open shapes need the runtime.
    """
    file = flatbuffer.read_model_file(path)
    try:
        network = _network(file)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, UnsupportedModelError):
            raise
        raise flatbuffer.damaged(file.name, f"{type(error).__name__}: {error}") from error
    return LoadedModel(network=network, file=file)


def _network(file: ModelFile) -> Network:
    graph = _only_graph(file)
    shapes = run_time_shapes(file)
    tensors = tuple(
        _tensor(file, index, raw, shapes[index]) for index, raw in enumerate(graph.tensors)
    )
    operators = _operators(file, tensors)
    return Network(
        sha256=file.sha256,
        name=file.name,
        tensors=tensors,
        operators=operators,
        inputs=tuple(int(index) for index in graph.inputs),
        outputs=tuple(int(index) for index in graph.outputs),
        parameters=_parameters(file, tensors, operators),
    )


def _only_graph(file: ModelFile) -> Any:
    graphs = file.root.subgraphs
    if len(graphs) != 1:
        raise UnsupportedModelError(
            f"{file.name}: has {len(graphs)} subgraphs (control flow or several signatures); "
            "convert the inference function alone, without control flow"
        )
    shared = _shared_state(graphs[0])
    if shared is not None:
        raise UnsupportedModelError(
            f"{file.name}: several operators share the state in tensor {shared!r}, which a split "
            "would tear apart; use a stateless network"
        )
    return graphs[0]


def _shared_state(graph: Any) -> str | None:
    users: dict[int, int] = {}
    for operator in graph.operators:
        for index in operator_inputs(operator):
            users[index] = users.get(index, 0) + 1
    for index, tensor in enumerate(graph.tensors):
        if tensor.isVariable and users.get(index, 0) > 1:
            return _name(tensor.name)
    return None


def _name(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", errors="replace")


def _tensor(file: ModelFile, index: int, raw: Any, shape: tuple[int, ...]) -> Tensor:
    type_name = flatbuffer.enum_names("TensorType").get(raw.type, f"type {raw.type}")
    dtype = type_name.lower()
    if dtype not in ELEMENT_BITS:
        raise UnsupportedModelError(
            f"{file.name}: tensor {index} ({_name(raw.name)!r}) holds {type_name}, which has no "
            "fixed size to upload; convert the model without it"
        )
    constant = _stored_size(file.root, raw) > 0
    if constant and raw.sparsity is None:
        _check_stored_size(file, index, raw, dtype)
    return Tensor(
        index=index,
        name=_name(raw.name),
        shape=shape,
        dtype=dtype,
        bits=prod(shape) * ELEMENT_BITS[dtype],
        is_constant=constant,
        quantization=_quantization(raw.quantization),
    )


def _stored_size(root: Any, raw: Any) -> int:
    data = root.buffers[raw.buffer].data
    return 0 if data is None else len(data)


def _check_stored_size(file: ModelFile, index: int, raw: Any, dtype: str) -> None:
    needed = stored_bytes(dtype, prod(int(size) for size in raw.shape))
    stored = _stored_size(file.root, raw)
    if stored != needed:
        raise ValueError(f"tensor {index} stores {stored} of {needed} bytes")


def _quantization(raw: Any) -> Quantization | None:
    if raw is None or raw.scale is None or len(raw.scale) == 0:
        return None
    zero_points = raw.zeroPoint if raw.zeroPoint is not None else [0] * len(raw.scale)
    return Quantization(
        scales=tuple(float(scale) for scale in raw.scale),
        zero_points=tuple(int(point) for point in zero_points),
        axis=int(raw.quantizedDimension),
    )


def _operators(file: ModelFile, tensors: tuple[Tensor, ...]) -> tuple[Operator, ...]:
    kinds = operator_kinds(file.root)
    constants = {tensor.index for tensor in tensors if tensor.is_constant}
    operators = []
    for index, raw in enumerate(file.root.subgraphs[0].operators):
        kind = kinds[raw.opcodeIndex]
        inputs = tuple(i for i in operator_inputs(raw) if i != -1)
        unpacking = is_unpacking(kind, inputs, constants)
        if unpacking:
            constants.update(operator_outputs(raw))
        work = flops.Work() if unpacking else flops.work(kind, _facts(raw, tensors))
        operators.append(
            Operator(
                index=index,
                kind=kind,
                inputs=inputs,
                outputs=operator_outputs(raw),
                flop=None if work is None else work.flop,
                mac_flop=0 if work is None else work.mac_flop,
            )
        )
    return tuple(operators)


def operator_kinds(root: Any) -> tuple[str, ...]:
    """Return the names of the model's operator codes; custom ones as ``CUSTOM:name``."""
    names = flatbuffer.enum_names("BuiltinOperator")
    kinds = []
    for code in root.operatorCodes:
        # Writers before 2020 know only the deprecated 8-bit field; the larger one is right.
        value = max(code.builtinCode, code.deprecatedBuiltinCode)
        kind = names.get(value, f"BUILTIN_{value}")
        kinds.append(f"CUSTOM:{_name(code.customCode)}" if kind == "CUSTOM" else kind)
    return tuple(kinds)


def _facts(raw: Any, tensors: tuple[Tensor, ...]) -> flops.OperatorFacts:
    return flops.OperatorFacts(
        inputs=tuple(None if i == -1 else tensors[i].shape for i in operator_inputs(raw)),
        outputs=tuple(tensors[i].shape for i in operator_outputs(raw)),
        options=_options(raw.builtinOptions),
    )


def _options(raw: Any) -> Mapping[str, int | bool]:
    fields = {} if raw is None else vars(raw)
    return {name: value for name, value in fields.items() if isinstance(value, int)}


def _parameters(
    file: ModelFile, tensors: tuple[Tensor, ...], operators: tuple[Operator, ...]
) -> int:
    """Count stored numbers, each buffer once; plain integers (shapes, axes) are not weights."""
    used = {index for operator in operators for index in operator.inputs}
    elements: dict[int, int] = {}
    for index in sorted(used):
        tensor = tensors[index]
        is_number = tensor.dtype.startswith(("float", "bfloat")) or tensor.quantization is not None
        if tensor.is_constant and is_number:
            elements[file.root.subgraphs[0].tensors[index].buffer] = prod(tensor.shape)
    return sum(elements.values())
