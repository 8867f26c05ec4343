"""A bundle says what the file says, and runs without the file's schema."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, random_inputs, tensor_specs
from joulesplit.partition.cutting import blocks_at, residual_blocks
from joulesplit.partition.errors import BundleError, CutError, ForeignFilesError, SplitWriteError
from joulesplit.partition.parts import write_bundle
from joulesplit.partition.parts._bundle import load_bundle
from joulesplit.partition.parts._bundle_writing import worthwhile_splits
from joulesplit.partition.reading import LoadedModel, load_model

ROOT = Path(__file__).parents[3]


def run(model: bytes | Path, inputs: list) -> list:
    with Runner(model) as runner:
        return runner.run(inputs)


@pytest.fixture(scope="session")
def written(mobilenet: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bundle")
    write_bundle(mobilenet, residual_blocks(mobilenet.network), directory)
    return directory


def test_it_holds_the_network_and_its_blocks_as_the_file_does(
    mobilenet: LoadedModel, written: Path
) -> None:
    bundle = load_bundle(written)
    assert bundle.network == mobilenet.network
    assert bundle.blocks == residual_blocks(mobilenet.network)
    assert bundle.splits == worthwhile_splits(bundle.network, bundle.blocks)


def test_blocks_and_splits_compute_what_the_file_does(
    mobilenet: LoadedModel, mobilenet_path: Path, written: Path
) -> None:
    bundle = load_bundle(written)
    network = mobilenet.network
    inputs = random_inputs(tensor_specs(network, network.inputs), 2)
    whole = [array.tobytes() for array in run(mobilenet_path, inputs)]
    values = inputs
    for block in bundle.blocks:
        values = run(bundle.block(block.index), values)
    assert [array.tobytes() for array in values] == whole
    assert len(bundle.splits) >= 3
    for after in bundle.splits:
        head, tail = bundle.split(after)
        assert head is not None
        assert tail is not None
        assert [array.tobytes() for array in run(tail, run(head, inputs))] == whole


def test_the_splits_are_those_at_which_less_crosses_than_before(mobilenet: LoadedModel) -> None:
    network = mobilenet.network
    blocks = residual_blocks(network)
    expected, bits = [], [network.input_bits]
    for block in blocks[:-1]:
        if block.output_bits < min(bits):
            expected.append(block.last_operator)
        bits.append(block.output_bits)
    assert list(worthwhile_splits(network, blocks)) == expected


def test_the_same_network_gives_the_same_bytes(two_branches: Path, tmp_path: Path) -> None:
    blocks = residual_blocks(load_model(two_branches).network)
    for name in ("one", "two"):
        write_bundle(two_branches, blocks, tmp_path / name, splits=[1, 0])
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert Path("heads/head_0.tflite") in files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_a_machine_without_the_schema_loads_and_runs_it(two_branches: Path, tmp_path: Path) -> None:
    network = load_model(two_branches).network
    write_bundle(two_branches, blocks_at(network, [0]), tmp_path / "b", splits=[0])
    code = (
        "import sys\n"
        "sys.modules['joulesplit.partition.schema'] = sys.modules['flatbuffers'] = None\n"
        "import numpy as np\n"
        "from joulesplit.partition.parts._bundle import load_bundle\n"
        "from joulesplit.partition._runtime import Runner\n"
        f"bundle = load_bundle({str(tmp_path / 'b')!r})\n"
        "values = [np.full((2, 3), 2, np.float32)] * 2\n"
        "for block in bundle.blocks:\n"
        "    values = Runner(bundle.block(block.index)).run(values)\n"
        "print([float(value[0, 0]) for value in values])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[8.0, 2.0]\n"


def test_a_newer_bundle_replaces_an_older_one_but_nothing_else(
    two_branches: Path, tmp_path: Path
) -> None:
    blocks = residual_blocks(load_model(two_branches).network)
    write_bundle(two_branches, blocks, tmp_path / "b", splits=[0, 1])
    write_bundle(two_branches, blocks, tmp_path / "b", splits=[1])
    assert [path.name for path in (tmp_path / "b" / "heads").iterdir()] == ["head_1.tflite"]
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "precious").write_text("mine")
    with pytest.raises(SplitWriteError, match="other files"):
        write_bundle(two_branches, blocks, tmp_path / "c")
    with pytest.raises(CutError):
        write_bundle(two_branches, blocks, tmp_path / "d", splits=[7])
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize("place", ["manifest.json", "blocks/mine.tflite", "heads/head_0.tflite"])
def test_files_of_no_earlier_bundle_are_not_replaced(small: Path, two_branches: Path, place: str):
    (small / place).write_bytes(b"{}")
    blocks = residual_blocks(load_model(two_branches).network)

    with pytest.raises(ForeignFilesError, match=f"{place} is of no earlier bundle"):
        write_bundle(two_branches, blocks, small)

    assert (small / place).read_bytes() == b"{}"


def test_a_bundle_never_replaces_the_model_that_it_is_made_of(two_branches: Path, tmp_path: Path):
    model = tmp_path / "b" / "blocks" / "block_1.tflite"
    model.parent.mkdir(parents=True)
    model.write_bytes(two_branches.read_bytes())

    with pytest.raises(ForeignFilesError, match="the model itself"):
        write_bundle(model, residual_blocks(load_model(model).network), tmp_path / "b")

    assert model.read_bytes() == two_branches.read_bytes()


@pytest.fixture
def small(two_branches: Path, tmp_path: Path) -> Path:
    blocks = residual_blocks(load_model(two_branches).network)
    write_bundle(two_branches, blocks, tmp_path / "small", splits=[0])
    return tmp_path / "small"


def test_what_is_not_there_is_said(small: Path) -> None:
    bundle = load_bundle(small)
    with pytest.raises(BundleError, match="from 1 to"):
        bundle.block(0)
    with pytest.raises(BundleError, match="those after 0"):
        bundle.split(1)


def test_a_damaged_or_missing_part_is_never_run(small: Path) -> None:
    path = small / "heads" / "head_0.tflite"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(BundleError, match="copy the bundle again"):
        load_bundle(small).split(0)
    path.unlink()
    with pytest.raises(BundleError, match="copy the bundle again"):
        load_bundle(small).split(0)


def test_a_manifest_that_points_outside_is_refused(small: Path) -> None:
    manifest = json.loads((small / "manifest.json").read_text())
    manifest["blocks"][0]["part"]["file"] = "../elsewhere.tflite"
    (small / "manifest.json").write_text(json.dumps(manifest))
    shutil.copy(small / "blocks" / "block_1.tflite", small.parent / "elsewhere.tflite")
    with pytest.raises(BundleError, match="outside"):
        load_bundle(small).block(1)


@pytest.mark.parametrize(
    "text", ["", "{}", "no json", '{"schema": "joulesplit/split"}', "[1]", '{"network": 3}']
)
def test_another_manifest_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match="bundle"):
        load_bundle(tmp_path)


def test_another_version_and_no_manifest_are_refused(small: Path, tmp_path: Path) -> None:
    manifest = json.loads((small / "manifest.json").read_text())
    (small / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 99}))
    with pytest.raises(BundleError, match="version 99"):
        load_bundle(small)
    with pytest.raises(BundleError, match="give the directory"):
        load_bundle(tmp_path / "none")


def test_quantisation_survives_in_the_manifest(int8_path: Path, tmp_path: Path) -> None:
    network = load_model(int8_path).network
    write_bundle(int8_path, blocks_at(network, [10]), tmp_path / "b")
    (block, _) = load_bundle(tmp_path / "b").manifest.blocks
    assert block.part is not None
    (entry,) = block.part.outputs
    assert entry.quantization == network.tensors[network.operators[10].outputs[0]].quantization
    assert entry.bits == 8 * int(np.prod(entry.shape))
