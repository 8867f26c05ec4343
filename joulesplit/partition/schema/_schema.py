"""The schema's tables as classes, made from the list of them in ``tflite.json``.

The classes do what those do that FlatBuffers' compiler generates (its object API, so the names),
and need neither a runtime nor a wheel for the machine: the schema's own module comes with
ai-edge-litert, which has none for 32 bit, and takes longer to import than a network to read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Self

from joulesplit.partition.schema._fields import REFERENCE, Choice, Data, Field, field_of

LIST = Path(__file__).with_name("tflite.json")
TO_VTABLE, ENTRY = struct.Struct("<i"), struct.Struct("<H")
"""A table starts with the distance back to its vtable: its own size, the table's size, then where
each field stands in the table, 16 bits each, 0 for one that is left out."""


class Table:
    """A table of the schema as an object; its fields are attributes.

    Args:
        values: Fields by name; the others have the values that a file means by leaving them out.
    """

    places: ClassVar[Sequence[tuple[str, Field | Choice] | None]] = ()
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **values: Any) -> None:
        unknown = values.keys() - self.defaults.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        vars(self).update(self.defaults, **values)

    @classmethod
    def InitFromPackedBuf(cls, data: Data, pos: int = 0) -> Self:  # noqa: N802 - FlatBuffers' name
        """Return the table that a whole file is; arrays in it are views of ``data``."""
        return cls.InitFromBuf(data, pos + REFERENCE.unpack_from(data, pos)[0])

    @classmethod
    def InitFromBuf(cls, data: Data, pos: int) -> Self:  # noqa: N802 - FlatBuffers' name
        """Return the table at ``pos``."""
        table = cls()
        values = vars(table)
        vtable = pos - TO_VTABLE.unpack_from(data, pos)[0]
        (size,) = ENTRY.unpack_from(data, vtable)
        entries = range(vtable + 2 * ENTRY.size, vtable + size, ENTRY.size)
        # A file of a later schema may have more fields, one of an earlier fewer.
        for place, entry in zip(cls.places, entries, strict=False):
            (offset,) = ENTRY.unpack_from(data, entry)
            if offset and place is not None:
                name, field = place
                kind = field.chosen(values) if isinstance(field, Choice) else field
                values[name] = None if kind is None else kind.read(data, pos + offset)
        return table

    def Pack(self, builder: Any) -> int:  # noqa: N802 - FlatBuffers' name
        """Write the table and all that it refers to; return where, counted from the end."""
        values = vars(self)
        laid = [
            (slot, place[1], place[1].lay_down(builder, values[place[0]]))
            for slot, place in enumerate(self.places)
            if place is not None
        ]
        builder.StartObject(len(self.places))
        for slot, field, value in laid:
            field.put(builder, slot, value)
        return int(builder.EndObject())


def schema() -> Any:
    """Return the schema: each table's class as ``TensorT``, each enumeration by its name."""
    return _made()


@cache
def _made() -> SimpleNamespace:
    listed = json.loads(LIST.read_text("ascii"))
    tables: dict[str, type[Table]] = {}
    enumerations = listed["enumerations"]

    def kinds(union: str) -> dict[int, str]:
        return {value: name for name, value in enumerations[union].items() if value}

    for name, texts in listed["tables"].items():
        places = [
            (field, field_of(text, before, tables, kinds)) if text else None
            for before, (field, text) in zip(("", *texts), texts.items(), strict=False)
        ]
        defaults = {place[0]: place[1].default for place in places if place is not None}
        tables[name] = type(f"{name}T", (Table,), {"places": places, "defaults": defaults})
    made = {table.__name__: table for table in tables.values()}
    return SimpleNamespace(**made, **{k: SimpleNamespace(**v) for k, v in enumerations.items()})
