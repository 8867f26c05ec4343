"""Weights with a scale per block of 32, as LiteRT-Torch's int4 recipe writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition import joined, model_pieces, runtime_identity
from joulesplit.partition._flatbuffer import read_model_file
from joulesplit.partition.checking import compare_split
from joulesplit.partition.errors import InvocationError
from joulesplit.partition.parts import write_split
from joulesplit.partition.reading import load_model

BLOCK, ROWS, COLUMNS = 32, 8, 64


@pytest.fixture
def blockwise(model_of: Callable[..., Any], tensor, operator, tmp_path: Path) -> Path:
    """A rectified input times an int4 matrix in blocks, rectified; scales before all tensors."""
    rng = np.random.default_rng(3)
    packed = rng.integers(0, 256, ROWS * COLUMNS // 2, dtype=np.uint8)
    scales = rng.uniform(0.01, 0.02, (ROWS, COLUMNS // BLOCK)).astype(np.float16)
    root = model_of(
        [
            tensor("x", (1, COLUMNS)),
            tensor("unused", (3,), "float32", np.ones(3, np.float32)),
            tensor("scales", scales.shape, "float16", scales),
            tensor("w", (ROWS, COLUMNS), "int4", packed),
            tensor("r", (1, COLUMNS)),
            tensor("y", (1, ROWS)),
            tensor("z", (1, ROWS)),
        ],
        [
            operator("RELU", ["x"], ["r"]),
            operator("FULLY_CONNECTED", ["r", "w"], ["y"]),
            operator("RELU", ["y"], ["z"]),
        ],
        ["x"],
        ["z"],
    )
    schema = flatbuffer.schema()
    details = schema.BlockwiseQuantizationT()
    details.scales, details.blockSize = 2, BLOCK
    quantization = schema.QuantizationParametersT()
    quantization.detailsType = schema.QuantizationDetails.BlockwiseQuantization
    quantization.details = details
    root.subgraphs[0].tensors[3].quantization = quantization
    multiply = root.subgraphs[0].operators[1]
    multiply.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    multiply.builtinOptions = schema.FullyConnectedOptionsT()
    for code in root.operatorCodes:
        code.version = 12 if code.builtinCode == schema.BuiltinOperator.FULLY_CONNECTED else 1
    path = tmp_path / "blockwise.tflite"
    path.write_bytes(joined(model_pieces(root)))
    return path


def test_blocks_scales_go_with_their_weights(blockwise: Path, tmp_path: Path) -> None:
    model = load_model(blockwise)
    assert (model.network.parameters, model.network.parameter_bytes) == (512, 256)
    write_split(model, 0, tmp_path / "parts")
    before = read_model_file(blockwise).root
    part = read_model_file(tmp_path / "parts" / "tail.tflite").root
    tensors = part.subgraphs[0].tensors
    (weights,) = [own for own in tensors if own.name == b"w"]
    scales = tensors[weights.quantization.details.scales]
    assert (scales.name, weights.quantization.details.blockSize) == (b"scales", BLOCK)
    whole = before.buffers[before.subgraphs[0].tensors[2].buffer].data
    assert part.buffers[scales.buffer].data.tobytes() == whole.tobytes()
    assert b"unused" not in [own.name for own in tensors]
    head = read_model_file(tmp_path / "parts" / "head.tflite").root
    assert [own.name for own in head.subgraphs[0].tensors] == [b"x", b"r"]


@pytest.mark.parametrize("after", [0, 1])
def test_a_split_of_them_computes_the_same(blockwise: Path, after: int) -> None:
    if runtime_identity().name == "tflite-runtime":
        # The last one, of 2023, is older than scales by block: it says so.
        with pytest.raises(InvocationError, match="check the model with another runtime"):
            compare_split(blockwise, after, 1)
        return
    assert compare_split(blockwise, after, 1).bit_equal
