"""Labels zipped behind a network, and its TFLite metadata, travel with head and tail."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from flatbuffers.table import Table

from joulesplit.partition import Runner, joined, model_pieces
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.checking import compare_split
from joulesplit.partition.parts import extract
from joulesplit.partition.parts._split import split_model
from joulesplit.partition.reading import load_model, read_network

SMALL = Path(__file__).parents[1] / "models" / "branches.tflite"
LABELS = {"labels.txt": "cat\ndog\n" * 400, "vocab/words.txt": "a\nb\n"}
INPUTS, OUTPUTS = 2, 3


def metadata() -> bytes:
    """A model's metadata with a subgraph of one input and one output, by metadata_schema.fbs."""
    builder = flatbuffers.Builder()
    tensors = []
    for name in ("pixels", "probability"):
        text = builder.CreateString(name)
        builder.StartObject(7)
        builder.PrependUOffsetTRelativeSlot(0, text, 0)
        tensors.append(_vector(builder, [builder.EndObject()]))
    builder.StartObject(9)
    builder.PrependUOffsetTRelativeSlot(INPUTS, tensors[0], 0)
    builder.PrependUOffsetTRelativeSlot(OUTPUTS, tensors[1], 0)
    subgraphs = _vector(builder, [builder.EndObject()])
    text = builder.CreateString("cats and dogs")
    builder.StartObject(8)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    builder.PrependUOffsetTRelativeSlot(3, subgraphs, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"M001")
    return bytes(builder.Output())


def _vector(builder: flatbuffers.Builder, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in tables:
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def told(data: bytes) -> tuple[str, list[str], list[str]]:
    """Return a model's name and those of its inputs and outputs, as its metadata have them."""
    table = Table(data, struct.unpack_from("<I", data)[0])
    subgraph = _element(table, 3)
    ends = [_names(subgraph, end) for end in (INPUTS, OUTPUTS)]
    return table.String(table.Pos + table.Offset(4)).decode(), *ends


def _element(table: Table, position: int) -> Table:
    field = table.Offset(4 + 2 * position)
    return Table(table.Bytes, table.Indirect(table.Vector(field)))


def _names(table: Table, position: int) -> list[str]:
    field = table.Offset(4 + 2 * position)
    if not table.VectorLen(field):
        return []
    tensor = _element(table, position)
    return [tensor.String(tensor.Pos + tensor.Offset(4)).decode()]


@pytest.fixture(params=["populated", "concatenated"])
def labelled(mobilenet_path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """MobileNetV2 with metadata, and labels behind it as MetadataPopulator and `cat` put them."""
    schema = flatbuffer.schema()
    root = schema.ModelT.InitFromPackedBuf(bytearray(mobilenet_path.read_bytes()))
    root.metadata.append(schema.MetadataT(name=b"TFLITE_METADATA", buffer=len(root.buffers)))
    root.buffers.append(schema.BufferT(data=np.frombuffer(metadata(), np.uint8)))
    path = tmp_path / "labelled.tflite"
    path.write_bytes(joined(model_pieces(root)))
    whole = io.BytesIO()
    stream = path if request.param == "populated" else whole
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in LABELS.items():
            archive.writestr(name, text, zipfile.ZIP_DEFLATED)
    with path.open("ab") as end:
        end.write(whole.getvalue())
    return path


def assert_readable_anywhere(data: bytes) -> None:
    """Check what a device's reader checks: every place counts from the start of the file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == LABELS
        start, places = archive.start_dir, [m.header_offset for m in archive.infolist()]
    (directory,) = struct.unpack_from("<I", data, data.rindex(b"PK\5\6") + 16)
    assert directory == start
    for place in places:
        assert data[place : place + 4] == b"PK\3\4"
        assert struct.pack("<I", place) in data[start:]


def test_labels_and_what_is_true_of_each_end_travel_with_head_and_tail(labelled: Path) -> None:
    head, tail = split_model(labelled, 40)
    middle = extract(labelled, 20, 40)
    for part, inputs, outputs in (
        (head, ["pixels"], []),
        (tail, [], ["probability"]),
        (middle, [], []),
        (split_model(labelled, 64)[0], ["pixels"], ["probability"]),
    ):
        assert_readable_anywhere(part)
        root = flatbuffer.schema().ModelT.InitFromPackedBuf(bytearray(part))
        (own,) = (e for e in root.metadata if e.name == b"TFLITE_METADATA")
        assert told(bytes(root.buffers[own.buffer].data)) == ("cats and dogs", inputs, outputs)
        with Runner(part) as runner:
            runner.run([np.zeros(spec.shape, spec.dtype) for spec in runner.inputs])
    assert compare_split(labelled, 40).bit_equal


def test_a_part_of_a_part_still_has_them(labelled: Path, tmp_path: Path) -> None:
    path = tmp_path / "head.tflite"
    path.write_bytes(split_model(labelled, 40)[0])
    for part in split_model(path, 12):
        assert_readable_anywhere(part)


def test_what_only_looks_like_an_archive_is_left_behind(tmp_path: Path) -> None:
    path, data = tmp_path / "x.tflite", SMALL.read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("labels.txt", "cat")
    good = archive.getvalue()
    plain = split_model(SMALL, 0)
    for behind in (b"", b"text", b"PK\5\6" + bytes(18), good[:-3], good[: good.index(b"PK\1\2")]):
        path.write_bytes(data + behind)
        assert split_model(path, 0) == plain
    for place in range(len(good)):
        path.write_bytes(data + good[:place] + b"\xff" + good[place + 1 :])
        assert load_model(path).network.operators == read_network(SMALL).operators
