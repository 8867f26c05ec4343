"""The Open Inference Protocol's messages, REST with binary tensors. Pure.

KServe's "Open Inference Protocol", version 2, and its extension for binary tensor data, as NVIDIA's
Triton and OpenVINO Model Server speak it. A network is a model of the name of its file without the
suffix (or of the file's SHA-256); each of its tails is a version of that model: one more than the
number of operators in the head, so that version 1 is the whole network.

A tensor keeps its name in the file where that tells it apart; else its place among the inputs is
added (``name#1``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from joulesplit.edge._bundle import NamedTensor, TensorHeader, decode_body
from joulesplit.edge._protocol import Refusal
from joulesplit.edge.errors import RequestRefusedError

HEADER_LENGTH_HEADER = "Inference-Header-Content-Length"
EXTENSIONS = ("binary_tensor_data",)
PLATFORM = "tensorflow_lite"
WHOLE_NETWORK_VERSION = 1
MOST_DIGITS = 9

_DATATYPES = {
    "bool": "BOOL",
    "int8": "INT8",
    "uint8": "UINT8",
    "int16": "INT16",
    "uint16": "UINT16",
    "float16": "FP16",
    "int32": "INT32",
    "uint32": "UINT32",
    "float32": "FP32",
    "int64": "INT64",
    "uint64": "UINT64",
    "float64": "FP64",
}


class TensorMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """An input or output of a model: name, OIP datatype, shape."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class ModelMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a version of a model takes and gives."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


class InferInput(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor of a request; its elements stand in ``data`` or behind the header as bytes."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class WantedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An output that a request asks for."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON part of a request."""

    inputs: tuple[InferInput, ...]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: tuple[WantedOutput, ...] = ()


class InferOutput(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A tensor of an answer, its elements in ``data`` or behind the header."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class InferAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The JSON part of an answer."""

    model_name: str
    model_version: str
    outputs: tuple[InferOutput, ...]
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The tensors of one version of a model, each under a name of its own.

    Attributes:
        inputs: What crosses the cut, in its order.
        outputs: The network's results, in the file's order.
    """

    inputs: tuple[TensorHeader, ...]
    outputs: tuple[TensorHeader, ...]


def distinct(entries: Sequence[TensorHeader]) -> tuple[TensorHeader, ...]:
    """Return the entries, those without a name of their own under one with their place."""
    taken = Counter(entry.name for entry in entries)
    return tuple(
        entry
        if entry.name and taken[entry.name] == 1
        else TensorHeader(name=f"{entry.name}#{place}", dtype=entry.dtype, shape=entry.shape)
        for place, entry in enumerate(entries)
    )


def metadata(name: str, versions: Sequence[int], ports: Ports) -> ModelMetadata:
    """Return the model metadata of a version."""
    return ModelMetadata(
        name=name,
        versions=tuple(map(str, versions)),
        platform=PLATFORM,
        inputs=tuple(map(_describe, ports.inputs)),
        outputs=tuple(map(_describe, ports.outputs)),
    )


def after_operator_of(version: str | None) -> int:
    """Return the head's last operator of a version; −1, an empty head, where none is named.

    Raises:
        RequestRefusedError: It is not a version.
    """
    if version is None:
        return -1
    if not (version.isascii() and version.isdigit() and 0 < len(version) <= MOST_DIGITS):
        raise RequestRefusedError(
            Refusal.MALFORMED,
            f"the version {version[:20]!r} is not a number",
            "ask for one more than the number of operators in the head; 1 is the whole network",
        )
    return int(version) - 1 - WHOLE_NETWORK_VERSION


def version_of(after_operator: int) -> int:
    """Return the version of the tail behind an operator; −1 for the whole network."""
    return after_operator + 1 + WHOLE_NETWORK_VERSION


def split_body(body: bytes, header_length: str | None) -> tuple[InferRequest, bytes]:
    """Return the JSON part of a request's body and the bytes behind it.

    Args:
        body: As it came.
        header_length: Of the JSON part, byte; without it all of the body is JSON.

    Raises:
        RequestRefusedError: It is not a request of this protocol.
    """
    length = len(body)
    if header_length is not None:
        if not (header_length.isascii() and header_length.isdigit()):
            raise _malformed(f"{HEADER_LENGTH_HEADER} is {header_length[:20]!r}")
        length = int(header_length)
        if length > len(body):
            raise _malformed(f"{HEADER_LENGTH_HEADER} is {length} and the body {len(body)} bytes")
    try:
        request = msgspec.json.decode(body[:length], type=InferRequest)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _malformed(f"the JSON part is no inference request ({error})") from error
    return request, body[length:]


def request_tensors(
    request: InferRequest, binary: bytes, expected: Sequence[TensorHeader]
) -> tuple[NamedTensor, ...]:
    """Return the tensors of a request in the order of the cut.

    Args:
        request: Its JSON part.
        binary: The bytes behind that.
        expected: The inputs of the version.

    Raises:
        RequestRefusedError: They are not the inputs of this version.
    """
    given = dict(_given_tensors(request, binary))
    names = [entry.name for entry in expected]
    if len(request.inputs) != len(names) or set(given) != set(names):
        sent = ", ".join(one.name[:80] for one in request.inputs)
        raise _wrong(f"the inputs are {sent or 'none'}", f"send {', '.join(names)}")
    for entry in expected:
        got = given[entry.name].entry
        if (got.dtype, got.shape) != (entry.dtype, entry.shape):
            raise _wrong(
                f"input {entry.name[:80]!r} is {got.dtype}{list(got.shape)}",
                f"send {_DATATYPES[entry.dtype]} of shape {list(entry.shape)}",
            )
    return tuple(given[name] for name in names)


def renamed(
    tensors: Sequence[NamedTensor], entries: Sequence[TensorHeader]
) -> tuple[NamedTensor, ...]:
    """Return tensors under the names of entries in the same order."""
    return tuple(
        NamedTensor(name=entry.name, data=tensor.data)
        for tensor, entry in zip(tensors, entries, strict=True)
    )


def answer(
    name: str, version: int, request: InferRequest, outputs: Sequence[NamedTensor]
) -> tuple[bytes, int | None]:
    """Return the body of an answer and the length of its JSON part; None if all of it is JSON.

    Raises:
        RequestRefusedError: An output is asked for that there is not, or one that is no JSON.
    """
    by_name = {output.name: output for output in outputs}
    wanted = request.outputs or tuple(WantedOutput(name=output.name) for output in outputs)
    described, contents = [], []
    for one in wanted:
        output = _named(by_name, one)
        as_bytes = one.parameters.get("binary_data", request.parameters.get("binary_data_output"))
        content = _little_endian(output.data) if as_bytes else None
        described.append(_answered(output, content))
        contents.append(content or b"")
    head = msgspec.json.encode(
        InferAnswer(
            model_name=name, model_version=str(version), outputs=tuple(described), id=request.id
        )
    )
    behind = b"".join(contents)
    return head + behind, len(head) if behind else None


def _describe(entry: TensorHeader) -> TensorMetadata:
    return TensorMetadata(
        name=entry.name, datatype=_DATATYPES[entry.dtype], shape=tuple(entry.shape)
    )


def _given_tensors(request: InferRequest, binary: bytes) -> Iterator[tuple[str, NamedTensor]]:
    """Yield the tensors of a request under their names, as the request describes them."""
    dtypes = {datatype: dtype for dtype, datatype in _DATATYPES.items()}
    offset = 0
    for one in request.inputs:
        dtype = dtypes.get(one.datatype)
        if dtype is None:
            raise _wrong(
                f"input {one.name[:80]!r} has datatype {one.datatype[:20]!r}",
                f"use one of {', '.join(dtypes)}",
            )
        entry = TensorHeader(name=one.name, dtype=dtype, shape=one.shape)
        if one.data is not None:
            yield one.name, NamedTensor(name=one.name, data=_from_json(entry, one.data))
            continue
        content = binary[offset : offset + _stated_bytes(one)]
        offset += len(content)
        if min(one.shape, default=0) < 0 or len(content) != entry.size_bytes:
            raise _wrong(
                f"input {one.name[:80]!r} of {one.datatype}{list(one.shape)} has "
                f"{len(content)} bytes",
                "send shape · element size bytes behind the JSON part, in the order of the inputs",
            )
        yield one.name, decode_body((entry,), content)[0]
    if offset != len(binary):
        raise _wrong(f"{len(binary) - offset} bytes behind the last input", "send none")


def _stated_bytes(given: InferInput) -> int:
    stated = given.parameters.get("binary_data_size")
    if type(stated) is not int or stated < 0:
        raise _wrong(
            f"input {given.name[:80]!r} has neither data nor binary_data_size",
            "send one of them; shared memory is not taken",
        )
    return stated


def _from_json(entry: TensorHeader, data: list[Any]) -> NDArray[Any]:
    """Return elements that stand in JSON, nested by shape or in one row."""
    kinds = "b" if entry.dtype == "bool" else "iu" if "int" in entry.dtype else "iuf"
    try:
        found = np.asarray(data)
        array = found.astype(entry.dtype)
        fits = found.size == 0 or (found.dtype.kind in kinds and (array == found).all())
        if entry.dtype in ("float16", "float32"):
            fits = found.size == 0 or (found.dtype.kind in kinds and np.isfinite(array).all())
        if fits and found.size == prod(entry.shape) and min(entry.shape, default=0) >= 0:
            return array.reshape(entry.shape)
    except (ValueError, TypeError, OverflowError):
        pass
    raise _wrong(
        f"the data of input {entry.name[:80]!r} are no {_DATATYPES[entry.dtype]} of shape "
        f"{list(entry.shape)}",
        "send as many finite numbers of that kind as the shape has elements",
    )


def _named(outputs: dict[str, NamedTensor], wanted: WantedOutput) -> NamedTensor:
    if "classification" in wanted.parameters:
        raise _wrong("the classification extension is asked for", "take the tensor and sort it")
    if wanted.name not in outputs:
        raise _wrong(
            f"there is no output {wanted.name[:80]!r}", f"ask for {', '.join(outputs)[:400]}"
        )
    return outputs[wanted.name]


def _answered(output: NamedTensor, content: bytes | None) -> InferOutput:
    shape, datatype = output.data.shape, _DATATYPES[output.data.dtype.name]
    if content is not None:
        size = {"binary_data_size": len(content)}
        return InferOutput(name=output.name, datatype=datatype, shape=shape, parameters=size)
    row = output.data.reshape(-1).tolist()
    if output.data.dtype.kind == "f" and not all(map(isfinite, row)):
        raise RequestRefusedError(
            Refusal.NOT_FINITE,
            f"output {output.name[:80]!r} holds NaN or infinity, which JSON cannot say",
            "ask for binary data, or look into the inputs",
        )
    return InferOutput(name=output.name, datatype=datatype, shape=shape, data=row)


def _little_endian(data: NDArray[Any]) -> bytes:
    return data.astype(data.dtype.newbyteorder("<"), copy=False).tobytes(order="C")


def _malformed(what: str) -> RequestRefusedError:
    return RequestRefusedError(
        Refusal.MALFORMED, what, "send a request of the Open Inference Protocol, version 2"
    )


def _wrong(what: str, remedy: str) -> RequestRefusedError:
    return RequestRefusedError(Refusal.WRONG_TENSORS, what, remedy)
