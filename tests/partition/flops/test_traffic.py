"""Least memory traffic of operators."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Tensor, joined, model_pieces
from joulesplit.partition.flops import Traffic, traffic
from joulesplit.partition.reading import read_network


def tensor(index: int, *shape: int, dtype: str = "float32") -> Tensor:
    width = {"float32": 32, "int8": 8, "int4": 4, "string": 0}[dtype]
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


def test_a_look_up_of_texts_moves_what_is_known_to_move() -> None:
    """Texts have no fixed size: their numbers are read, and nothing is made up for them."""
    texts, rows = tensor(0, 100, dtype="string"), tensor(1, 3)
    found = traffic("GATHER", [texts, rows], [tensor(2, 3, dtype="string")])
    assert found == Traffic(read_bytes=12)


def test_state_is_read_and_written() -> None:
    found = traffic("SVDF", [tensor(0, 8), tensor(1, 16)], [tensor(2, 4)], state=frozenset({1}))
    assert found == Traffic(read_bytes=32 + 64, written_bytes=16 + 64)


def test_a_variable_moves_like_a_tensor_of_its_size() -> None:
    handle, value = tensor(0), tensor(1, 4, 4)
    handle = replace(handle, dtype="resource", bits=0)
    assert traffic("READ_VARIABLE", [handle], [value]) == Traffic(read_bytes=64, written_bytes=64)
    written = traffic("ASSIGN_VARIABLE", [handle, value], [])
    assert written == Traffic(read_bytes=64, written_bytes=64)


def test_a_buffer_that_two_tensors_share_is_read_once_by_one_operator(
    model_of, tensor, operator, tmp_path: Path
) -> None:
    """Converters store equal constants once; here w and v are the same 24 bytes."""
    stored = np.arange(6, dtype=np.float32)
    root = model_of(
        [
            *(tensor("x", (6,)), tensor("w", (6,), data=stored), tensor("v", (6,), data=stored)),
            *(tensor("y", (6,)), tensor("z", (6,))),
        ],
        [operator("ADD_N", ["x", "w", "v"], ["y"]), operator("MUL", ["y", "v"], ["z"])],
        ["x"],
        ["z"],
    )
    root.subgraphs[0].tensors[2].buffer = root.subgraphs[0].tensors[1].buffer
    path = tmp_path / "shared.tflite"
    path.write_bytes(joined(model_pieces(root)))
    network = read_network(path)
    assert [o.read_bytes for o in network.operators] == [48, 48]
    assert [o.parameter_bytes for o in network.operators] == [24, 24]
    assert (network.parameters, network.parameter_bytes) == (6, 24)


def test_weights_count_in_the_form_that_is_read_and_stored_ones_once(half_weights: Path) -> None:
    """Two operators read the float32 that a third unpacks from eight float16."""
    network = read_network(half_weights)
    assert [o.parameter_bytes for o in network.operators] == [0, 32, 0, 32]
    assert (network.parameters, network.parameter_bytes) == (8, 16)


def test_a_sparse_constant_is_read_as_it_is_stored(sparse: tuple[Path, np.ndarray]) -> None:
    """Four numbers of sixteen; five row ends and four columns say where, 4 bytes each."""
    path, _dense = sparse
    network = read_network(path)
    stored = next(t for t in network.tensors if t.is_constant and len(t.shape) == 2)
    assert stored.bits == 32 * (4 + 5 + 4)
    assert network.parameter_bytes == 4 * (4 + 5 + 4)
