"""Dimensions that the file leaves open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from partition.cuts import prefix_cuts
from partition.errors import UnsupportedModelError
from partition.extract import extract
from partition.reading import read_network
from partition.runtime import Runner
from partition.verify import compare_split


@pytest.fixture
def open_batch(file_of, tensor, operator) -> Path:
    """Input (batch, 8) reshaped to (4 · batch, 2): the file's placeholders say (1, 2)."""
    return file_of(
        [
            tensor("x", (1, 8), signature=(-1, 8)),
            tensor("target", (2,), "int32", np.array([-1, 2], np.int32)),
            tensor("pairs", (1, 2), signature=(-1, 2)),
            tensor("y", (1, 2), signature=(-1, 2)),
        ],
        [operator("RESHAPE", ["x", "target"], ["pairs"]), operator("RELU", ["pairs"], ["y"])],
        ["x"],
        ["y"],
    )


def test_an_open_batch_is_one_sample_and_what_follows_is_worked_out(open_batch: Path) -> None:
    network = read_network(open_batch)
    assert [network.tensors[i].shape for i in (0, 2, 3)] == [(1, 8), (4, 2), (4, 2)]
    assert [cut.bits for cut in prefix_cuts(network)] == [256, 256, 256]
    assert network.flop == 8


def test_parts_of_it_have_settled_shapes(open_batch: Path) -> None:
    with Runner(extract(open_batch, 1, 1)) as tail:
        assert tail.inputs[0].shape == (4, 2)
    assert compare_split(open_batch, 0, seed=1).bit_equal


def test_another_open_dimension_is_refused_by_name(file_of, tensor, operator) -> None:
    path = file_of(
        [
            tensor("sound", (1, 1), signature=(-1, -1)),
            tensor("y", (1, 1), signature=(-1, -1)),
        ],
        [operator("RELU", ["sound"], ["y"])],
        ["sound"],
        ["y"],
    )
    with pytest.raises(UnsupportedModelError, match="'sound' leaves dimensions open"):
        read_network(path)
