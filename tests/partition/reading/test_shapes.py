"""Dimensions that the file leaves open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, joined, model_pieces
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.checking import compare_split
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.errors import (
    InputError,
    InvocationError,
    RuntimeMissingError,
    TruncatedModelError,
    UnsupportedModelError,
)
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import _shape_run as shape_run
from joulesplit.partition.reading import read_network


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
    assert network.assumed_batch
    assert network.notes == ("input 'x' leaves its batch open; it was taken as (1, 8)",)


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
    with pytest.raises(UnsupportedModelError, match="'sound' leaves dimensions open") as caught:
        read_network(path)
    assert "--input-shape sound=1,N" in str(caught.value)
    assert read_network(path, {"sound": (1, 500)}).flop == 500


MODELS = Path(__file__).parents[1] / "models"
OPEN_IMAGE = MODELS / "cnn_open_image.tflite"


@pytest.mark.parametrize("name", ["image", "serving_default_image:0"])
def test_an_input_takes_the_shape_given_by_either_of_its_names(name: str) -> None:
    small = read_network(OPEN_IMAGE, {name: (1, 8, 16, 3)})
    large = read_network(OPEN_IMAGE, {name: (1, 80, 160, 3)})
    # A 3 × 3 convolution with stride 2 from 3 to 4 channels, resized, 1 × 1 to 2 channels.
    assert small.mac_flop == 2 * (4 * 8 * 4 * 27 + 8 * 16 * 2 * 4)
    assert large.mac_flop == 100 * small.mac_flop
    assert small.input_bits == 32 * 8 * 16 * 3
    assert not small.assumed_batch


def test_a_given_batch_multiplies_the_work(open_batch: Path) -> None:
    network = read_network(open_batch, {"x": (5, 8)})
    assert network.tensors[2].shape == (20, 2)
    assert network.flop == 40
    assert not network.assumed_batch


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({"picture": (1, 8, 8, 3)}, "no input 'picture'; its inputs are image, serving"),
        ({"image": (8, 8, 3)}, "give 4 sizes"),
        ({"image": (1, 0, 8, 3)}, "from 1 up"),
    ],
)
def test_impossible_input_shapes_are_refused(shapes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_network(OPEN_IMAGE, shapes)


def test_a_shape_that_the_network_cannot_have_is_refused_with_the_file_named(tmp_path) -> None:
    with pytest.raises(InvocationError, match=r"^two_inputs_two_outputs.tflite: the TFLite"):
        read_network(MODELS / "two_inputs_two_outputs.tflite", {"image": (1, 16, 16, 4)})


def test_shapes_that_depend_on_the_data_are_an_example_and_say_so() -> None:
    network = read_network(MODELS / "data_dependent.tflite")
    (note,) = network.notes
    assert "depends on the data" in note
    assert "(0, 1) on zeros" in note
    kept = network.tensors[network.outputs[0]].shape[0]
    assert 0 < kept < 16
    assert [o.flop for o in network.operators if o.kind == "EXP"] == [kept]


def test_a_shape_computed_at_run_time_is_asked_of_the_runtime(
    model_of, tensor, operator, tmp_path: Path
) -> None:
    """The file's own figure for the result is a placeholder without an open dimension."""
    root = model_of(
        [
            tensor("x", (2, 3)),
            tensor("one", (), data=np.ones((), np.float32)),
            *(tensor("sizes", (2,), "int32"), tensor("ones", (1, 1)), tensor("y", (2, 3))),
        ],
        [
            operator("SHAPE", ["x"], ["sizes"]),
            operator("FILL", ["sizes", "one"], ["ones"]),
            operator("ADD", ["x", "ones"], ["y"]),
        ],
        ["x"],
        ["y"],
    )
    schema = flatbuffer.schema()
    first = root.subgraphs[0].operators[0]
    first.builtinOptionsType = schema.BuiltinOptions.ShapeOptions
    first.builtinOptions = schema.ShapeOptionsT(outType=schema.TensorType.INT32)
    path = tmp_path / "computed.tflite"
    path.write_bytes(joined(model_pieces(root)))
    network = read_network(path)
    assert network.tensors[3].shape == (2, 3)
    assert network.notes == ()


@pytest.mark.parametrize("shape", [(2**30, 2**30), (1,) * 40])
def test_tensors_that_no_machine_holds_are_damage(shape, file_of, tensor, operator) -> None:
    path = file_of(
        [tensor("x", shape), tensor("y", shape)], [operator("RELU", ["x"], ["y"])], ["x"], ["y"]
    )
    with pytest.raises(TruncatedModelError, match=r"tensor 0 has"):
        read_network(path)


def test_a_network_that_needs_all_memory_does_not_take_it(file_of, tensor, operator) -> None:
    sizes = np.array([2**20, 2**13], np.int32)
    path = file_of(
        [
            tensor("x", (1, 1), signature=(-1, 1)),
            tensor("one", (), data=np.ones((), np.float32)),
            tensor("sizes", (2,), "int32", sizes),
            *(tensor("wide", (1, 1), signature=(-1, -1)), tensor("y", (1, 1), signature=(-1, -1))),
        ],
        [operator("FILL", ["sizes", "one"], ["wide"]), operator("ADD", ["x", "wide"], ["y"])],
        ["x"],
        ["y"],
    )
    with pytest.raises(InvocationError, match=r"small.tflite: .*") as caught:
        read_network(path)
    assert "memory" in str(caught.value)


@pytest.fixture
def runs_instead(tmp_path: Path, monkeypatch):
    """Let a line of shell answer in place of the process that runs the network."""

    def replace(line: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
        monkeypatch.setattr(shape_run.sys, "executable", str(path))

    return replace


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("kill -SEGV $$", InvocationError, "crashed .SIGSEGV."),
        ("echo no such module >&2; exit 1", InvocationError, "crashed .no such module."),
        ('cat >/dev/null; echo \'{"error": "refused"}\'', InvocationError, "refused"),
        ('cat >/dev/null; echo \'{"missing": "none"}\'', RuntimeMissingError, "none"),
    ],
)
def test_a_crash_of_the_runtime_is_one_clear_error(
    open_batch: Path, runs_instead, line: str, error, message: str
) -> None:
    runs_instead(line)
    with pytest.raises(error, match=message):
        read_network(open_batch)


def test_a_hang_of_the_runtime_comes_to_an_end(open_batch: Path, runs_instead, monkeypatch) -> None:
    monkeypatch.setattr(shape_run, "MAX_SECONDS", 0.1)
    runs_instead("exec sleep 100")
    with pytest.raises(InvocationError, match=r"did not settle the open shapes in 0.1 s"):
        read_network(open_batch)
