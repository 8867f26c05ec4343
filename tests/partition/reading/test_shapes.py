"""Dimensions that the file leaves open."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, joined, model_pieces
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition._flatbuffer import read_model_file
from joulesplit.partition._runtime import allocated_shapes, shapes_of_a_run
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
from joulesplit.partition.reading._graphs import graph_of
from joulesplit.partition.reading._shapes import depend_on_values


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
FULLY_CONNECTED_OPTIONS = 8
"""schema.fbs: its place in the union of options."""
EXPORTS = Path(__file__).parents[1] / "exports"
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


def unpacked(name: str, directory: Path) -> Path:
    path = directory / f"{name}.tflite"
    path.write_bytes(lzma.decompress((EXPORTS / f"{name}.tflite.xz").read_bytes()))
    return path


@pytest.mark.parametrize("name", ["mobilenet_v1_open_batch", "resnet_open_batch"])
def test_sizes_computed_from_shapes_are_settled_by_one_run(
    name: str, tmp_path: Path, monkeypatch
) -> None:
    """Keras hands its batch on as SHAPE, STRIDED_SLICE, PACK: a run on zeros tells all."""
    path, asked = unpacked(name, tmp_path), []
    run = shape_run.shapes_on_two_inputs

    def watched(model, shapes, *, alike):
        asked.append((model, alike))
        return run(model, shapes, alike=alike)

    monkeypatch.setattr(shape_run, "shapes_on_two_inputs", watched)
    network = read_network(path)
    assert asked == [(path, True)]
    inputs = {i: network.tensors[i].shape for i in network.inputs}
    on_random = shapes_of_a_run(path.read_bytes(), inputs, seed=3)
    assert [t.shape for t in network.tensors] == [on_random[t.index] for t in network.tensors]


@pytest.mark.parametrize("name", ["data_dependent", "words_to_label", "gru_loop", "stateful"])
def test_where_values_may_decide_about_shapes_two_inputs_are_run(name: str) -> None:
    graph = graph_of(read_model_file(MODELS / f"{name}.tflite"), 0)
    assert depend_on_values(graph)


def test_a_size_that_is_an_input_is_a_value(file_of, tensor, operator) -> None:
    def network(source: str) -> Path:
        return file_of(
            [
                tensor("x", (1, 8), signature=(-1, 8)),
                tensor("sizes", (2,), "int32"),
                tensor("shape", (2,), "int32"),
                tensor("y", (1, 8), signature=(-1, -1)),
            ],
            [operator("SHAPE", ["x"], ["shape"]), operator("RESHAPE", ["x", source], ["y"])],
            ["x", "sizes"],
            ["y"],
        )

    of_values, of_shapes = (
        depend_on_values(graph_of(read_model_file(network(source)), 0))
        for source in ("sizes", "shape")
    )
    assert (of_values, of_shapes) == (True, False)


@pytest.mark.parametrize("batch", [1, 3])
def test_what_allocating_settles_is_told_without_a_run_as_a_run_tells_it(
    large: dict[str, Path], batch: int
) -> None:
    path, inputs = large["open"], {0: (batch, 2048)}
    settled = allocated_shapes(path, inputs)
    assert settled == shapes_of_a_run(path, inputs, seed=1)
    assert settled[12] == (batch, 2048)


@pytest.fixture
def large(file_of, tensor, operator, tmp_path: Path) -> dict[str, Path]:
    """A network of 96 MiB of weights whose batch is open, and the same with a fixed one."""
    made, width = {}, 2048
    weights = np.random.default_rng(1).standard_normal((width, width), np.float32)
    for name, signature in (("open", (-1, width)), ("fixed", (1, width))):
        tensors = [tensor("y0", (1, width), signature=signature)]
        for layer in range(1, 7):
            tensors.append(tensor(f"w{layer}", (width, width), data=weights))
            tensors.append(tensor(f"y{layer}", (1, width), signature=signature))
        layers = [
            operator("FULLY_CONNECTED", [f"y{n - 1}", f"w{n}"], [f"y{n}"]) for n in range(1, 7)
        ]
        data = file_of(tensors, layers, ["y0"], ["y6"]).read_bytes()
        root = flatbuffer.schema().ModelT.InitFromPackedBuf(data)
        for raw in root.subgraphs[0].operators:
            raw.builtinOptionsType = FULLY_CONNECTED_OPTIONS
            raw.builtinOptions = flatbuffer.schema().FullyConnectedOptionsT()
        made[name] = tmp_path / f"{name}.tflite"
        made[name].write_bytes(joined(model_pieces(root)))
    return made


PEAK = """
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) * 1024
"""
READ = """
import sys
from joulesplit.partition.reading import read_network
from joulesplit.partition import runtime_identity
import numpy
small, large = sys.argv[1:]
read_network(small)
before = peak()
read_network(large)
print(peak() - before)
"""
SETTLE = """
import sys
from joulesplit.partition.reading import _shape_run
_shape_run.main()
print()
print(peak())
"""


def printed(program: str, *arguments: object) -> int:
    done = subprocess.run(
        [sys.executable, "-c", PEAK + program, *map(str, arguments)],
        capture_output=True, stdin=subprocess.DEVNULL, text=True, check=True,
    )  # fmt: skip
    return int(done.stdout.split()[-1])


def test_a_file_with_an_open_batch_is_read_in_the_memory_of_one_without(
    large: dict[str, Path], open_batch: Path
) -> None:
    """Once here; the process that settles its shapes maps it, and reads hardly any of it."""
    size = large["open"].stat().st_size
    assert size > 100e6
    taken = {name: printed(READ, open_batch, path) / size for name, path in large.items()}
    assert taken["open"] == pytest.approx(taken["fixed"], abs=0.05)
    assert taken["open"] <= 1.05
    asked = {"inputs": [(0, (1, 2048))], "path": str(large["open"]), "seeds": [None]}
    little = {"inputs": [(0, (1, 8))], "path": str(open_batch), "seeds": [None]}
    more = printed(SETTLE, json.dumps(asked)) - printed(SETTLE, json.dumps(little))
    assert more <= 0.25 * size
