"""Least memory traffic of operators."""

from __future__ import annotations

import pytest

from partition.flops.traffic import Traffic, traffic
from partition.network import Tensor


def tensor(index: int, *shape: int, dtype: str = "float32") -> Tensor:
    width = {"float32": 32, "int8": 8, "int4": 4}[dtype]
    elements = 1
    for size in shape:
        elements *= size
    return Tensor(
        index=index,
        name=f"t{index}",
        shape=shape,
        dtype=dtype,
        bits=width * elements,
        is_constant=False,
    )


def test_each_input_is_read_once_however_often_it_is_used() -> None:
    x, w, y = tensor(0, 2, 8), tensor(1, 3, 5, dtype="int4"), tensor(2, 7)
    found = traffic("ADD", [x, x, w], [y], weights=frozenset({1}))
    # 15 elements of 4 bit take 8 bytes.
    assert found == Traffic(read_bytes=64 + 8, written_bytes=28, parameter_bytes=8)


@pytest.mark.parametrize("kind", ["RESHAPE", "SQUEEZE", "EXPAND_DIMS"])
def test_a_new_shape_moves_nothing(kind: str) -> None:
    assert traffic(kind, [tensor(0, 4, 4)], [tensor(1, 16)]) == Traffic()


def test_a_look_up_reads_its_rows_and_not_its_table() -> None:
    table, rows = tensor(0, 1000, 8, dtype="int8"), tensor(1, 3)
    found = traffic("EMBEDDING_LOOKUP", [rows, table], [tensor(2, 3, 8)], weights=frozenset({0}))
    assert found == Traffic(read_bytes=12 + 24, written_bytes=96, parameter_bytes=24)
    gathered = traffic("GATHER", [tensor(0, 1000, 8), rows], [tensor(2, 3, 8)])
    assert gathered.read_bytes == 96 + 12


def test_state_is_read_and_written() -> None:
    found = traffic("SVDF", [tensor(0, 8), tensor(1, 16)], [tensor(2, 4)], state=frozenset({1}))
    assert found == Traffic(read_bytes=32 + 64, written_bytes=16 + 64)
