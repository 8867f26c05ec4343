"""The fuzz target without its engine: seeded changes of small files, and what fuzzing has found.

``fuzz/fuzz_partition.py`` runs the same under coverage, as long as one likes.
"""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
MODELS = Path(__file__).parent / "models"
SEEDS = (
    *("two_signatures", "custom_operator", "cnn_float16", "two_inputs_two_outputs", "gru_loop"),
    *("words_to_label", "running_mean", "branches", "buffer_offsets"),
)
RUNS = 48


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", FUZZ / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", SEEDS)
def test_changed_files_are_refused_or_cut(name: str, tmp_path: Path) -> None:
    target, mutations = load("fuzz_partition"), load("mutations")
    data, rng = (MODELS / f"{name}.tflite").read_bytes(), random.Random(name)
    path = tmp_path / "changed.tflite"
    assert target.exercise(data, path) == "cut"
    ends = []
    for run in range(RUNS):
        changed = mutations.mutated(data, rng) if run % 2 else None
        ends.append(target.exercise(changed or mutations.flipped(data, rng), path))
    # Both ends are reached often, or the changes would be too wild or too tame to find anything.
    assert min(ends.count("cut"), ends.count("refused")) > RUNS // 20


THOUSANDS = """
import sys
from pathlib import Path
from thousands import Limits, run
if __name__ == "__main__":
    limits = Limits(cpu_s=float(sys.argv[2]), memory_bytes=int(sys.argv[3]))
    count, finding = run(1e6, int(sys.argv[1]), 3, Path("found.tflite"), limits)
    print(count)
    print(finding)
"""


def taken(directory: Path, *arguments: str) -> list[str]:
    """Run the program that changes files by the thousand; return the lines it prints."""
    program = directory / "program.py"
    program.write_text(THOUSANDS)
    paths = os.pathsep.join(map(str, (FUZZ, FUZZ.parent)))
    done = subprocess.run(
        [sys.executable, program, *arguments], cwd=directory, capture_output=True, text=True,
        check=True, env={**os.environ, "PYTHONPATH": paths},
    )  # fmt: skip
    return done.stdout.splitlines()


def test_changed_files_end_within_the_time_and_memory_that_is_stated(tmp_path: Path) -> None:
    """A hundred of the thousands that `make fuzz` takes."""
    told, finding = taken(tmp_path, "100", "30", str(1 << 28))
    assert told.startswith("100 files: ")
    assert "cut, " in told
    assert finding == "None"


@pytest.mark.parametrize("limits", [("0.0001", str(1 << 28)), ("30", "0")])
def test_a_file_that_takes_more_is_kept_and_named(tmp_path: Path, limits: tuple[str, str]) -> None:
    told = taken(tmp_path, "100", *limits)
    assert "found.tflite: " in "".join(told)
    assert (tmp_path / "found.tflite").stat().st_size > 0


def test_the_target_imports_without_its_engine() -> None:
    assert "atheris" not in sys.modules
    load("fuzz_partition")
    assert "atheris" not in sys.modules


def test_an_operator_without_outputs_has_no_name_and_stays_in_the_network(
    model_of, tensor, operator, tmp_path: Path
) -> None:
    """Found by fuzzing: naming asked for an operator's first output."""
    root = model_of(
        [tensor("x", (2,)), tensor("y", (2,))],
        [operator("CALL_ONCE", [], []), operator("RELU", ["x"], ["y"])],
        ["x"],
        ["y"],
    )
    assert cut(root, tmp_path) == "cut"


def test_scratch_tensors_that_do_not_exist_are_refused(
    model_of, tensor, operator, tmp_path: Path
) -> None:
    """Found by fuzzing: extraction looked up an operator's scratch tensor."""
    root = model_of(
        [tensor("x", (2,)), tensor("y", (2,))], [operator("RELU", ["x"], ["y"])], ["x"], ["y"]
    )
    root.subgraphs[0].operators[0].intermediates = [9]
    assert cut(root, tmp_path) == "refused"


def cut(root, tmp_path: Path) -> str:
    from joulesplit.partition import joined, model_pieces

    data = joined(model_pieces(root))
    end: str = load("fuzz_partition").exercise(data, tmp_path / "found.tflite")
    return end
