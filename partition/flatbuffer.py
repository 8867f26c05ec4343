"""`.tflite` bytes to and from objects: the only module that imports the file's schema.

Objects of the schema are typed ``Any``: the generated code carries no types.
Corrupt offsets make the generated reader raise almost anything; all of it is translated here.
"""

from __future__ import annotations

import copy
import hashlib
import struct
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from partition.errors import (
    ModelNotFoundError,
    NotATfliteModelError,
    RuntimeMissingError,
    TruncatedModelError,
)

FILE_IDENTIFIER = b"TFL3"
IDENTIFIER_OFFSET = 4
"""schema.fbs: file_identifier; flatbuffers put it after the 4-byte root offset."""
BUFFER_ALIGNMENT = 16
"""schema.fbs: ``Buffer.data`` is declared ``force_align: 16``; kernels rely on it."""
MIN_BYTES_PER_TABLE = 8
"""A table takes at least its 4-byte vtable offset and the 4-byte reference to it."""
SCHEMA_MODULES = (
    "ai_edge_litert.schema_py_generated",
    "tensorflow.lite.python.schema_py_generated",
)
READER_ERRORS = (
    struct.error,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """A file as read.

    Attributes:
        name: File name without directory.
        sha256: Of the whole file, hexadecimal.
        root: The schema's ``ModelT``; large arrays in it are views into the file's bytes.
    """

    name: str
    sha256: str
    root: Any


def read_model_file(path: str | Path) -> ModelFile:
    """Read and parse a `.tflite` file.

    Raises:
        ModelNotFoundError: No such file, or it cannot be read.
        NotATfliteModelError: The file is something else.
        TruncatedModelError: The file is incomplete or damaged.
        RuntimeMissingError: The schema is not installed.
    """
    path = Path(path)
    data = _read_bytes(path)
    if data[IDENTIFIER_OFFSET : IDENTIFIER_OFFSET + len(FILE_IDENTIFIER)] != FILE_IDENTIFIER:
        raise NotATfliteModelError(
            f"{path}: not a .tflite model (no {FILE_IDENTIFIER.decode()} identifier in its "
            f"{len(data)} bytes); give a file written by the TensorFlow Lite converter"
        )
    return ModelFile(
        name=path.name, sha256=hashlib.sha256(data).hexdigest(), root=_parse(data, path)
    )


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise ModelNotFoundError(f"{path}: is a directory; give the path of a .tflite file")
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ModelNotFoundError(f"{path}: no such file; check the path of the model") from error
    except OSError as error:
        raise ModelNotFoundError(
            f"{path}: cannot be read ({error.strerror}); check the file's permissions"
        ) from error


def _parse(data: bytes, path: Path) -> Any:
    module = schema()
    try:
        _check_counts(module.Model.GetRootAs(data), len(data))
        root = module.ModelT.InitFromPackedBuf(data)
        _check_references(root)
    except READER_ERRORS as error:
        raise damaged(path.name, f"{type(error).__name__}: {error}") from error
    return root


def damaged(name: str, detail: str) -> TruncatedModelError:
    """Return the error for a file whose content contradicts itself."""
    one_line = " ".join(detail.split())
    return TruncatedModelError(
        f"{name}: the .tflite file is incomplete or damaged ({one_line}); copy or convert it again"
    )


def _check_counts(model: Any, size: int) -> None:
    """Stop before a corrupt length sends the reader through billions of tables."""
    graphs = [model.Subgraphs(index) for index in range(min(model.SubgraphsLength(), size))]
    tables = sum(graph.TensorsLength() + graph.OperatorsLength() for graph in graphs)
    tables += model.BuffersLength() + model.OperatorCodesLength() + model.MetadataLength()
    tables += model.SignatureDefsLength()
    if tables * MIN_BYTES_PER_TABLE > size:
        raise ValueError(f"{tables} tables do not fit into {size} bytes")


def _check_references(root: Any) -> None:
    """Check that every index in the model points at something."""
    if not root.subgraphs or not root.buffers or root.operatorCodes is None:
        raise ValueError("no network in it")
    for graph in root.subgraphs:
        tensors = range(len(graph.tensors or ()))
        _check_indices(
            "operator code", [o.opcodeIndex for o in graph.operators], root.operatorCodes
        )
        _check_indices("buffer", [t.buffer for t in graph.tensors], root.buffers)
        _check_indices("tensor", [*graph.inputs, *graph.outputs], tensors)
        for operator in graph.operators:
            used = [index for index in operator_inputs(operator) if index != -1]
            _check_indices("tensor", [*used, *operator_outputs(operator)], tensors)


def _check_indices(what: str, indices: list[int], items: Any) -> None:
    wrong = [index for index in indices if not 0 <= index < len(items)]
    if wrong:
        raise ValueError(f"{what} {wrong[0]} of {len(items)}")


def operator_inputs(operator: Any) -> tuple[int, ...]:
    """Return an operator's input tensor indices; -1 stands for an absent optional input."""
    return () if operator.inputs is None else tuple(int(index) for index in operator.inputs)


def operator_outputs(operator: Any) -> tuple[int, ...]:
    """Return an operator's output tensor indices."""
    return () if operator.outputs is None else tuple(int(index) for index in operator.outputs)


def enum_names(enumeration: str) -> dict[int, str]:
    """Return the names of a schema enumeration by value, e.g. of ``BuiltinOperator``."""
    members = vars(getattr(schema(), enumeration))
    return {value: name for name, value in members.items() if not name.startswith("_")}


def write_model(root: Any) -> bytes:
    """Return the file's bytes for a schema ``ModelT``; the same objects give the same bytes."""
    flatbuffers = import_module("flatbuffers")
    constants = sum(0 if b.data is None else len(b.data) for b in root.buffers)
    builder = flatbuffers.Builder(constants + BUFFER_ALIGNMENT * len(root.buffers) + 65536)
    aligned = copy.copy(root)
    aligned.buffers = [_AlignedBuffer(buffer) for buffer in root.buffers]
    builder.Finish(aligned.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


class _AlignedBuffer:
    """Packs a ``BufferT`` as the schema demands; the generated code ignores the alignment."""

    def __init__(self, buffer: Any) -> None:
        self._data = None if buffer.data is None else bytes(buffer.data)

    def Pack(self, builder: Any) -> int:  # noqa: N802 - called by the generated code
        """Append the buffer and return its offset."""
        module = schema()
        offset = None
        if self._data:
            builder.StartVector(1, len(self._data), BUFFER_ALIGNMENT)
            builder.head -= len(self._data)
            builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
            offset = builder.EndVector()
        module.BufferStart(builder)
        if offset is not None:
            module.BufferAddData(builder, offset)
        return int(module.BufferEnd(builder))


def schema() -> Any:
    """Return the generated schema module; imported on first use because it takes 0.2 s.

    Raises:
        RuntimeMissingError: No installed package carries it.
    """
    for name in SCHEMA_MODULES:
        try:
            return import_module(name)
        except ImportError:
            continue
    raise RuntimeMissingError(
        "no .tflite schema: neither ai-edge-litert nor tensorflow is installed; "
        "install one of them, e.g. pip install ai-edge-litert"
    )
