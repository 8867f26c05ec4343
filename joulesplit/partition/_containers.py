"""Networks inside another file: a zip archive, as MediaPipe's `.task`, or a `.litertlm`.

One is named by the way to it, as if the file were a directory: ``hand.task/detector.tflite``.
A network is told by its first bytes, since many members have no suffix.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from joulesplit.partition._foreign import START_BYTES, ZIP, foreign
from joulesplit.partition.errors import NotATfliteModelError

FILE_IDENTIFIER, IDENTIFIER_OFFSET = b"TFL3", 4
"""schema.fbs: file_identifier; flatbuffers put it after the 4-byte root offset."""
LITERT_LM = b"LITERTLM"
MAX_MEMBERS = 1000
"""Of one container; MediaPipe's have some ten."""
MAX_RATIO = 200
"""Of a member's bytes to its packed ones; no weights are packed that far."""
MAX_DEPTH = 3
"""Containers inside each other; a gesture recogniser is two in one."""
HEADER_END, HEADER = struct.Struct("<Q"), 32
"""litertlm_read.cc: at 24 the offset behind the header, then the header, a FlatBuffer."""
MAX_HEADER_BYTES = 1 << 24
SECTIONS, OBJECTS = 6, 4
ITEMS, BEGIN, END, DATA_TYPE = 4, 6, 8, 10
ITEM_KEY, VALUE_KIND, VALUE = 4, 6, 8
"""litertlm_header_schema.fbs: fields of its tables, by their place in a vtable."""
TFLITE_SECTION, STRING_VALUE = 3, 9
"""The same: TFLiteModel of AnySectionDataType, StringValue of VData."""
MODEL_TYPE = b"model_type"
"""litertlm_builder.py: the item that says which of the container's networks a section is."""
CONTAINER_ERRORS = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
)
"""What a damaged, encrypted or too newly packed one makes its readers raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """A network inside another file.

    Attributes:
        name: The way to it from that file, parts separated by ``/``.
        read: Returns its bytes, as they would be as a file of their own.
    """

    name: str
    read: Callable[[], bytes]


def outer_file(path: Path) -> tuple[Path, str]:
    """Return the file that a path leads to, and the way on inside it, empty for the file itself."""
    if not path.exists():
        for parent in path.parents:
            if parent.is_file():
                return parent, path.relative_to(parent).as_posix()
    return path, ""


def network_inside(path: Path, way: str) -> tuple[str, bytes] | None:
    """Return name and bytes of the network that a way leads to, or of the only one.

    Args:
        path: The file.
        way: What names it, or a container in the file that holds one; empty for the only one.

    Returns:
        None if none is inside.

    Raises:
        NotATfliteModelError: There are several, or the file is damaged.
        OSError: It cannot be opened.
    """
    with path.open("rb") as stream:
        try:
            found = list(networks_inside(stream))
            meant = [one for one in found if not way or f"{one.name}/".startswith(f"{way}/")]
            if len(meant) == 1:
                return meant[0].name, meant[0].read()
        except CONTAINER_ERRORS as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            stream.seek(0)
            what, _ = foreign(stream.read(START_BYTES)) or ("a container", "")
            raise NotATfliteModelError(
                f"{path}: is {what}, and incomplete or damaged ({reason}); copy it again, or give "
                "the .tflite file itself"
            ) from error
    if not found:
        return None
    names = ", ".join(f"{path}/{one.name}" for one in meant or found)
    raise NotATfliteModelError(
        f"{path}: holds {len(meant) or 'no'} networks{f' called {way}' if way else ''}; give one "
        f"of {names}"
    )


def networks_inside(stream: IO[bytes], depth: int = MAX_DEPTH) -> Iterator[Inside]:
    """Yield the networks inside a file, and inside the containers in it; none if it is none.

    Args:
        stream: The file, open as long as they are read.
        depth: How many containers inside each other are opened.

    Raises:
        OSError, ValueError, …: It is damaged; see ``CONTAINER_ERRORS``.
    """
    stream.seek(0)
    start = stream.read(len(LITERT_LM))
    if start == LITERT_LM:
        yield from _sections(stream)
    elif start.startswith(ZIP) and depth:
        yield from _members(stream, depth)


def _members(stream: IO[bytes], depth: int) -> Iterator[Inside]:
    archive = zipfile.ZipFile(stream)
    for member in archive.infolist()[:MAX_MEMBERS]:
        # Not closed before the end: what is inside reads on.
        content = archive.open(member)
        start = content.read(IDENTIFIER_OFFSET + len(FILE_IDENTIFIER))
        if start[IDENTIFIER_OFFSET:] == FILE_IDENTIFIER:
            yield Inside(name=member.filename, read=partial(_unpacked, archive, member))
        for inner in networks_inside(content, depth - 1):
            yield Inside(name=f"{member.filename}/{inner.name}", read=inner.read)


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.file_size > MAX_RATIO * member.compress_size:
        raise ValueError(
            f"{member.filename} would grow from {member.compress_size} to {member.file_size} bytes"
        )
    return archive.read(member)


def _sections(stream: IO[bytes]) -> Iterator[Inside]:
    stream.seek(HEADER - HEADER_END.size)
    (end,) = HEADER_END.unpack(stream.read(HEADER_END.size))
    if not HEADER < end <= MAX_HEADER_BYTES:
        raise ValueError(f"its header would end at {end}")
    header = stream.read(end - HEADER)
    size = stream.seek(0, io.SEEK_END)
    for number, section in enumerate(_tables(_root(header), SECTIONS, OBJECTS)):
        begin, behind = _number(section, BEGIN, "Uint64"), _number(section, END, "Uint64")
        if _number(section, DATA_TYPE, "Uint8") != TFLITE_SECTION:
            continue
        if not end <= begin < behind <= size:
            raise ValueError(f"section {number} from {begin} to {behind} of {size} bytes")
        name = _model_type(section) or "section"
        yield Inside(name=f"{number}-{name}", read=partial(_piece, stream, begin, behind))


def _piece(stream: IO[bytes], begin: int, end: int) -> bytes:
    stream.seek(begin)
    return stream.read(end - begin)


def _root(header: bytes) -> Any:
    table = import_module("flatbuffers.table")
    return table.Table(header, struct.unpack_from("<I", header)[0])


def _number(table: Any, place: int, kind: str) -> int:
    flags = getattr(import_module("flatbuffers.number_types"), f"{kind}Flags")
    field = table.Offset(place)
    return int(table.Get(flags, table.Pos + field)) if field else 0


def _inner(table: Any, place: int) -> Any:
    """Return the table that a field refers to."""
    field = table.Offset(place)
    if not field:
        raise ValueError("a table of its header is missing")
    return type(table)(table.Bytes, table.Indirect(table.Pos + field))


def _tables(root: Any, *way: int) -> Iterator[Any]:
    """Yield the tables of the vector at the end of a way through tables."""
    *tables, last = way
    for place in tables:
        root = _inner(root, place)
    field = root.Offset(last)
    for number in range(min(root.VectorLen(field), MAX_MEMBERS) if field else 0):
        yield type(root)(root.Bytes, root.Indirect(root.Vector(field) + 4 * number))


def _model_type(section: Any) -> str:
    for item in _tables(section, ITEMS):
        key = item.Offset(ITEM_KEY)
        if not key or item.String(item.Pos + key) != MODEL_TYPE:
            continue
        if _number(item, VALUE_KIND, "Uint8") == STRING_VALUE:
            value = _inner(item, VALUE)
            text = value.String(value.Pos + value.Offset(4)).decode(errors="replace")
            return "".join(c if c.isalnum() or c in "._-" else "_" for c in text)[:100]
    return ""
