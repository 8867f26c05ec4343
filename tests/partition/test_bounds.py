"""Files that claim more than they hold are refused before anything is unpacked."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import _bounds as bounds
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition._bounds import check_bounds
from joulesplit.partition.errors import PartitionError, TruncatedModelError, UnsupportedModelError
from joulesplit.partition.reading import load_model, read_network

MODELS = Path(__file__).parent / "models"
PEAK_BYTES = 4_000_000
"""What refusing a file of some kB may take; the crafted ones claim GB."""


class Builder:
    """Lays out a FlatBuffer by hand; a reference can only lead forward, but to any place."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0\0\0\0TFL3")

    def words(self, *values: int) -> int:
        """Append 32-bit words; return the place of the first."""
        place = len(self.data)
        self.data += struct.pack(f"<{len(values)}I", *values)
        return place

    def table(self, *fields: int) -> int:
        """Append a table with a reference in each of these fields, in order."""
        vtable = len(self.data)
        width = max(fields) + 1
        offsets = [4 * fields.index(i) + 4 if i in fields else 0 for i in range(width)]
        sizes = (4 + 2 * width, 4 + 4 * len(fields))
        self.data += struct.pack(f"<HH{width}H", *sizes, *offsets)
        self.data += bytes(-len(self.data) % 4)
        return self.words(len(self.data) - vtable, *[0] * len(fields))

    def refer(self, place: int, target: int) -> None:
        struct.pack_into("<I", self.data, place, target - place)


def crafted(*, graphs: int, tensors: int, name_bytes: int) -> bytes:
    """All subgraphs are one, all its tensors are one, with one long name."""
    builder = Builder()
    model = builder.table(2)
    graph_list = builder.words(graphs, *[0] * graphs)
    graph = builder.table(0)
    tensor_list = builder.words(tensors, *[0] * tensors)
    tensor = builder.table(3)
    name = builder.words(name_bytes)
    builder.data += b"n" * name_bytes
    builder.refer(0, model)
    builder.refer(model + 4, graph_list)
    builder.refer(graph + 4, tensor_list)
    builder.refer(tensor + 4, name)
    for place in range(graph_list + 4, graph_list + 4 + 4 * graphs, 4):
        builder.refer(place, graph)
    for place in range(tensor_list + 4, tensor_list + 4 + 4 * tensors, 4):
        builder.refer(place, tensor)
    return bytes(builder.data)


def refused_in_little_memory(data: bytes, tmp_path: Path) -> str:
    path = tmp_path / "crafted.tflite"
    path.write_bytes(data)
    flatbuffer.schema()
    tracemalloc.start()
    try:
        with pytest.raises(PartitionError) as caught:
            read_network(path)
        assert tracemalloc.get_traced_memory()[1] < PEAK_BYTES
    finally:
        tracemalloc.stop()
    return str(caught.value)


def test_the_crafted_file_is_what_the_schema_reads() -> None:
    root = flatbuffer.schema().ModelT.InitFromPackedBuf(crafted(graphs=2, tensors=3, name_bytes=5))
    assert [[tensor.name for tensor in graph.tensors] for graph in root.subgraphs] == [
        [b"nnnnn"] * 3
    ] * 2


@pytest.mark.parametrize(
    "claims",
    [
        {"graphs": 10_000, "tensors": 10_000, "name_bytes": 4},
        {"graphs": 1, "tensors": 10_000, "name_bytes": 100_000},
        {"graphs": 10_000, "tensors": 1, "name_bytes": 100_000},
    ],
)
def test_shared_tables_and_names_do_not_multiply(claims: dict[str, int], tmp_path: Path) -> None:
    assert "do not fit" in refused_in_little_memory(crafted(**claims), tmp_path)


def test_more_tables_than_any_network_has_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(bounds, "MAX_TABLES", 1000)
    message = refused_in_little_memory(crafted(graphs=1, tensors=1000, name_bytes=1), tmp_path)
    assert "more than 1000 tables" in message


def test_a_file_of_holes_cannot_claim_its_size_in_names(tmp_path: Path, monkeypatch) -> None:
    """It takes no place on the disk, so its size says nothing of what may be copied from it."""
    monkeypatch.setattr(flatbuffer, "READ_WHOLE_BYTES", 1000)
    path = tmp_path / "holes.tflite"
    data = bytearray(crafted(graphs=1, tensors=1, name_bytes=1))
    name = data.rindex(struct.pack("<I", 1) + b"n")
    struct.pack_into("<I", data, name, bounds.MAX_CLAIMED_BYTES)
    with path.open("wb") as stream:
        stream.write(data)
        stream.truncate(2 * bounds.MAX_CLAIMED_BYTES)
    tracemalloc.start()
    try:
        with pytest.raises(TruncatedModelError, match="do not fit"):
            read_network(path)
        assert tracemalloc.get_traced_memory()[1] < PEAK_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["two_signatures", "gru_loop", "stateful", "cnn_int16x8"])
def test_whole_files_are_within_bounds_and_no_word_can_lead_out(name: str) -> None:
    """Every 32-bit word in turn is made to lead out of the file; nothing but our errors come."""
    data = (MODELS / f"{name}.tflite").read_bytes()
    check_bounds(data)
    caught = 0
    for place in range(0, min(len(data), 2000), 4):
        try:
            check_bounds(data[:place] + struct.pack("<I", 0x7FFFFFF0) + data[place + 4 :])
        except (ValueError, IndexError, struct.error):
            caught += 1
    assert caught > 30


def outside(path: Path, *, size: int, beyond: int = 0) -> bytes:
    """The file with its largest buffer moved behind the tables, as in files above 2 GB."""
    root = load_model(path).file.root
    largest = max(root.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
    data, largest.data = largest.data.tobytes(), None
    largest.offset, largest.size = 2, size
    length = len(_packed(root))
    largest.offset = length + beyond
    return _packed(root) + data


def _packed(root) -> bytes:
    """Pack with the generated code, which writes the fields for data outside."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    builder.Finish(root.Pack(builder), file_identifier=flatbuffer.FILE_IDENTIFIER)
    return bytes(builder.Output())


def test_data_behind_the_tables_are_read_from_there(tmp_path: Path) -> None:
    source = MODELS / "two_inputs_two_outputs.tflite"
    expected = load_model(source)
    largest = max(len(b.data) for b in expected.file.root.buffers if b.data is not None)
    path = tmp_path / "large.tflite"
    path.write_bytes(outside(source, size=largest))
    found = load_model(path)
    assert found.network.operators == expected.network.operators
    for left, right in zip(found.file.root.buffers, expected.file.root.buffers, strict=True):
        assert np.array_equal(left.data, right.data)
        assert (left.offset, left.size) == (0, 0)


def test_data_behind_the_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.tflite"
    path.write_bytes(outside(MODELS / "lstm.tflite", size=2**40))
    with pytest.raises(TruncatedModelError, match="outside the file"):
        read_network(path)


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    root = load_model(MODELS / "lstm.tflite").file.root
    root.externalBuffers = [flatbuffer.schema().ExternalBufferT(id=1)]
    root.subgraphs[0].tensors[0].externalBuffer = 1
    path = tmp_path / "apart.tflite"
    path.write_bytes(_packed(root))
    with pytest.raises(UnsupportedModelError, match="in another file"):
        read_network(path)


def test_reading_copies_no_constants(mobilenet_path: Path) -> None:
    """A second copy would take twice the file; what describes the network takes some 2 MB."""
    flatbuffer.schema()
    tracemalloc.start()
    try:
        model = load_model(mobilenet_path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert model.network.operators
    assert peak < 1.75 * mobilenet_path.stat().st_size
