"""The notebooks of the documentation, run cell by cell in a Python of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MEASURES = [
    pytest.mark.live,
    pytest.mark.alone("a sampler reads in real time: with every core busy it loses conversions"),
]


def cells_of(path):
    document = json.loads(path.read_text(encoding="utf-8"))
    assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
    return document["cells"]


def run(cells):
    """Run the code of cells as a notebook does, one after the other in one namespace."""
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    program = "import json, sys\nfor cell in json.load(sys.stdin): exec(cell, globals())"
    return subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(code), cwd=FOLDER,
        capture_output=True, text=True, check=False, timeout=250,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["a_decision", pytest.param("the_whole_loop", marks=MEASURES)])
def test_every_cell_of_a_notebook_runs(name):
    done = run(cells_of(FOLDER / f"{name}.ipynb"))
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_a_cell_that_fails_is_seen():
    assert run([{"cell_type": "code", "source": ["1 / 0"]}]).returncode != 0


def test_notebooks_are_kept_without_what_they_printed():
    assert [path.stem for path in NOTEBOOKS] == ["a_decision", "the_whole_loop"]
    for path in NOTEBOOKS:
        for cell in cells_of(path):
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None
