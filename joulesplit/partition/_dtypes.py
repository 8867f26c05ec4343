"""Element types of a `.tflite` file by numpy name, and the size of one element."""

from __future__ import annotations

ELEMENT_BITS = {
    "float16": 16,
    "bfloat16": 16,
    "float32": 32,
    "float64": 64,
    "complex64": 64,
    "complex128": 128,
    "bool": 8,
    "int2": 2,
    "int4": 4,
    "uint4": 4,
    "int8": 8,
    "uint8": 8,
    "int16": 16,
    "uint16": 16,
    "int32": 32,
    "uint32": 32,
    "int64": 64,
    "uint64": 64,
    "float8_e4m3fn": 8,
    "float8_e5m2": 8,
}
"""Stored size, bit; the schema's names in lower case are numpy's. int2 and int4 are packed."""


def stored_bytes(dtype: str, elements: int) -> int:
    """Return the size of that many elements in the file, whole bytes."""
    return -(-ELEMENT_BITS[dtype] * elements // 8)
