"""The kinds of fields that a table has: each reads its value from a file and writes it to one.

The layout is that of FlatBuffers: a number stands in the table itself, everything else is behind
a reference, 32 bits, which counts from where it stands.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import Any, Protocol

import numpy as np

Data = bytes | bytearray | mmap
REFERENCE, LENGTH_FIELD = struct.Struct("<I"), struct.Struct("<I")
SIZE_BYTES = 4
"""Of a reference, and of a vector's length."""
FORMATS = {
    "bool": "?",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
"""Of ``struct``, by the name of a number's type."""
Tables = Mapping[str, Any]
"""The classes of all tables by name."""


class Field(Protocol):
    """One field of a table."""

    @property
    def default(self) -> Any:
        """What a file means that leaves the field out."""

    def read(self, data: Data, place: int, /) -> Any:
        """Return the value that stands, or is referred to, at ``place``."""

    def lay_down(self, builder: Any, value: Any, /) -> Any:
        """Write what lies outside the table; return what the table itself gets."""

    def put(self, builder: Any, slot: int, value: Any, /) -> None:
        """Write into the table what ``lay_down`` returned."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number, an enumeration's value, or a truth value."""

    type_name: str
    default: int | float | bool
    _format: struct.Struct

    def read(self, data: Data, place: int) -> Any:
        """Return the number at ``place``."""
        return self._format.unpack_from(data, place)[0]

    def lay_down(self, _builder: Any, value: Any, /) -> Any:
        """Return the number: all of it stands in the table."""
        return value

    def put(self, builder: Any, slot: int, value: Any) -> None:
        """Write the number, unless it is the default."""
        from flatbuffers import number_types

        flags = getattr(number_types, f"{self.type_name.capitalize()}Flags")
        builder.PrependSlot(flags, slot, value, self.default)


class _Referred:
    """What the fields have in common that stand behind a reference."""

    __slots__ = ()
    default = None

    def put(self, builder: Any, slot: int, value: Any) -> None:
        """Write the reference, if there is something to refer to."""
        if value is not None:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)


class Text(_Referred):
    """A text, as bytes."""

    __slots__ = ()

    def read(self, data: Data, place: int) -> bytes:
        """Return the bytes without the zero behind them."""
        start, length = _vector(data, place)
        return bytes(data[start : start + length])

    def lay_down(self, builder: Any, value: Any) -> Any:
        """Write the bytes."""
        return None if value is None else builder.CreateString(value)


@dataclass(frozen=True, slots=True)
class Numbers(_Referred):
    """A vector of numbers, as an array, which is a view of the file."""

    dtype: np.dtype[Any]

    def read(self, data: Data, place: int) -> Any:
        """Return a view of the numbers."""
        start, length = _vector(data, place)
        return np.frombuffer(data, self.dtype, length, start)

    def lay_down(self, builder: Any, value: Any) -> Any:
        """Write the numbers."""
        if value is None:
            return None
        raw = np.frombuffer(value, np.uint8) if isinstance(value, bytes | bytearray) else value
        return builder.CreateNumpyVector(np.ascontiguousarray(raw, self.dtype))


@dataclass(frozen=True, slots=True)
class Child(_Referred):
    """Another table."""

    name: str
    tables: Tables

    def read(self, data: Data, place: int) -> Any:
        """Return the table as an object."""
        return self.tables[self.name].InitFromBuf(data, _target(data, place))

    def lay_down(self, builder: Any, value: Any) -> Any:
        """Write the table."""
        return None if value is None else value.Pack(builder)


@dataclass(frozen=True, slots=True)
class Children(_Referred):
    """A vector of tables or of texts, as a list."""

    of: Child | Text

    def read(self, data: Data, place: int) -> list[Any]:
        """Return the tables as objects, or the texts."""
        start, length = _vector(data, place)
        ends = range(start, start + SIZE_BYTES * length, SIZE_BYTES)
        return [self.of.read(data, end) for end in ends]

    def lay_down(self, builder: Any, value: Any) -> Any:
        """Write what is in the list, then the references to it."""
        if value is None:
            return None
        references = [self.of.lay_down(builder, item) for item in value]
        builder.StartVector(SIZE_BYTES, len(references), SIZE_BYTES)
        for reference in reversed(references):
            builder.PrependUOffsetTRelative(reference)
        return builder.EndVector()


@dataclass(frozen=True, slots=True)
class Choice(_Referred):
    """A table of one of several kinds, by the number in the field before it."""

    kind_field: str
    kinds: Mapping[int, str]
    tables: Tables

    def chosen(self, values: Mapping[str, Any]) -> Child | None:
        """Return the table's kind as the values before it say; None of one not in the schema."""
        name = self.kinds.get(values[self.kind_field])
        return None if name is None else Child(name, self.tables)

    def lay_down(self, builder: Any, value: Any) -> Any:
        """Write the table."""
        return None if value is None else value.Pack(builder)


def field_of(
    text: str, before: str, tables: Tables, kinds: Callable[[str], Mapping[int, str]]
) -> Field | Choice:
    """Return the field that the schema's list of tables describes.

    Args:
        text: As ``int32=-1``, ``string``, ``[uint8]``, ``[Tensor]``, ``SubGraph`` or ``|Union``.
        before: Name of the field before it, which tells a union's kind.
        tables: The classes of all tables by name; may be filled later.
        kinds: Gives the tables of a union by number.
    """
    name, _, default = text.partition("=")
    if name in FORMATS:
        number = float(default) if name.startswith("float") else int(default)
        form = struct.Struct(f"<{FORMATS[name]}")
        return Number(name, bool(number) if name == "bool" else number, form)
    if name.startswith("|"):
        return Choice(before, kinds(name[1:]), tables)
    if not name.startswith("["):
        return Text() if name == "string" else Child(name, tables)
    name = name[1:-1]
    if name in FORMATS:
        return Numbers(np.dtype(name).newbyteorder("<"))
    return Children(Text() if name == "string" else Child(name, tables))


def _target(data: Data, place: int) -> int:
    """Return where the reference at ``place`` leads."""
    return place + int(REFERENCE.unpack_from(data, place)[0])


def _vector(data: Data, place: int) -> tuple[int, int]:
    """Return where the vector that is referred to at ``place`` starts, and its length."""
    start = _target(data, place)
    return start + SIZE_BYTES, LENGTH_FIELD.unpack_from(data, start)[0]
