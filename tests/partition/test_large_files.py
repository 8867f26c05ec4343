"""Files that keep their constants behind the tables, as those above 2 GB have to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, joined, model_pieces
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.checking import compare_split
from joulesplit.partition.errors import TruncatedModelError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel, load_model

ROOT = Path(__file__).parents[2]
OFFSETS = Path(__file__).parent / "models" / "buffer_offsets.tflite"
PLAIN = Path(__file__).parent / "models" / "cnn_float16.tflite"


def buffers(data: bytes) -> list[tuple[int, int]]:
    """Return offset and size of each buffer as the file states them."""
    root = flatbuffer.schema().ModelT.InitFromPackedBuf(bytearray(data))
    return [(buffer.offset, buffer.size) for buffer in root.buffers]


def test_constants_behind_the_tables_are_views_of_the_file() -> None:
    """The converter wrote the file so; each constant is where the file says, and not a copy."""
    data = OFFSETS.read_bytes()
    places = buffers(data)
    assert max(offset for offset, _size in places) > 1
    root = flatbuffer.read_model_file(OFFSETS).root
    for (offset, size), buffer in zip(places, root.buffers, strict=True):
        if offset > 1:
            assert bytes(buffer.data) == data[offset : offset + size]
            assert not buffer.data.flags.owndata


def test_a_part_of_such_a_file_computes_the_same_in_either_layout() -> None:
    model = load_model(OFFSETS)
    last = len(model.network.operators) - 1
    for after in range(-1, last + 1):
        assert compare_split(OFFSETS, after).bit_equal
    inline, distant = (model_pieces(model.file.root, inline_bytes=n) for n in (2**31, 0))
    image = [np.random.default_rng(2).normal(size=(1, 16, 16, 3)).astype(np.float32)]
    found = []
    for source in (OFFSETS, joined(inline), joined(distant)):
        with Runner(source) as runner:
            found.append(runner.run(image)[0].tobytes())
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("path", [OFFSETS, PLAIN])
def test_a_file_too_large_for_flatbuffers_refers_by_offset_and_size(
    path: Path, tmp_path: Path
) -> None:
    model = load_model(path)
    data = joined(model_pieces(model.file.root, inline_bytes=0))
    stored = [b.data for b in model.file.root.buffers if b.data is not None and len(b.data)]
    places = [(offset, size) for offset, size in buffers(data) if offset > 1]
    assert [size for _offset, size in places] == [len(one) for one in stored]
    for (offset, size), one in zip(places, stored, strict=True):
        assert offset % flatbuffer.BUFFER_ALIGNMENT == 0
        assert data[offset : offset + size] == bytes(one)
    again = tmp_path / path.name
    again.write_bytes(data)
    network = load_model(again).network
    assert network.tensors == model.network.tensors
    assert network.operators == model.network.operators
    last = len(network.operators) - 1
    assert extract(again, 1, last) == extract(path, 1, last)


def test_a_mapped_file_is_read_like_any_other(mobilenet: LoadedModel, mobilenet_path, monkeypatch):
    monkeypatch.setattr(flatbuffer, "READ_WHOLE_BYTES", 1000)
    mapped = load_model(mobilenet_path)
    assert mapped.network == mobilenet.network
    assert extract(mapped, 3, 9) == extract(mobilenet, 3, 9)


@pytest.mark.parametrize(("offset", "size"), [(2**40, 8), (64, 2**40), (2**63, 2**63)])
def test_constants_outside_the_file_are_damage(
    half_weights: Path, tmp_path: Path, offset: int, size: int
) -> None:
    data = bytearray(joined(model_pieces(load_model(half_weights).file.root, inline_bytes=0)))
    (place,) = [place for place in buffers(data) if place[0] > 1]
    where = data.index(place[0].to_bytes(8, "little"))
    data[where : where + 8] = offset.to_bytes(8, "little")
    where = data.index(place[1].to_bytes(8, "little"))
    data[where : where + 8] = size.to_bytes(8, "little")
    path = tmp_path / "outside.tflite"
    path.write_bytes(data)
    with pytest.raises(TruncatedModelError, match="outside"):
        load_model(path)


LARGE = "JOULESPLIT_LARGE_FILES"
SIDE = 2**14
"""Rows and columns of each layer's weights: 1 GiB of float32."""
CUT = """
import resource, sys
from joulesplit.partition.parts._split import write_split
from joulesplit.partition.reading._reading import load_model
load_model(sys.argv[1])  # The libraries are there before the limit is.
in_use = int(next(l for l in open("/proc/self/status") if l.startswith("VmData")).split()[1]) << 10
resource.setrlimit(resource.RLIMIT_DATA, (in_use + (256 << 20),) * 2)
manifest = write_split(load_model(sys.argv[2]), 2, sys.argv[3])
print(manifest.head.size_bytes, manifest.tail.size_bytes)
"""


@pytest.fixture
def four_gigabytes(model_of, tensor, operator, tmp_path: Path) -> Path:
    """Four layers with a gibibyte of zeros each: holes, which take no place on the disk."""
    names = ["x", *(f"y{layer}" for layer in range(4))]
    zeros = np.zeros((SIDE, SIDE), np.float32)
    root = model_of(
        [
            *(tensor(name, (1, SIDE)) for name in names),
            *(tensor(f"w{layer}", (SIDE, SIDE)) for layer in range(4)),
        ],
        [
            operator("FULLY_CONNECTED", [names[layer], f"w{layer}"], [names[layer + 1]])
            for layer in range(4)
        ],
        ["x"],
        ["y3"],
    )
    schema = flatbuffer.schema()
    for layer, raw in enumerate(root.subgraphs[0].operators):
        raw.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        raw.builtinOptions = schema.FullyConnectedOptionsT()
        root.subgraphs[0].tensors[len(names) + layer].buffer = len(root.buffers)
        root.buffers.append(schema.BufferT(data=zeros.view(np.uint8).reshape(-1)))
    front, *rest = model_pieces(root)
    path = tmp_path / "large.tflite"
    with path.open("wb") as stream:
        stream.write(front)
        stream.truncate(len(front) + sum(len(piece) for piece in rest))
    return path


@pytest.mark.timeout(1800)
@pytest.mark.skipif(LARGE not in os.environ, reason="writes 4 GB to the disk: make large")
def test_a_file_of_four_gigabytes_is_cut_in_a_quarter_of_one(
    four_gigabytes: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CUT, str(OFFSETS), str(four_gigabytes), str(tmp_path / "split")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    head, tail = (int(size) for size in done.stdout.split())
    assert 3 * 2**30 < head < 3 * 2**30 + 4096
    assert 2**30 < tail < 2**30 + 4096
    network = load_model(tmp_path / "split" / "head.tflite").network
    assert network.parameters == 3 * SIDE**2
    assert network.mac_flop == 3 * 2 * SIDE**2
    with Runner(tmp_path / "split" / "head.tflite", use_xnnpack=False) as runner:
        (found,) = runner.run([np.ones((1, SIDE), np.float32)])
    assert not found.any()
