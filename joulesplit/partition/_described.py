"""TFLite metadata of a part: what describes the whole network's other end is taken out."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from joulesplit.partition._bounds import HALF, SIGNED, UNSIGNED

TFLITE_METADATA = "TFLITE_METADATA"
"""Name of the entry; metadata_schema.fbs says what it is."""
SUBGRAPHS = 3
"""metadata_schema.fbs: ``ModelMetadata.subgraph_metadata``, by its position."""
OF_INPUTS, OF_OUTPUTS = (2, 5, 7), (3, 6, 8)
"""The same of ``SubGraphMetadata``: tensors, process units, groups of tensors."""


def described(metadata: bytes, *, inputs: bool, outputs: bool) -> bytes | None:
    """Return the metadata of a part; None if they cannot be read.

    Name, author, licence and files stay, and what is said of each tensor at an end that is still
    the network's own.

    Args:
        metadata: Of the whole network.
        inputs: The part takes what the network takes.
        outputs: It gives what the network gives.
    """
    gone = (() if inputs else OF_INPUTS) + (() if outputs else OF_OUTPUTS)
    # At its end a vector of no elements, which every field that goes refers to.
    changed = bytearray(metadata) + bytes(-len(metadata) % 4 + UNSIGNED.size)
    try:
        for table in _subgraphs(metadata):
            for position in gone:
                field = _field(metadata, table, position)
                if field:
                    UNSIGNED.pack_into(changed, field, len(changed) - UNSIGNED.size - field)
    except (struct.error, ValueError):
        return None
    return bytes(changed)


def _subgraphs(data: bytes) -> Iterator[int]:
    vector = _field(data, _referred(data, 0), SUBGRAPHS)
    if vector:
        start = _referred(data, vector)
        (count,) = UNSIGNED.unpack_from(data, start)
        for number in range(count):
            yield _referred(data, start + UNSIGNED.size * (number + 1))


def _referred(data: bytes, place: int) -> int:
    return place + int(UNSIGNED.unpack_from(data, place)[0])


def _field(data: bytes, table: int, position: int) -> int:
    """Return where in the file a table's field stands; 0 if it is absent."""
    vtable = table - SIGNED.unpack_from(data, table)[0]
    if not 0 <= vtable < len(data):
        raise ValueError(f"a table's layout at {vtable}")
    (size,) = HALF.unpack_from(data, vtable)
    place = 4 + 2 * position
    (field,) = HALF.unpack_from(data, vtable + place) if place < size else (0,)
    return table + field if field else 0
