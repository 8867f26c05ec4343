"""The schema's classes beside those that FlatBuffers' compiler made, which ai-edge-litert has."""

from __future__ import annotations

import json
import random
import runpy
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

from joulesplit.partition.schema import schema

ROOT = Path(__file__).parents[3]
LIST = ROOT / "joulesplit/partition/schema/tflite.json"
TABLES = json.loads(LIST.read_text())["tables"]
UNIONS = json.loads(LIST.read_text())["enumerations"]
MODELS = sorted(
    [*(ROOT / "tests/partition/models").glob("*.tflite"), *(ROOT / "data/models").glob("*.tflite")]
)
DEEPEST = 3


@pytest.fixture(scope="module")
def generated() -> Any:
    return pytest.importorskip("ai_edge_litert.schema_py_generated")


def plain(value: Any) -> Any:
    """A table with all that it refers to, as dictionaries, lists, numbers and bytes."""
    if isinstance(value, np.ndarray):
        return (value.dtype.newbyteorder("=").name, value.tobytes())
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "Pack"):
        return {name: plain(item) for name, item in vars(value).items()}
    return value


def packed(table: Any) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(table.Pack(builder))
    return bytes(builder.Output())


def filled(name: str, rng: random.Random, depth: int = 0) -> Any:
    """A table with something in each of its fields, but for some tables below it."""
    table = getattr(schema(), f"{name}T")()
    before = ""
    for field, text in TABLES[name].items():
        if text.startswith("|"):
            kinds = [kind for kind, number in UNIONS[text[1:]].items() if number]
            kind = rng.choice(kinds)
            setattr(table, before, UNIONS[text[1:]][kind])
            setattr(table, field, filled(kind, rng, depth + 1))
        elif text and not (depth >= DEEPEST and text.strip("[]") in TABLES):
            setattr(table, field, something(text, rng, depth))
        before = field
    return table


def something(text: str, rng: random.Random, depth: int) -> Any:
    name = text.partition("=")[0]
    if name.startswith("["):
        return several(name[1:-1], rng, depth)
    if name in TABLES:
        return filled(name, rng, depth + 1)
    return rng.randbytes(rng.randrange(9)) if name == "string" else number(name, rng)


def several(item: str, rng: random.Random, depth: int) -> Any:
    found = [something(item, rng, depth) for _ in range(rng.randrange(5))]
    return found if item in TABLES or item == "string" else np.array(found, item)


def number(name: str, rng: random.Random) -> Any:
    if name == "bool":
        return rng.random() < 0.5
    if name.startswith("float"):
        return float(np.dtype(name).type(rng.gauss(0, 1e3)))
    limits = np.iinfo(name)
    return rng.choice([int(limits.min), -1 if limits.min else 1, 0, int(limits.max)])


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_file_is_read_as_the_compilers_classes_read_it(path: Path, generated: Any) -> None:
    data = path.read_bytes()
    ours = schema().ModelT.InitFromPackedBuf(data)
    assert plain(ours) == plain(generated.ModelT.InitFromPackedBuf(data))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_file_written_and_read_again_says_the_same(path: Path) -> None:
    ours = schema().ModelT.InitFromPackedBuf(path.read_bytes())
    assert plain(schema().ModelT.InitFromPackedBuf(packed(ours))) == plain(ours)


def says_the_same(name: str) -> bool:
    """Return whether a table that is written and read again is what it was."""
    ours = filled(name, random.Random(name))
    return bool(plain(type(ours).InitFromPackedBuf(packed(ours))) == plain(ours))


def is_as_compiled(name: str, generated: Any) -> bool:
    """Return whether a table is read and written as the compiler's class does, five times."""
    rng = random.Random(name)
    for _ in range(5):
        ours = filled(name, rng)
        data = packed(ours)
        theirs = getattr(generated, f"{name}T").InitFromPackedBuf(data)
        if plain(theirs) != plain(ours) or packed(theirs) != data:
            return False
    return True


def test_each_table_written_and_read_again_says_the_same() -> None:
    assert len(TABLES) > 150
    assert [name for name in TABLES if not says_the_same(name)] == []


def test_each_table_is_written_and_read_as_the_compilers_class_does(generated: Any) -> None:
    assert [name for name in TABLES if not is_as_compiled(name, generated)] == []


def test_a_table_that_is_read_otherwise_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field of Conv2DOptions that is not written stays behind, and its table alone differs."""
    table = schema().Conv2DOptionsT
    pack = table.Pack

    def forgetful(self: Any, builder: Any) -> Any:
        stride, self.strideW = self.strideW, 0
        try:
            return pack(self, builder)
        finally:
            self.strideW = stride

    monkeypatch.setattr(table, "Pack", forgetful)
    assert [n for n in ("Conv2DOptions", "Pool2DOptions") if not says_the_same(n)] == [
        "Conv2DOptions"
    ]


def test_what_a_file_leaves_out_has_the_value_that_the_compilers_class_gives(
    generated: Any,
) -> None:
    for name in TABLES:
        assert plain(getattr(schema(), f"{name}T")()) == plain(getattr(generated, f"{name}T")())


def test_the_list_has_all_that_the_installed_schema_has(generated: Any) -> None:
    """When this fails, a later ai-edge-litert knows more: ``make schema``."""
    maker = runpy.run_path(str(ROOT / "data/schema/make_tflite_schema.py"))
    installed = maker["listed"](maker["module_text"]())
    ours = json.loads(LIST.read_text())
    for what, entries in installed.items():
        for name, entry in entries.items():
            known = ours[what].get(name, {})
            assert list(known.items())[: len(entry)] == list(entry.items()), name


def test_fields_that_a_later_schema_added_are_passed_over() -> None:
    builder = flatbuffers.Builder(64)
    builder.StartObject(9)
    builder.PrependUint32Slot(1, 7, 0)
    builder.PrependUint32Slot(8, 5, 0)
    builder.Finish(builder.EndObject())
    buffers = schema().MetadataT.InitFromPackedBuf(bytes(builder.Output()))
    assert vars(buffers) == {"name": None, "buffer": 7}


def test_a_union_of_an_unknown_kind_is_nothing() -> None:
    table = schema().OperatorT(builtinOptionsType=3, builtinOptions=schema().Pool2DOptionsT())
    data = bytearray(packed(table))
    assert data.count(3) == 1
    data[data.index(3)] = 250
    assert schema().OperatorT.InitFromPackedBuf(data).builtinOptions is None


def test_a_field_that_a_table_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="TensorT has no shapes"):
        schema().TensorT(shapes=[1])
