"""A schema ``ModelT`` to the bytes of a `.tflite` file, without copying the constants.

Packed the usual way every constant is copied three times. Here only what is small is packed;
each buffer's reference to its data is left open. The data follow as they are, each at its
alignment, and the references are filled in: the format allows any place behind the reference.
"""

from __future__ import annotations

import copy
import struct
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from partition.errors import UnsupportedModelError
from partition.flatbuffer import BUFFER_ALIGNMENT, FILE_IDENTIFIER

Piece = bytes | bytearray | memoryview
MAX_FILE_BYTES = 2**31 - 1
"""FlatBuffers white paper: offsets inside a file are limited to 31 bits."""
LENGTH = struct.Struct("<I")
"""FlatBuffers: a vector starts with its number of elements, 32 bits."""
OPEN = 0xFFFFFFFF
"""Stands where a reference will be filled in."""


def model_pieces(root: Any) -> list[Piece]:
    """Return a file as consecutive pieces; the same objects give the same bytes.

    The constants among the pieces are views of the given model's arrays.

    Raises:
        UnsupportedModelError: The file would be larger than its format allows.
    """
    flatbuffers = import_module("flatbuffers")
    buffers = [_OpenBuffer(buffer.data) for buffer in root.buffers]
    aligned = copy.copy(root)
    aligned.buffers = buffers
    builder = flatbuffers.Builder(65536)
    builder.Finish(aligned.Pack(builder), file_identifier=FILE_IDENTIFIER)
    front = bytearray(builder.Output())
    pieces: list[Piece] = [front]
    position = len(front)
    for buffer in buffers:
        if buffer.data is None:
            continue
        padding = -(position + LENGTH.size) % BUFFER_ALIGNMENT
        buffer.refer(front, position + padding)
        pieces += [bytes(padding) + LENGTH.pack(len(buffer.data)), buffer.data]
        position += padding + LENGTH.size + len(buffer.data)
    _check_size(position)
    return pieces


def joined(pieces: Sequence[Piece]) -> bytes:
    """Return a file's pieces as one."""
    return b"".join(pieces)


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_FILE_BYTES:
        raise UnsupportedModelError(
            f"the file would have {size_bytes} bytes, and a .tflite file can have at most "
            f"{MAX_FILE_BYTES}; cut it into smaller parts"
        )


class _OpenBuffer:
    """Packs a ``BufferT`` without its data, and finds the reference again to fill it in."""

    def __init__(self, data: Any) -> None:
        self.data = memoryview(data).cast("B") if data is not None and len(data) else None
        self._from_end = 0

    def Pack(self, builder: Any) -> int:  # noqa: N802 - called by the generated code
        """Append the table and return its offset, which counts from the end."""
        builder.StartObject(1)
        if self.data is not None:
            builder.PrependUint32Slot(0, OPEN, 0)
        self._from_end = int(builder.EndObject())
        return self._from_end

    def refer(self, front: bytearray, target: int) -> None:
        """Fill in where the data start; a reference counts from where it stands."""
        table = len(front) - self._from_end
        (to_vtable,) = struct.unpack_from("<i", front, table)
        # A vtable is its own size, the table's size, then the place of each field.
        (field,) = struct.unpack_from("<H", front, table - to_vtable + 4)
        LENGTH.pack_into(front, table + field, target - (table + field))
