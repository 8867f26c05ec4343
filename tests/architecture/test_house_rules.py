"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tomllib
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


def long_functions(source: str, where: str) -> list[str]:
    """Return the functions that are longer than allowed, each with where it stands."""
    return [
        f"{where}::{node.name} has {body_lines(node)} lines, {longest_allowed(node)} are allowed"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and body_lines(node) > longest_allowed(node)
    ]


def test_functions_stay_small():
    assert len(MODULES) > 400
    long = [
        found
        for path in MODULES
        for found in long_functions(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    ]
    assert long == []


def function_of(lines: int, *, logic: bool) -> str:
    """Return a function with a docstring and so many lines of body."""
    first = "if given:\n        pass" if logic else "first = 1\n    second = 2"
    body = "\n    ".join([first, *(f"line_{n} = {n}" for n in range(lines - 2))])
    return f'def f(given):\n    """Do it."""\n    {body}\n'


@pytest.mark.parametrize(
    ("logic", "limit"), [(True, LONGEST_FUNCTION_LINES), (False, LONGEST_RECORD_LINES)]
)
def test_a_function_one_line_over_its_limit_is_found(logic, limit):
    assert long_functions(function_of(limit, logic=logic), "m.py") == []
    assert long_functions(function_of(limit + 1, logic=logic), "m.py") == [
        f"m.py::f has {limit + 1} lines, {limit} are allowed"
    ]


def open_options(source: str, where: str) -> list[str]:
    """Return the functions that take options which no type checker sees, ``**options``."""
    return [
        f"{where}::{node.name}(**{node.args.kwarg.arg})"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.args.kwarg is not None
    ]


def test_the_options_of_a_command_are_seen_by_the_type_checker():
    commands = sorted((ROOT / "joulesplit/cli/commands").glob("*.py"))
    assert len(commands) > 15
    assert [found for path in commands for found in open_options(path.read_text(), path.name)] == []


def test_options_that_no_type_checker_sees_are_found():
    source = "def command(*, force: bool, **options: Any) -> int:\n    return 0\n"
    assert open_options(source, "_new.py") == ["_new.py::command(**options)"]


SIMULATED_SIDE = (ROOT / "joulesplit/drivers/simulated", ROOT / "joulesplit/_simulation.py")
"""Declares again what the data sheet says, so that it shares nothing with what it checks."""


def names_of(source: str) -> set[str]:
    """Classes, type aliases and constants that a module defines for itself."""
    body = ast.parse(source).body
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


def homeless(modules: dict[Path, str], *, simulated: bool) -> dict[str, list[str]]:
    """Return the names with more than one home on a side of the house, and where they are."""
    homes: dict[str, list[str]] = {}
    for path, source in modules.items():
        side = any(path.is_relative_to(each) for each in SIMULATED_SIDE)
        for name in names_of(source) if side is simulated else ():
            homes.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return {name: paths for name, paths in homes.items() if len(paths) > 1}


@pytest.mark.parametrize("simulated", [False, True], ids=["program", "simulation"])
def test_a_class_and_a_constant_have_one_home(simulated):
    modules = {
        path: path.read_text(encoding="utf-8") for path in (ROOT / "joulesplit").rglob("*.py")
    }
    assert homeless(modules, simulated=simulated) == {}


@pytest.mark.parametrize("definition", ["HOT_C = 80", "HOT_C: int = 80", "class HOT_C: pass"])
def test_a_second_home_is_found(definition):
    elsewhere = {ROOT / "joulesplit/a.py": definition, ROOT / "joulesplit/b.py": "HOT_C = 75"}
    assert homeless(elsewhere, simulated=False) == {"HOT_C": ["joulesplit/a.py", "joulesplit/b.py"]}
    apart = {ROOT / "joulesplit/a.py": definition, SIMULATED_SIDE[0] / "b.py": "HOT_C = 75"}
    assert homeless(apart, simulated=False) == homeless(apart, simulated=True) == {}


def test_every_room_counts_flops_by_the_same_convention():
    assert CONVENTION == FLOP_CONVENTION == NETWORK_CONVENTION


def test_tests_are_no_packages():
    """A package ``tests/drivers`` would shadow ``drivers``."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_the_citation_is_of_this_version_under_its_license():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    stated = dict(re.findall(r"^([\w-]+): (\S+)$", citation, re.MULTILINE))
    assert stated["version"] == project["version"]
    assert stated["license"] == project["license"]
    assert stated["cff-version"] == "1.2.0"
