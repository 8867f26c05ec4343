"""Every test that ``docs/promises.md`` names exists, and no promise is without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "docs/promises.md").read_text(encoding="utf-8").splitlines()
ROWS = [line for line in LINES if line.startswith("| ") and not line.startswith("| promise")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@cache
def functions_of(file: str) -> frozenset[str]:
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def broken_promises(rows: list[str]) -> list[str]:
    """Return the rows without a test, with one that is not there, or with one misspelt."""
    broken = []
    for row in rows:
        named = NAMED.findall(row)
        missing = [name for file, name in named if name not in functions_of(file)]
        if not named or missing or row.count("::") != len(named):
            broken.append(f"{row.split('|')[1].strip()}: {missing or 'no test that can be read'}")
    return broken


def test_a_promise_names_tests_that_exist():
    assert len(ROWS) > 70
    assert broken_promises(ROWS) == []


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("nothing", "no test that can be read"),
        ("`tests/no/such.py::test_a`", "['test_a']"),
        ("`tests/architecture/test_promises.py::test_no_such`", "['test_no_such']"),
        ("`tests/architecture/test_promises.py::broken_promises`, `a.py::b`",
         "no test that can be read"),
    ],
)  # fmt: skip
def test_a_promise_without_its_test_is_found(cell, told):
    assert broken_promises([f"| it holds | {cell} |"]) == [f"it holds: {told}"]
