"""The fuzz target without its engine: seeded changes of small files, and what fuzzing has found.

``fuzz/fuzz_partition.py`` runs the same under coverage, as long as one likes.
"""

from __future__ import annotations

import importlib.util
import random
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
