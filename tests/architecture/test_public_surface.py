"""What users may use: each name documented and typed, on the face of its package, and no other.

A package's face is the names of its ``__init__.pyi``. A module whose name begins without an
underscore is a face of its own, and there are few. The idea: httpx, test_exported_members.py.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "joulesplit"
PUBLIC_MODULES = {
    "joulesplit.calibrate.errors",
    "joulesplit.cooperate.errors",
    "joulesplit.drivers.conformance",
    "joulesplit.drivers.errors",
    "joulesplit.drivers.protocols",
    "joulesplit.drivers.raspberry_pi",
    "joulesplit.drivers.readings",
    "joulesplit.edge.errors",
    "joulesplit.metrology.errors",
    "joulesplit.optimizer.errors",
    "joulesplit.partition.errors",
}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PRIVATE = re.compile(r"\bjoulesplit(?:\.\w+)*\._[a-z]\w*")


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FACES = sorted(path for path in HOUSE.rglob("__init__.pyi"))
MODULES = sorted(path for path in HOUSE.rglob("*.py"))


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def exports():
    """Yield (face, name, file in which the stub says it is defined)."""
    for stub in FACES:
        for node in tree_of(stub).body:
            assert isinstance(node, ast.ImportFrom)
            module = stub.parent.joinpath(*node.module.split("."))
            home = module.with_suffix(".py")
            for alias in node.names:
                yield dotted(stub), alias.name, home if home.exists() else module / "__init__.pyi"


EXPORTS = [
    pytest.param(*export, id=f"{export[0]}.{export[1]}")
    for export in exports()
    if export[2].suffix == ".py"
]


def documented_assignments(path):
    """Return the names assigned at the top of a module with a docstring below."""
    body = tree_of(path).body
    found = set()
    for node, below in pairwise(body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(below, ast.Expr) and isinstance(getattr(below.value, "value", None), str):
            found.update(t.id for t in targets if isinstance(t, ast.Name))
    return found


def functions_of(item):
    """Yield a function, or the public methods of a class that are its own."""
    if inspect.isclass(item):
        for name, member in vars(item).items():
            function = getattr(member, "fget", None) or getattr(member, "__func__", member)
            own = inspect.isfunction(function) and function.__module__ == item.__module__
            public = not name.startswith("_") or name == "__init__"
            if own and public and "<" not in function.__qualname__:
                yield function
    elif inspect.isfunction(item):
        yield item


def found_on(face, name, home):
    """Return what a name stands for; of a package that can be called, what the call does."""
    item = getattr(importlib.import_module(face), name)
    if not isinstance(item, ModuleType):
        return item
    return getattr(importlib.import_module(dotted(home)), name)


def test_a_module_is_private_or_on_the_short_list_of_public_ones():
    public = {
        dotted(path)
        for path in MODULES
        if not path.stem.startswith("_") and dotted(path) != "joulesplit"
    }
    assert public <= PUBLIC_MODULES


@pytest.mark.parametrize("stub", FACES, ids=dotted)
def test_a_face_holds_its_names_and_no_other(stub):
    package = importlib.import_module(dotted(stub))
    named = {alias.asname for node in tree_of(stub).body for alias in node.names}
    assert set(package.__all__) == named
    assert all(getattr(package, name) is not None for name in named)
    beside = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert beside <= named


@pytest.mark.parametrize(("face", "name", "home"), EXPORTS)
def test_a_name_on_a_face_is_documented_where_it_is_defined(face, name, home):
    item = found_on(face, name, home)
    if inspect.isclass(item) or inspect.isfunction(item):
        assert (item.__doc__ or "").strip()
        assert [f.__qualname__ for f in functions_of(item) if not undocumented_init(f)] == []
    else:
        assert name in documented_assignments(home)


def undocumented_init(function):
    """A constructor is documented with its class; everything else in its own place."""
    return function.__name__ == "__init__" or bool((function.__doc__ or "").strip())


@pytest.mark.parametrize(("face", "name", "home"), EXPORTS)
def test_a_name_on_a_face_is_typed(face, name, home):
    for function in functions_of(found_on(face, name, home)):
        signature = inspect.signature(function)
        first = next(iter(signature.parameters), None)
        missing = [
            parameter.name
            for parameter in signature.parameters.values()
            if parameter.annotation is parameter.empty
            and not (parameter.name == first and first in {"self", "cls"})
        ]
        assert missing == []
        assert "return" in function.__annotations__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_sends_its_reader_to_what_is_private(page):
    if page.parent.name == "decisions":
        pytest.skip("records of the time they were written at")
    assert PRIVATE.findall(page.read_text(encoding="utf-8")) == []


SNIPPET = """
import joulesplit as js
import joulesplit.calibrate.errors as errors
from joulesplit.calibrate import WindowMeter

profile = js.calibrate("m", sensor="ina219", shunt_ohm=0.1, edge="http://s:1", plan="quick")
reveal_type(profile)
reveal_type(js.decide("m", profile))
reveal_type(js.measure("true", sensor="rapl"))
reveal_type(js.read_network("m"))
js.calibrate("m", edge="x")
js.open_sensor("ina219", shunt=0.1)
raise errors.WindowError("no")
"""


def test_a_type_checker_sees_the_front_door(tmp_path):
    (tmp_path / "program.py").write_text(SNIPPET)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir",
         str(ROOT / ".mypy_cache"), "program.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280,
    ).stdout  # fmt: skip
    revealed = re.findall(r'Revealed type is "[\w.]*\.(\w+)"', found)
    assert revealed == ["DeviceProfile", "Decision", "MeasuredProgram", "Network"], found
    errors = re.findall(r"program.py:\d+: error: (.*?)  \[", found)
    assert errors == [
        'Missing named argument "sensor" for "calibrate"',
        'Unexpected keyword argument "shunt" for "open_sensor"',
    ]


def test_the_reference_has_every_name_of_the_front_door_once():
    named = re.findall(r"^::: joulesplit\.(\w+)$", (ROOT / "docs/reference.md").read_text(), re.M)
    assert sorted([*named, "__version__"]) == sorted(importlib.import_module("joulesplit").__all__)
