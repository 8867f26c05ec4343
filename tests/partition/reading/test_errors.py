"""What is not a whole, splittable model is refused with one clear line."""

from __future__ import annotations

import copy
import gzip
import io
import random
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from flatbuffers.table import Table

from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition import joined, model_pieces
from joulesplit.partition.errors import (
    ModelNotFoundError,
    NotATfliteModelError,
    PartitionError,
    TruncatedModelError,
)
from joulesplit.partition.reading import load_model, read_network


def refused(path: Path, expected: type[PartitionError]) -> str:
    with pytest.raises(expected) as caught:
        read_network(path)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "none.tflite", ModelNotFoundError)
    assert "directory" in refused(tmp_path, ModelNotFoundError)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"PK\x03\x04 a zip file", bytes(4096)])
def test_other_files_are_not_models(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(data)
    refused(path, NotATfliteModelError)


def zip_of(name: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr(name, "content")
    return archive.getvalue()


def tar_of(name: str) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as writer:
        writer.addfile(tarfile.TarInfo(name))
    return archive.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 14000000\n"


@pytest.mark.parametrize(
    ("data", "what", "remedy"),
    [
        (LFS, "Git LFS", "git lfs pull"),
        (b"\n<!DOCTYPE html><html><head>", "a web page", "download the file itself"),
        (zip_of("archive/data.pkl"), "PyTorch", "litert-torch"),
        (zip_of("metadata.json"), "Keras", "TFLiteConverter"),
        (zip_of("hand_detector.tflite"), "zip archive", "no .tflite file in it"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5", "TFLiteConverter"),
        (b"\x08\x08\x12\x07pytorch", "ONNX", "onnx2tf"),
        (b"GGUF\x03\x00\x00\x00", "GGUF", ".tflite"),
        (b"\x30\x00\x00\x00ET12" + bytes(100), "ExecuTorch", "litert-torch"),
        (b"\x01HEF" + bytes(100), "Hailo", ".tflite"),
        (b"LITERTLM" + bytes(100), "LiteRT-LM", ".tflite"),
        (tar_of("model.tflite"), "tar archive", "unpack"),
        (gzip.compress(b"model"), "gzip", "unpack"),
    ],
    # The archives hold the time: their bytes make no names of tests.
    ids=[
        "lfs",
        "html",
        "torch",
        "keras",
        "task",
        "hdf5",
        "onnx",
        "gguf",
        "executorch",
        "hailo",
        "litert-lm",
        "tar",
        "gzip",
    ],
)
def test_what_is_no_network_is_told_by_name_with_a_way_to_one(
    tmp_path: Path, data: bytes, what: str, remedy: str
) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(data)
    message = refused(path, NotATfliteModelError)
    assert what in message
    assert remedy in message


@pytest.mark.parametrize("seed", range(5))
def test_garbage_behind_the_identifier_is_damaged(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "garbage.tflite"
    noise = random.Random(seed).randbytes(5000)
    path.write_bytes(noise[:4] + flatbuffer.FILE_IDENTIFIER + noise)
    refused(path, TruncatedModelError)


def test_a_model_cut_short_anywhere_is_damaged(mobilenet_path: Path, tmp_path: Path) -> None:
    data = mobilenet_path.read_bytes()
    inside = range(1000, len(data), len(data) // 16)
    for length in (8, 9, 16, 20, 100, *inside, len(data) - 64):
        path = tmp_path / "short.tflite"
        path.write_bytes(data[:length])
        refused(path, TruncatedModelError)


def test_every_prefix_of_a_small_model_is_refused(half_weights: Path, tmp_path: Path) -> None:
    data = half_weights.read_bytes()
    path = tmp_path / "short.tflite"
    for length in range(len(data)):
        path.write_bytes(data[:length])
        refused(path, PartitionError)


def test_damaged_bytes_raise_nothing_but_our_errors(half_weights: Path, tmp_path: Path) -> None:
    data = half_weights.read_bytes()
    generator = random.Random(1)
    path, refusals = tmp_path / "damaged.tflite", 0
    for _ in range(1500):
        damaged = bytearray(data)
        for _ in range(generator.choice([1, 1, 4, 16])):
            damaged[generator.randrange(len(data))] = generator.randrange(256)
        path.write_bytes(damaged)
        try:
            read_network(path)
        except PartitionError:
            refusals += 1
    assert refusals > 300


def test_a_corrupt_count_of_billions_is_refused_at_once(half_weights: Path) -> None:
    data = half_weights.read_bytes()
    model = Table(data, struct.unpack_from("<I", data)[0])
    graph = Table(data, model.Indirect(model.Vector(model.Offset(8))))
    start = graph.Vector(graph.Offset(10)) - 4
    assert struct.unpack_from("<I", data, start) == (4,)
    half_weights.write_bytes(data[:start] + struct.pack("<I", 2**31) + data[start + 4 :])
    assert "do not fit" in refused(half_weights, TruncatedModelError)


def damage(root, what: str) -> None:
    graph = root.subgraphs[0]
    operator = graph.operators[1]
    match what:
        case "operator code":
            operator.opcodeIndex = 9
        case "buffer":
            graph.tensors[0].buffer = 9
        case "tensor":
            operator.inputs = np.array([0, 77], np.int32)
        case "of 16 bytes":
            root.buffers[1].data = root.buffers[1].data[:10]
        case "shape":
            graph.tensors[0].shape = np.array([1, -8], np.int32)


@pytest.mark.parametrize("what", ["operator code", "buffer", "tensor", "of 16 bytes", "shape"])
def test_contradictions_inside_the_file_are_named(half_weights: Path, what: str) -> None:
    root = load_model(half_weights).file.root
    damage(root, what)
    half_weights.write_bytes(joined(model_pieces(root)))
    assert what in refused(half_weights, TruncatedModelError)


@pytest.fixture
def looped(model_of, tensor, operator):
    """Models of subgraphs with one WHILE each, which runs the subgraph of the number given."""

    def build(bodies: list[int]):
        schema = flatbuffer.schema()
        root = model_of(
            [tensor("x", (2,)), tensor("y", (2,))], [operator("WHILE", ["x"], ["y"])], ["x"], ["y"]
        )
        root.subgraphs = [copy.deepcopy(root.subgraphs[0]) for _ in bodies]
        for graph, body in zip(root.subgraphs, bodies, strict=True):
            graph.operators[0].builtinOptionsType = schema.BuiltinOptions.WhileOptions
            graph.operators[0].builtinOptions = schema.WhileOptionsT(
                condSubgraphIndex=body, bodySubgraphIndex=body
            )
        return root

    return build


@pytest.mark.parametrize(
    ("bodies", "message"),
    [([1, 2, 1], "circle"), ([1, 1], "circle"), ([0], "circle"), ([7], "subgraph 7 of 1")],
)
def test_subgraphs_that_run_each_other_for_ever_are_refused(
    looped, tmp_path: Path, bodies: list[int], message: str
) -> None:
    path = tmp_path / "looped.tflite"
    path.write_bytes(joined(model_pieces(looped(bodies))))
    assert message in refused(path, TruncatedModelError)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read_to_its_end(device: str) -> None:
    assert "device" in refused(Path(device), ModelNotFoundError)


def test_an_unused_tensor_of_a_strange_type_does_no_harm(file_of, tensor, operator) -> None:
    path = file_of(
        [tensor("x", (2,)), tensor("words", (2,), "string"), tensor("y", (2,))],
        [operator("RELU", ["x"], ["y"])],
        ["x"],
        ["y"],
    )
    assert read_network(path).tensors[1].bits == 0
