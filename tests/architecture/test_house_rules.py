"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from joulesplit.calibrate.estimates._compute_figures import FLOP_CONVENTION
from joulesplit.optimizer._explanation import NETWORK_CONVENTION
from joulesplit.partition.flops import CONVENTION

ROOT = Path(__file__).parents[2]
PACKAGES = ("joulesplit", "proof")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LONGEST_MODULE_LINES = 300
LONGEST_FUNCTION_LINES = 25
LONGEST_RECORD_LINES = 40
"""A function without any control flow writes out a record or a table: data rather than logic."""
CONTROL_FLOW = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.AsyncFor)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function below its signature and docstring; nested functions count apart."""
    first = function.body[1:] if ast.get_docstring(function) else function.body
    if not first:
        return 0
    nested = sum(
        node.end_lineno - node.lineno + 1
        for node in ast.walk(function)
        if node is not function and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return function.end_lineno - first[0].lineno + 1 - nested


def longest_allowed(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    logic = any(isinstance(node, CONTROL_FLOW) for node in ast.walk(function))
    return LONGEST_FUNCTION_LINES if logic else LONGEST_RECORD_LINES


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small(path):
    source = path.read_text()
    assert source.count("\n") <= LONGEST_MODULE_LINES
    long = {
        node.name: body_lines(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > longest_allowed(node)
    }
    assert long == {}


def test_every_room_counts_flops_by_the_same_convention():
    assert CONVENTION == FLOP_CONVENTION == NETWORK_CONVENTION


def test_tests_are_no_packages():
    """A package ``tests/drivers`` would shadow ``drivers``."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []
