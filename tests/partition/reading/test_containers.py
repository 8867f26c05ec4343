"""Networks inside a `.task` or a `.litertlm` are read as if they were files of their own."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

import flatbuffers
import pytest

from joulesplit.partition import Runner, model_bytes
from joulesplit.partition.checking import compare_split
from joulesplit.partition.errors import ModelNotFoundError, NotATfliteModelError, PartitionError
from joulesplit.partition.reading import load_model, read_network

MODELS = Path(__file__).parents[1] / "models"
DETECTOR, MARKS = MODELS / "branches.tflite", MODELS / "two_inputs_two_outputs.tflite"
BLOCK_BYTES = 16384
"""litertlm_writer: sections start at multiples of it."""


def task(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def litert_lm(path: Path, sections: list[tuple[int, str, bytes]]) -> Path:
    """Write sections as litertlm_header_schema.fbs lays their header out: kind, name, bytes."""
    places, end = [], BLOCK_BYTES
    for _, _, data in sections:
        places.append((end, end + len(data)))
        end += -(-(len(data) + 1) // BLOCK_BYTES) * BLOCK_BYTES
    builder = flatbuffers.Builder()
    objects = []
    for (kind, name, _), (begin, behind) in zip(sections, places, strict=True):
        items = _items(builder, name)
        builder.StartObject(4)
        builder.PrependUOffsetTRelativeSlot(0, items, 0)
        builder.PrependUint64Slot(1, begin, 0)
        builder.PrependUint64Slot(2, behind, 0)
        builder.PrependUint8Slot(3, kind, 0)
        objects.append(builder.EndObject())
    vector = _vector(builder, objects)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    metadata = builder.EndObject()
    builder.StartObject(2)
    builder.PrependUOffsetTRelativeSlot(1, metadata, 0)
    builder.Finish(builder.EndObject())
    header = bytes(builder.Output())
    start = b"LITERTLM" + b"".join(n.to_bytes(4, "little") for n in (1, 4, 0, 0))
    whole = bytearray(end)
    front = start + (32 + len(header)).to_bytes(8, "little") + header
    whole[: len(front)] = front
    for (_, _, data), (begin, behind) in zip(sections, places, strict=True):
        whole[begin:behind] = data
    path.write_bytes(whole)
    return path


def _items(builder: flatbuffers.Builder, name: str) -> int:
    key, text = builder.CreateString("model_type"), builder.CreateString(name)
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    value = builder.EndObject()
    builder.StartObject(3)
    builder.PrependUOffsetTRelativeSlot(0, key, 0)
    builder.PrependUint8Slot(1, 9, 0)
    builder.PrependUOffsetTRelativeSlot(2, value, 0)
    return _vector(builder, [builder.EndObject()])


def _vector(builder: flatbuffers.Builder, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


TOKENIZER = (4, "tokenizer", b"not a network")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_network_in_a_task_is_the_network_of_its_own_file(
    tmp_path: Path, compression: int
) -> None:
    """Members need no suffix, as in the tasks of language models; containers may be nested."""
    members = {"METADATA": b"x" * 50, "DETECTOR": DETECTOR.read_bytes()}
    inner = task(tmp_path / "inner.task", members, compression)
    outer = {"hand.task": inner.read_bytes(), "canned/marks.tflite": MARKS.read_bytes()}
    both = task(tmp_path / "gesture.task", outer, compression)
    for path, file in (
        (inner, DETECTOR),
        (inner / "DETECTOR", DETECTOR),
        (both / "hand.task", DETECTOR),
        (both / "hand.task/DETECTOR", DETECTOR),
        (both / "canned/marks.tflite", MARKS),
    ):
        network, own = read_network(path), read_network(file)
        assert (network.sha256, network.operators) == (own.sha256, own.operators)
        assert model_bytes(path) == file.read_bytes()
    with pytest.raises(NotATfliteModelError, match="holds 2 networks") as several:
        read_network(both)
    assert f"{both}/hand.task/DETECTOR, {both}/canned/marks.tflite" in str(several.value)
    with pytest.raises(NotATfliteModelError, match=r"no networks called face; give one of .*hand"):
        read_network(both / "face")
    with pytest.raises(ModelNotFoundError, match="no such file"):
        read_network(tmp_path / "none.task" / "DETECTOR")


def test_a_network_in_a_litertlm_is_named_by_its_section(tmp_path: Path) -> None:
    sections = [
        (3, "tf_lite_embedder", DETECTOR.read_bytes()),
        TOKENIZER,
        (3, "tf_lite_prefill_decode", MARKS.read_bytes()),
    ]
    path = litert_lm(tmp_path / "gemma.litertlm", sections)
    assert model_bytes(path / "0-tf_lite_embedder") == DETECTOR.read_bytes()
    network = read_network(path / "2-tf_lite_prefill_decode")
    assert (network.name, network.sha256) == (
        "2-tf_lite_prefill_decode",
        read_network(MARKS).sha256,
    )
    with pytest.raises(NotATfliteModelError, match=r"holds 2 networks.*0-tf_lite_embedder"):
        read_network(path)
    only = litert_lm(tmp_path / "one.litertlm", sections[:2])
    assert read_network(only).sha256 == read_network(DETECTOR).sha256
    with pytest.raises(NotATfliteModelError, match=r"LiteRT-LM container; there is no \.tflite"):
        read_network(litert_lm(tmp_path / "none.litertlm", [TOKENIZER]))


def test_a_member_runs_whole_and_split_as_it_is(tmp_path: Path) -> None:
    path = task(tmp_path / "hand.task", {"d": DETECTOR.read_bytes()})
    model = load_model(path)
    assert compare_split(model, 0, seed=1).bit_equal
    assert compare_split(path, 0, seed=1).bit_equal
    with Runner(model_bytes(path)) as runner:
        assert len(runner.inputs) == len(model.network.inputs)


@pytest.mark.parametrize("kind", ["task", "litertlm"])
def test_a_damaged_container_ends_in_one_line_or_a_network(tmp_path: Path, kind: str) -> None:
    if kind == "task":
        good = task(tmp_path / "x", {"a": b"text", "d": DETECTOR.read_bytes()}).read_bytes()
    else:
        sections = [TOKENIZER, (3, "d", DETECTOR.read_bytes())]
        good = litert_lm(tmp_path / "x", sections).read_bytes()
    rng, path, refusals = random.Random(4), tmp_path / "damaged", list[str]()
    for number in range(600):
        data = bytearray(good)
        if number % 3:
            # Where the containers' own tables are: at the start of one, at the end of the other.
            places = range(300) if kind == "litertlm" else range(len(data) - 200, len(data))
            for place in rng.sample(places, rng.randint(1, 4)):
                data[place] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
        else:
            del data[rng.randrange(12, len(data)) :]
        path.write_bytes(data)
        try:
            read_network(path)
        except PartitionError as error:
            refusals.append(str(error))
    assert len(refusals) > 200
    assert not any("\n" in refusal for refusal in refusals)


def test_a_member_that_would_fill_the_memory_is_not_unpacked(tmp_path: Path) -> None:
    start = DETECTOR.read_bytes()
    bomb = task(tmp_path / "b.task", {"d": start + bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(NotATfliteModelError, match=r"would grow from \d+ to 50\d+ bytes"):
        read_network(bomb)
