"""A split on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from joulesplit.partition import Runner, random_inputs
from joulesplit.partition.errors import CutError, ForeignFilesError, SplitWriteError
from joulesplit.partition.parts import write_split
from joulesplit.partition.reading import read_network


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_the_files_are_what_the_manifest_says_and_run_as_the_whole(
    two_branches: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "new" / "split"
    manifest = write_split(two_branches, 0, directory)
    assert names(directory) == {"head.tflite", "tail.tflite", "manifest.json"}
    for part in (manifest.head, manifest.tail):
        data = (directory / part.file).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (part.sha256, part.size_bytes)
    with (
        Runner(two_branches) as whole,
        Runner(directory / "head.tflite") as head,
        Runner(directory / "tail.tflite") as tail,
    ):
        inputs = random_inputs(whole.inputs, 4)
        expected, found = whole.run(inputs), tail.run(head.run(inputs))
    assert [a.tobytes() for a in found] == [a.tobytes() for a in expected]


def test_the_manifest_on_disk_describes_what_crosses(mobilenet_path: Path, tmp_path: Path) -> None:
    manifest = write_split(mobilenet_path, 12, tmp_path)
    stored = json.loads((tmp_path / "manifest.json").read_text())
    network = read_network(mobilenet_path)
    assert stored["schema"] == "joulesplit/split"
    assert stored["model_sha256"] == hashlib.sha256(mobilenet_path.read_bytes()).hexdigest()
    assert stored["after_operator"] == 12
    assert stored["crossing_bits"] == manifest.crossing_bits
    assert [entry["shape"] for entry in stored["crossing"]] == [[1, 28, 28, 32]]
    assert stored["head"]["flop"] + stored["tail"]["flop"] == network.flop


@pytest.mark.parametrize(
    ("after", "present", "absent"), [(-1, "tail", "head"), (2, "head", "tail")]
)
def test_a_side_with_nothing_to_run_has_no_file_not_even_an_old_one(
    two_branches: Path, tmp_path: Path, after: int, present: str, absent: str
) -> None:
    directory = tmp_path / "split"
    write_split(two_branches, 1, directory)
    manifest = write_split(two_branches, after, directory)
    assert names(directory) == {f"{present}.tflite", "manifest.json"}
    assert getattr(manifest, absent) is None
    assert json.loads((directory / "manifest.json").read_text())[absent] is None


@pytest.mark.parametrize("name", ["head.tflite", "tail.tflite", "manifest.json"])
@pytest.mark.parametrize("earlier", [False, True])
def test_files_that_are_of_no_earlier_split_are_replaced_by_force_alone(
    two_branches: Path, tmp_path: Path, name: str, earlier: bool
) -> None:
    directory = tmp_path / "split"
    directory.mkdir()
    if earlier:
        write_split(two_branches, 1, directory)
    (directory / name).write_bytes(b"a week of training")
    there = {path.name: path.read_bytes() for path in directory.iterdir()}

    # After the last operator nothing is left for a tail, whose file would be removed.
    for after in (1, 2):
        with pytest.raises(ForeignFilesError, match="--force"):
            write_split(two_branches, after, directory)
        assert {path.name: path.read_bytes() for path in directory.iterdir()} == there
    write_split(two_branches, 2, directory, force=True)
    assert names(directory) == {"head.tflite", "manifest.json"}


@pytest.mark.parametrize("name", ["head.tflite", "tail.tflite"])
def test_the_model_itself_is_never_replaced(two_branches: Path, tmp_path: Path, name: str) -> None:
    write_split(two_branches, 1, tmp_path)
    part, content = tmp_path / name, (tmp_path / name).read_bytes()
    for force in (False, True):
        with pytest.raises(ForeignFilesError, match="is the model itself"):
            write_split(part, 0, tmp_path, force=force)
    assert part.read_bytes() == content


def test_a_failed_write_leaves_no_manifest_and_no_half_file(
    two_branches: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "split"
    write_split(two_branches, 1, directory)
    (directory / "tail.tflite").unlink()
    (directory / "tail.tflite").mkdir()
    with pytest.raises(SplitWriteError, match=str(directory)):
        write_split(two_branches, 1, directory)
    assert names(directory) == {"head.tflite", "tail.tflite"}


def test_a_directory_that_is_a_file_is_a_clear_error(two_branches: Path) -> None:
    with pytest.raises(SplitWriteError, match="check the path"):
        write_split(two_branches, 1, two_branches)


@pytest.mark.parametrize("after", [-2, 3])
def test_no_such_cut_writes_nothing(two_branches: Path, tmp_path: Path, after: int) -> None:
    with pytest.raises(CutError, match="from -1"):
        write_split(two_branches, after, tmp_path / "split")
    assert not (tmp_path / "split").exists()
