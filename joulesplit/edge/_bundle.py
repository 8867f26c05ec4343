"""Tensors on the wire: one JSON header, one body of raw little-endian bytes. Pure.

The body is the tensors' elements in C order, one tensor after the other, nothing between
them. The header is a JSON list of ``{"name", "dtype", "shape"}``, in the order of the body.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.edge.errors import ProtocolError

ELEMENT_BYTES = {
    "bool": 1,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "float16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "int64": 8,
    "uint64": 8,
    "float64": 8,
}
# The header shares h11's 64 KiB request head and http.client's 64 KiB line with other headers.
MAX_HEADER_CHARACTERS = 32 * 1024
MAX_TENSORS = 256
MAX_DIMENSIONS = 8
# Converters name a fused operator's output after all the layers in it.
MAX_NAME_CHARACTERS = 4096
# A .tflite file addresses its buffers with 31 bits; no tensor of a network is larger.
MAX_TENSOR_BYTES = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorHeader:
    """One entry of the header.

    Attributes:
        name: Tensor name in the model file; may be empty, need not be unique.
        dtype: numpy name of the element type, one of ``ELEMENT_BYTES``.
        shape: Dimensions, each 0 or more.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        """Size of the tensor in the body, byte."""
        return prod(self.shape) * ELEMENT_BYTES[self.dtype]


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTensor:
    """A tensor with its name.

    Attributes:
        name: Tensor name in the model file.
        data: Elements, any shape, a dtype of ``ELEMENT_BYTES``.
    """

    name: str
    data: NDArray[Any]

    @property
    def entry(self) -> TensorHeader:
        """The header entry that describes this tensor."""
        return TensorHeader(name=self.name, dtype=self.data.dtype.name, shape=self.data.shape)


def encode_bundle(tensors: Sequence[NamedTensor]) -> tuple[str, bytes]:
    """Return header and body of ``tensors``.

    Raises:
        ProtocolError: A tensor's type or the list's size has no place in the format.
    """
    entries = [tensor.entry for tensor in tensors]
    header = json.dumps(
        [{"name": entry.name, "dtype": entry.dtype, "shape": entry.shape} for entry in entries],
        separators=(",", ":"),
    )
    decode_header(header)
    little = [
        tensor.data.astype(tensor.data.dtype.newbyteorder("<"), copy=False) for tensor in tensors
    ]
    return header, b"".join(array.tobytes(order="C") for array in little)


def decode_header(header: str) -> tuple[TensorHeader, ...]:
    """Return the specifications that a header declares.

    Raises:
        ProtocolError: The header is not exactly what the format allows.
    """
    if len(header) > MAX_HEADER_CHARACTERS:
        raise ProtocolError(
            f"the tensor header has {len(header)} characters, the limit is "
            f"{MAX_HEADER_CHARACTERS}; send fewer tensors or shorter names"
        )
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the tensor header is not JSON ({error}); send a list") from error
    if not isinstance(entries, list) or len(entries) > MAX_TENSORS:
        raise ProtocolError(f"the tensor header must be a list of at most {MAX_TENSORS} tensors")
    return tuple(_decode_entry(position, entry) for position, entry in enumerate(entries))


def decode_body(entries: Sequence[TensorHeader], body: bytes) -> tuple[NamedTensor, ...]:
    """Return the tensors in ``body``: read-only views, in native byte order where it differs.

    Args:
        entries: What the header declares.
        body: Exactly as many bytes as the specifications add up to.

    Raises:
        ProtocolError: The length differs, or a bool is neither 0 nor 1.
    """
    declared_bytes = sum(entry.size_bytes for entry in entries)
    if declared_bytes != len(body):
        raise ProtocolError(
            f"the tensor header declares {declared_bytes} bytes and the body has {len(body)}; "
            "send shape · element size bytes for every tensor"
        )
    tensors = []
    offset = 0
    for entry in entries:
        tensors.append(_decode_tensor(entry, body, offset))
        offset += entry.size_bytes
    return tuple(tensors)


def _decode_tensor(entry: TensorHeader, body: bytes, offset: int) -> NamedTensor:
    stored = np.dtype(entry.dtype).newbyteorder("<")
    count = prod(entry.shape)
    if entry.dtype == "bool" and np.frombuffer(body, np.uint8, count, offset).max(initial=0) > 1:
        raise ProtocolError(f"tensor {entry.name!r} has bool bytes other than 0 and 1")
    flat = np.frombuffer(body, stored, count, offset)
    native = flat.astype(stored.newbyteorder("="), copy=False)
    return NamedTensor(name=entry.name, data=native.reshape(entry.shape))


def _decode_entry(position: int, entry: object) -> TensorHeader:
    where = f"entry {position} of the tensor header"
    match entry:
        case {"name": str(name), "dtype": str(dtype), "shape": list(shape), **rest} if not rest:
            pass
        case _:
            raise ProtocolError(f"{where} must hold exactly name, dtype and shape")
    if len(name) > MAX_NAME_CHARACTERS:
        raise ProtocolError(
            f"{where} has a name of {len(name)} characters; use {MAX_NAME_CHARACTERS} at most"
        )
    if dtype not in ELEMENT_BYTES:
        raise ProtocolError(
            f"{where} has dtype {dtype!r:.40s}; use one of {', '.join(ELEMENT_BYTES)}"
        )
    if not _is_shape(shape, ELEMENT_BYTES[dtype]):
        raise ProtocolError(
            f"{where} has shape {shape!s:.80}; use at most {MAX_DIMENSIONS} whole numbers, 0 or "
            f"more, and {MAX_TENSOR_BYTES} bytes"
        )
    return TensorHeader(name=name, dtype=dtype, shape=tuple(shape))


def _is_shape(shape: list[Any], element_bytes: int) -> bool:
    # bool is an int to Python; true is not a dimension.
    if len(shape) > MAX_DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        return False
    # Without the zeros, which would let any other dimension pass.
    elements: int = prod(max(1, size) for size in shape)
    return elements * element_bytes <= MAX_TENSOR_BYTES
