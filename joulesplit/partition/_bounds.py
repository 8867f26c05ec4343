"""Does what a `.tflite` file claims fit its bytes? Checked before anything is unpacked.

A few corrupt bytes can claim billions of tables, or let thousands of tables share one long name
that is copied for each. Every reference that the unpacking follows is followed here first, in
place: it has to stay inside the file, and the sizes of all that it leads to may not add up to
more than a file of this size can hold.

The layouts are those of TensorFlow's ``schema.fbs``: the fields of a table by their position.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from mmap import mmap

MAX_TABLES = 200_000
"""Tensors, operators, buffers and what belongs to them; the largest networks have some 10,000."""
SHARING = 4
"""How often a writer may refer to the same bytes on average; the usual ones never do."""
MAX_CLAIMED_BYTES = 2**28
"""Names, shapes, scales and tables of any file; the largest networks have some megabytes."""
UNSIGNED, SIGNED, HALF = struct.Struct("<I"), struct.Struct("<i"), struct.Struct("<H")
"""FlatBuffers: references and lengths are 32 bits, distances to a vtable signed, vtables 16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The fields of a table that refer to something, by position.

    Attributes:
        arrays: Vectors and strings that are copied or read, with the bytes per element.
        views: Vectors of bytes that are only referred to.
        table: A single table.
        tables: Vectors of tables.
        choices: A table of one of several kinds, by the number in the field before it; only
            the kinds that refer to something that is copied.
    """

    arrays: Mapping[int, int] = field(default_factory=dict)
    views: tuple[int, ...] = ()
    table: Mapping[int, Layout] = field(default_factory=dict)
    tables: Mapping[int, Layout] = field(default_factory=dict)
    choices: Mapping[int, Mapping[int, Layout]] = field(default_factory=dict)


CUSTOM_QUANTIZATION, BLOCKWISE = 1, 2
"""schema.fbs: numbers in ``QuantizationDetails``. Blocks' scales are tensors, by number."""
QUANTIZATION = Layout(
    arrays={0: 4, 1: 4, 2: 4, 3: 8},
    choices={5: {CUSTOM_QUANTIZATION: Layout(views=(0,)), BLOCKWISE: Layout(arrays={3: 4})}},
)
DIMENSION = Layout(table={3: Layout(), 5: Layout()})
SPARSITY = Layout(arrays={0: 4, 1: 4}, tables={2: DIMENSION})
VARIANT = Layout(arrays={0: 4})
TENSOR = Layout(
    arrays={0: 4, 3: 1, 7: 4}, table={4: QUANTIZATION, 6: SPARSITY}, tables={9: VARIANT}
)
VARIABLE_HANDLE, CUSTOM_CALL, COMPOSITE, CASE = 111, 5, 21, 23
"""schema.fbs: numbers in ``BuiltinOptions`` and, but for the first, ``BuiltinOptions2``."""
OPERATOR = Layout(
    arrays={1: 4, 2: 4, 8: 4},
    views=(5, 7),
    choices={
        4: {VARIABLE_HANDLE: Layout(arrays={0: 1, 1: 1})},
        12: {
            CUSTOM_CALL: Layout(arrays={0: 1, 2: 1}),
            COMPOSITE: Layout(arrays={0: 1}),
            CASE: Layout(arrays={0: 4}),
        },
    },
)
SUBGRAPH = Layout(arrays={1: 4, 2: 4, 4: 1}, tables={0: TENSOR, 3: OPERATOR})
TENSOR_MAP = Layout(arrays={0: 1})
NAMED = Layout(arrays={0: 1})
MODEL = Layout(
    arrays={3: 1, 5: 4},
    tables={
        1: Layout(arrays={1: 1}),
        2: SUBGRAPH,
        4: Layout(views=(0,)),
        6: NAMED,
        7: Layout(arrays={2: 1}, tables={0: TENSOR_MAP, 1: TENSOR_MAP}),
        8: NAMED,
        9: Layout(arrays={4: 1}),
    },
)


def check_bounds(data: bytes | mmap) -> None:
    """Follow every reference of a `.tflite` file.

    Raises:
        ValueError: One leads out of the file, or together they claim too much.
        IndexError: One leads out of the file.
        struct.error: One leads out of the file.
    """
    walk = _Walk(data)
    walk.table(UNSIGNED.unpack_from(data, 0)[0], MODEL)


class _Walk:
    """The sum of what the tables of a file claim."""

    def __init__(self, data: bytes | mmap) -> None:
        self._data = data
        self._claimed = 0
        self._tables = 0

    def table(self, position: int, layout: Layout) -> None:
        """Follow the references of one table."""
        self._tables += 1
        if self._tables > MAX_TABLES:
            raise ValueError(f"more than {MAX_TABLES} tables, the limit of this reader")
        fields = self._fields(position)
        self._claim(SIGNED.size)
        for index, size in layout.arrays.items():
            self._claim(self._vector(fields, index, size)[1] * size)
        for index in layout.views:
            self._vector(fields, index, 1)
        for index, inner in self._single_tables(fields, layout):
            self.table(self._follow(fields[index]), inner)
        for index, inner in layout.tables.items():
            start, count = self._vector(fields, index, UNSIGNED.size)
            self._claim(count * UNSIGNED.size)
            for place in range(start, start + count * UNSIGNED.size, UNSIGNED.size):
                self.table(self._follow(place), inner)

    def _single_tables(
        self, fields: tuple[int, ...], layout: Layout
    ) -> Iterator[tuple[int, Layout]]:
        for index, inner in layout.table.items():
            if self._is_there(fields, index):
                yield index, inner
        for index, kinds in layout.choices.items():
            if self._is_there(fields, index):
                kind = self._data[fields[index - 1]] if self._is_there(fields, index - 1) else 0
                yield index, kinds.get(kind, Layout())

    def _fields(self, position: int) -> tuple[int, ...]:
        """Return the place of every field of a table; the table's own place if it is absent."""
        vtable = position - SIGNED.unpack_from(self._data, position)[0]
        if vtable < 0:
            raise ValueError(f"a table at {position} is described outside the file")
        size, _ = struct.unpack_from("<HH", self._data, vtable)
        count = (size - 2 * HALF.size) // HALF.size
        offsets = struct.unpack_from(f"<{max(count, 0)}H", self._data, vtable + 2 * HALF.size)
        return tuple(position + offset for offset in (*offsets, *[0] * 16))

    def _is_there(self, fields: tuple[int, ...], index: int) -> bool:
        return fields[index] != fields[-1]

    def _vector(self, fields: tuple[int, ...], index: int, size: int) -> tuple[int, int]:
        """Return the place of a vector's first element, and their number."""
        if not self._is_there(fields, index):
            return 0, 0
        position = self._follow(fields[index])
        (count,) = UNSIGNED.unpack_from(self._data, position)
        start = position + UNSIGNED.size
        if start + count * size > len(self._data):
            raise ValueError(f"{count} items at {start} do not fit into {len(self._data)} bytes")
        return start, count

    def _follow(self, place: int) -> int:
        return place + int(UNSIGNED.unpack_from(self._data, place)[0])

    def _claim(self, size_bytes: int) -> None:
        self._claimed += size_bytes
        if self._claimed > min(SHARING * len(self._data), MAX_CLAIMED_BYTES):
            raise ValueError(f"its tables do not fit into {len(self._data)} bytes")
