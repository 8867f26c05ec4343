"""A schema ``ModelT`` to the bytes of a `.tflite` file, without copying the constants.

Packed the usual way every constant is copied three times. Here only what is small is packed;
each buffer's reference to its data is left open. The data follow as they are, each at its
alignment, and the references are filled in. There are two ways to refer to data:

    as FlatBuffers do       by a distance of 32 bits, to the data's length, then the data; the
                            file may have 2 GB
    by offset and size      of 64 bits each, in the buffer's own fields, from the file's start;
                            for files above 2 GB, which only newer runtimes read
"""

from __future__ import annotations

import copy
import struct
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from joulesplit.partition._containers import FILE_IDENTIFIER
from joulesplit.partition._flatbuffer import BUFFER_ALIGNMENT, ModelFile

Piece = bytes | bytearray | memoryview
MAX_INLINE_BYTES = 2**31 - 1
"""FlatBuffers white paper: offsets inside a file are limited to 31 bits."""
LENGTH, PLACE = struct.Struct("<I"), struct.Struct("<Q")
"""FlatBuffers: a vector starts with its number of elements, 32 bits. schema.fbs: ``ulong``."""
OPEN_FIELD = 0xFFFFFFFF
"""Stands where something will be filled in."""
DATA, OFFSET, SIZE = 0, 1, 2
"""schema.fbs: the fields of ``Buffer``, by position."""


def model_pieces(root: Any, *, inline_bytes: int = MAX_INLINE_BYTES) -> list[Piece]:
    """Return a file as consecutive pieces; the same arguments give the same bytes.

    The constants among the pieces are views of the given model's arrays.

    Args:
        root: The schema's ``ModelT``.
        inline_bytes: Size up to which a file refers to its data as FlatBuffers do.
    """
    laid_out = _LaidOut(root, inline=True)
    if laid_out.size_bytes > inline_bytes:
        laid_out = _LaidOut(root, inline=False)
    return laid_out.pieces()


def joined(pieces: Sequence[Piece]) -> bytes:
    """Return a file's pieces as one."""
    return b"".join(pieces)


def whole_file(file: ModelFile) -> Path | bytes:
    """Return what a runtime runs as a file's network, written anew where no file is like it."""
    return file.source or joined(model_pieces(file.root))


class _LaidOut:
    """A file with a place for everything.

    Args:
        root: The schema's ``ModelT``.
        inline: Refer to data as FlatBuffers do, else by offset and size.
    """

    def __init__(self, root: Any, *, inline: bool) -> None:
        buffers = [_OpenBuffer(buffer.data, inline=inline) for buffer in root.buffers]
        self._front = _packed(root, buffers)
        self._filled = [buffer for buffer in buffers if len(buffer.data)]
        self._places: list[int] = []
        self._lead = LENGTH.size if inline else 0
        self.size_bytes = len(self._front)
        for buffer in self._filled:
            place = self.size_bytes + self._lead
            self._places.append(place + -place % BUFFER_ALIGNMENT)
            self.size_bytes = self._places[-1] + len(buffer.data)

    def pieces(self) -> list[Piece]:
        """Return the file piece by piece."""
        pieces: list[Piece] = [self._front]
        end = len(self._front)
        for buffer, place in zip(self._filled, self._places, strict=True):
            buffer.refer(self._front, place)
            lead = LENGTH.pack(len(buffer.data)) if self._lead else b""
            pieces += [bytes(place - self._lead - end) + lead, buffer.data]
            end = place + len(buffer.data)
        return pieces


def _packed(root: Any, buffers: Sequence[_OpenBuffer]) -> bytearray:
    """Return the file without its data, the references to them still open."""
    flatbuffers = import_module("flatbuffers")
    front = copy.copy(root)
    front.buffers = list(buffers)
    builder = flatbuffers.Builder(65536)
    builder.Finish(front.Pack(builder), file_identifier=FILE_IDENTIFIER)
    return bytearray(builder.Output())


class _OpenBuffer:
    """Packs a ``BufferT`` without its data, and finds its table again to fill in where they are.

    Args:
        data: Its data, or None.
        inline: Refer to them as FlatBuffers do, else by offset and size.
    """

    def __init__(self, data: Any, *, inline: bool) -> None:
        self.data = memoryview(b"" if data is None else data).cast("B")
        self._inline = inline
        self._from_end = 0

    def Pack(self, builder: Any) -> int:  # noqa: N802 - called by the generated code
        """Append the table and return its offset, which counts from the end."""
        builder.StartObject(3)
        if len(self.data) and self._inline:
            builder.PrependUint32Slot(DATA, OPEN_FIELD, 0)
        elif len(self.data):
            builder.PrependUint64Slot(OFFSET, OPEN_FIELD, 0)
            builder.PrependUint64Slot(SIZE, OPEN_FIELD, 0)
        self._from_end = int(builder.EndObject())
        return self._from_end

    def refer(self, front: bytearray, place: int) -> None:
        """Fill in where the data start in the file."""
        if self._inline:
            # A reference counts from where it stands, and leads to the data's length.
            field = self._field(front, DATA)
            LENGTH.pack_into(front, field, place - LENGTH.size - field)
        else:
            PLACE.pack_into(front, self._field(front, OFFSET), place)
            PLACE.pack_into(front, self._field(front, SIZE), len(self.data))

    def _field(self, front: bytearray, position: int) -> int:
        """Return where in the file a field of the table stands."""
        table = len(front) - self._from_end
        (to_vtable,) = struct.unpack_from("<i", front, table)
        # A vtable is its own size, the table's size, then the place of each field.
        (field,) = struct.unpack_from("<H", front, table - to_vtable + 4 + 2 * position)
        return int(table + field)
