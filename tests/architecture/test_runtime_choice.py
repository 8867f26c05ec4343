"""Which runtime is installed goes by the userland: no dependency decides it by the kernel."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
RUNTIMES = {"ai-edge-litert", "tflite-runtime", "tensorflow"}
NARROW = """import struct, sys
struct.calcsize = lambda form: 4
sys.version_info = {version}
exec(sys.argv[-1])
"""
"""A Python of 32 bit, as far as the choice looks at it."""


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~;\[ ]", requirement)[0] for requirement in requirements}


def test_no_runtime_comes_by_itself_and_no_marker_names_a_kernel() -> None:
    assert not RUNTIMES & names(PROJECT["dependencies"])
    everything = [*PROJECT["dependencies"], *(line for extra in EXTRAS.values() for line in extra)]
    assert not [line for line in everything if "platform_machine" in line]


def test_tflite_runtime_comes_with_a_numpy_that_it_runs_with_or_not_at_all() -> None:
    with_it = [extra for extra in EXTRAS.values() if "tflite-runtime" in names(extra)]
    assert with_it == [["tflite-runtime>=2.13", "numpy<2"]]


@pytest.mark.parametrize(
    ("version", "extra"), [("(3, 11)", "tflite-runtime"), ("(3, 12)", ""), (None, "litert")]
)
def test_make_chooses_by_the_bits_of_python(
    version: str | None, extra: str, tmp_path: Path
) -> None:
    python = sys.executable
    if version is not None:
        (tmp_path / "narrow.py").write_text(NARROW.format(version=version))
        python = str(tmp_path / "python")
        (tmp_path / "python").write_text(
            f'#!/bin/sh\nexec {sys.executable} {tmp_path}/narrow.py "$@"\n'
        )
        (tmp_path / "python").chmod(0o755)
    told = "told: ; @echo '[$(RUNTIME)] $(VENV_OPTIONS)'"
    done = subprocess.run(
        ["make", "-s", f"PYTHON={python}", f"--eval={told}", "told"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    options = "" if extra == "litert" else "--system-site-packages"
    assert done.stdout == f"[{extra}] {options}\n"
