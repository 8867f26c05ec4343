"""`.tflite` bytes to objects, checked.

Objects of the schema are typed ``Any``: its classes are made when it is first used.
Corrupt offsets make the reader raise almost anything; all of it is translated here.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from joulesplit.partition._attached import files_behind
from joulesplit.partition._bounds import check_bounds
from joulesplit.partition._containers import (
    FILE_IDENTIFIER,
    IDENTIFIER_OFFSET,
    network_inside,
    outer_file,
)
from joulesplit.partition._custom_operators import CUSTOM
from joulesplit.partition._foreign import START_BYTES, foreign
from joulesplit.partition.errors import (
    ModelNotFoundError,
    NotATfliteModelError,
    PartitionError,
    TruncatedModelError,
    UnsupportedModelError,
)
from joulesplit.partition.schema import schema

FileBytes = bytes | mmap.mmap
BUFFER_ALIGNMENT = 16
"""schema.fbs: ``Buffer.data`` is declared ``force_align: 16``; kernels rely on it."""
NO_OFFSET = 1
"""schema.fbs: an offset of data behind the tables is larger; 1 is a placeholder of writers."""
MAX_NAME = 200
"""Characters of a custom operator's name that are kept; a damaged file can have millions."""
READ_WHOLE_BYTES = 2**31 - 1
"""FlatBuffers' own limit; what a larger file holds beyond it lies behind its tables. Such a file is
mapped: only what is used of it takes memory. Smaller ones are read, so that whoever cuts the file
short meanwhile does no harm."""
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
        source: What a runtime runs as this network: its path, or its bytes if it is inside
            another file; None if it is no longer what the file has first.
        attached: Files zipped behind it, as an archive of its own; empty if there are none.
        outer: Where it was read from: the file itself, or the one that it is inside; None if it
            was not read from the disk.
    """

    name: str
    sha256: str
    root: Any
    source: Path | bytes | None = None
    attached: bytes = b""
    outer: Path | None = None


def read_model_file(path: str | Path) -> ModelFile:
    """Read and parse a `.tflite` file.

    Args:
        path: The file; or a file with networks inside, and the way on to one of them, which may
            be left out if there is only one.

    Raises:
        ModelNotFoundError: No such file, or it cannot be read.
        NotATfliteModelError: The file is something else.
        TruncatedModelError: The file is incomplete or damaged.
    """
    path = Path(path)
    found = _read_bytes(path)
    root = _parse(found.data, found.name)
    return ModelFile(
        name=found.name,
        sha256=found.sha256,
        root=root,
        source=path if found.alone else bytes(found.data),
        attached=files_behind(found.data),
        outer=outer_file(path)[0],
    )


def model_bytes(path: Path) -> bytes:
    """Return the file of a network, also of one inside another file.

    Raises:
        ModelNotFoundError: No such file, or it cannot be read.
        NotATfliteModelError: The file is something else.
    """
    return bytes(_read_bytes(path).data)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """A file as read; ``alone``: it is no part of another one."""

    name: str
    data: FileBytes
    sha256: str
    alone: bool = True


def _read_bytes(path: Path) -> _Content:
    """Read or map a file if it is a regular one and starts like a model, or holds one."""
    outer, way = outer_file(path)
    if outer.exists() and not outer.is_file():
        what = "directory" if outer.is_dir() else "device"
        raise ModelNotFoundError(f"{path}: is a {what}; give the path of a .tflite file")
    try:
        # Unbuffered: what is read here in one piece is not copied.
        with outer.open("rb", buffering=0) as stream:
            start = stream.read(START_BYTES)
            size = stream.seek(0, os.SEEK_END)
            if start[IDENTIFIER_OFFSET:].startswith(FILE_IDENTIFIER) and not way:
                return _content(stream, size, path.name)
        inside = network_inside(outer, way)
    except (OSError, MemoryError, OverflowError) as error:
        raise _unreadable(path, error) from error
    if inside is None:
        raise NotATfliteModelError(f"{outer}: {_no_model(start, size)}")
    return _part_of_another(*inside)


def _part_of_another(way: str, data: bytes) -> _Content:
    name, digest = way.rpartition("/")[2], hashlib.sha256(data).hexdigest()
    return _Content(name=name, data=data, sha256=digest, alone=False)


def _unreadable(path: Path, error: Exception) -> PartitionError:
    if isinstance(error, FileNotFoundError):
        return ModelNotFoundError(f"{path}: no such file; check the path of the model")
    if isinstance(error, OSError):
        return ModelNotFoundError(
            f"{path}: cannot be read ({error.strerror}); check the file's permissions"
        )
    return UnsupportedModelError(
        f"{path}: does not fit into memory; read it on a machine with more"
    )


def _no_model(start: bytes, size: int) -> str:
    known = foreign(start)
    if known is not None:
        return f"not a .tflite model but {known[0]}; {known[1]}"
    return (
        f"not a .tflite model (no {FILE_IDENTIFIER.decode()} identifier in its {size} bytes); "
        "give a file written by the TensorFlow Lite converter or by LiteRT-Torch"
    )


def _content(stream: FileIO, size: int, name: str) -> _Content:
    stream.seek(0)
    if size > READ_WHOLE_BYTES:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return _Content(name=name, data=mapped, sha256=digest)
    data = stream.read()
    return _Content(name=name, data=data, sha256=hashlib.sha256(data).hexdigest())


def _parse(data: FileBytes, name: str) -> Any:
    try:
        check_bounds(data)
        root = schema().ModelT.InitFromPackedBuf(data)
        _complete(root)
        _bring_in(root, data, name)
        _check_references(root)
    except READER_ERRORS as error:
        if isinstance(error, PartitionError):
            raise
        raise damaged(name, f"{type(error).__name__}: {error}") from error
    return root


def damaged(name: str, detail: str) -> TruncatedModelError:
    """Return the error for a file whose content contradicts itself."""
    one_line = " ".join(detail.split())
    return TruncatedModelError(
        f"{name}: the .tflite file is incomplete or damaged ({one_line}); copy or convert it again"
    )


def _complete(root: Any) -> None:
    """Put empty lists where a file leaves one out: the format allows both."""
    if not root.subgraphs or not root.buffers:
        raise ValueError("no network in it")
    root.operatorCodes = root.operatorCodes or []
    for graph in root.subgraphs:
        graph.tensors, graph.operators = graph.tensors or [], graph.operators or []
        graph.inputs = () if graph.inputs is None else graph.inputs
        graph.outputs = () if graph.outputs is None else graph.outputs


def _bring_in(root: Any, data: FileBytes, name: str) -> None:
    """Put data that the file keeps behind its tables, as those above 2 GB do, into their place."""
    if any(t.externalBuffer for t in _all(root, "tensors") if hasattr(t, "externalBuffer")):
        raise UnsupportedModelError(
            f"{name}: keeps weights in another file; convert the model into a single file"
        )
    for buffer in root.buffers:
        if buffer.offset > NO_OFFSET:
            buffer.data = _outside(data, buffer.offset, buffer.size)
        buffer.offset = buffer.size = 0
    for operator in _all(root, "operators"):
        if operator.largeCustomOptionsOffset > NO_OFFSET:
            operator.customOptions = _outside(
                data, operator.largeCustomOptionsOffset, operator.largeCustomOptionsSize
            )
        operator.largeCustomOptionsOffset = operator.largeCustomOptionsSize = 0


def _all(root: Any, what: str) -> Iterator[Any]:
    for graph in root.subgraphs:
        yield from getattr(graph, what)


def _outside(data: FileBytes, offset: int, size: int) -> Any:
    if offset + size > len(data):
        raise ValueError(f"{size} bytes at {offset} lie outside the file's {len(data)}")
    return np.frombuffer(data, np.uint8, size, offset)


def _check_references(root: Any) -> None:
    """Check that every index in the model points at something."""
    for graph in root.subgraphs:
        tensors = range(len(graph.tensors))
        _check_indices(
            "operator code", [o.opcodeIndex for o in graph.operators], root.operatorCodes
        )
        _check_indices("buffer", [t.buffer for t in graph.tensors], root.buffers)
        scales = [index for tensor in graph.tensors for index in block_scales(tensor)]
        _check_indices("tensor", [*graph.inputs, *graph.outputs, *scales], tensors)
        for operator in graph.operators:
            scratch = () if operator.intermediates is None else operator.intermediates
            used = [i for i in (*operator_inputs(operator), *scratch) if i != -1]
            _check_indices("tensor", [*used, *operator_outputs(operator)], tensors)
    _check_indices("buffer", [entry.buffer for entry in root.metadata or ()], root.buffers)
    for signature in root.signatureDefs or ():
        _check_indices("subgraph", [signature.subgraphIndex], root.subgraphs)
        entries = [*(signature.inputs or ()), *(signature.outputs or ())]
        tensors = range(len(root.subgraphs[signature.subgraphIndex].tensors))
        _check_indices("tensor", [entry.tensorIndex for entry in entries], tensors)


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


def block_scales(tensor: Any) -> tuple[int, ...]:
    """Return the tensors with the scales and zero points of a tensor that has some per block.

    Without zero points their field is absent, which reads 0, or negative.
    """
    details = tensor.quantization and tensor.quantization.details
    if not hasattr(details, "blockSize"):
        return ()
    return (details.scales, details.zeroPoints) if details.zeroPoints > 0 else (details.scales,)


def enum_names(enumeration: str) -> dict[int, str]:
    """Return the names of a schema enumeration by value, e.g. of ``BuiltinOperator``."""
    return {value: name for name, value in vars(getattr(schema(), enumeration)).items()}


def operator_kinds(root: Any) -> tuple[str, ...]:
    """Return the names of the model's operator codes; custom ones as ``CUSTOM:name``."""
    names = enum_names("BuiltinOperator")
    kinds = []
    for code in root.operatorCodes:
        # Writers before 2020 know only the deprecated 8-bit field; the larger one is right.
        value = max(code.builtinCode, code.deprecatedBuiltinCode)
        kind = names.get(value, f"BUILTIN_{value}")
        custom = "".join(c if c.isprintable() else "?" for c in text(code.customCode)[:MAX_NAME])
        kinds.append(f"{CUSTOM}{custom}" if kind == "CUSTOM" else kind)
    return tuple(kinds)


def text(raw: bytes | None) -> str:
    """Return a string of the file; what is not UTF-8 in it becomes a replacement sign."""
    return (raw or b"").decode("utf-8", errors="replace")
