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
def test_functions_stay_small(path):
    source = path.read_text()
    long = {
        node.name: body_lines(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > longest_allowed(node)
    }
    assert long == {}


SIMULATED_SIDE = (ROOT / "joulesplit/drivers/simulated", ROOT / "joulesplit/cli/_simulation.py")
"""Declares again what the data sheet says, so that it shares nothing with what it checks."""


def names_of(path: Path) -> set[str]:
    """Classes, type aliases and constants that a module defines for itself."""
    body = ast.parse(path.read_text()).body
    classes = {node.name for node in body if isinstance(node, ast.ClassDef)}
    targets = [
        target
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    flat = [each for top in targets for each in (top.elts if isinstance(top, ast.Tuple) else [top])]
    assigned = {each.id for each in flat if isinstance(each, ast.Name) and each.id[0].isupper()}
    variables = {
        node.targets[0].id
        for node in body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and getattr(node.value.func, "id", "") == "TypeVar"
    }
    return {name for name in classes | assigned - variables if len(name) > 1}


@pytest.mark.parametrize("simulated", [False, True], ids=["program", "simulation"])
def test_a_class_and_a_constant_have_one_home(simulated):
    homes: dict[str, list[str]] = {}
    for path in (ROOT / "joulesplit").rglob("*.py"):
        side = any(path.is_relative_to(each) for each in SIMULATED_SIDE)
        for name in names_of(path) if side is simulated else ():
            homes.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_every_room_counts_flops_by_the_same_convention():
    assert CONVENTION == FLOP_CONVENTION == NETWORK_CONVENTION


def test_tests_are_no_packages():
    """A package ``tests/drivers`` would shadow ``drivers``."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []
