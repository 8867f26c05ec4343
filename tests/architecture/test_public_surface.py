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
from itertools import count, pairwise
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


def dotted(path, root=ROOT):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def faces(root=ROOT, package="joulesplit"):
    return sorted((root / package).rglob("__init__.pyi"))


def exports(root=ROOT, package="joulesplit"):
    """Yield (face, name, file in which the stub says it is defined), of modules."""
    for stub in faces(root, package):
        for node in tree_of(stub).body:
            assert isinstance(node, ast.ImportFrom)
            home = stub.parent.joinpath(*node.module.split(".")).with_suffix(".py")
            for alias in node.names if home.exists() else ():
                yield dotted(stub, root), alias.name, home


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


def found_on(face, name, home, root):
    """Return what a name stands for; of a package that can be called, what the call does."""
    item = getattr(importlib.import_module(face), name)
    if not isinstance(item, ModuleType):
        return item
    return getattr(importlib.import_module(dotted(home, root)), name)


def private_by_name(root=ROOT, package="joulesplit"):
    """Return the modules whose name says that they are public."""
    modules = {dotted(p, root) for p in (root / package).rglob("*.py") if p.stem[0] != "_"}
    return modules - {package}


def badly_faced(root=ROOT, package="joulesplit"):
    """Yield the faces that hold other names than their stubs, or names that lead nowhere."""
    for stub in faces(root, package):
        face = importlib.import_module(dotted(stub, root))
        named = {alias.asname for node in tree_of(stub).body for alias in node.names}
        if set(face.__all__) != named:
            yield f"{face.__name__}: {sorted(set(face.__all__) ^ named)} in one list alone"
        for name in named:
            try:
                getattr(face, name)
            except (AttributeError, ImportError) as error:
                yield f"{face.__name__}.{name}: {error}"
        beside = {
            name
            for name, value in vars(face).items()
            if not name.startswith("_") and not isinstance(value, ModuleType)
        }
        if not beside <= named:
            yield f"{face.__name__}: {sorted(beside - named)} beside the names of the stub"


def undocumented(root=ROOT, package="joulesplit"):
    """Yield what is on a face and has no docstring where it is defined."""
    for face, name, home in exports(root, package):
        item = found_on(face, name, home, root)
        if inspect.isclass(item) or inspect.isfunction(item):
            if not (item.__doc__ or "").strip():
                yield f"{face}.{name}"
            # A constructor is documented with its class; everything else in its own place.
            yield from (
                f"{face}: {function.__qualname__}"
                for function in functions_of(item)
                if function not in (item, item.__init__) and not (function.__doc__ or "").strip()
            )
        elif name not in documented_assignments(home):
            yield f"{face}.{name}"


def untyped(root=ROOT, package="joulesplit"):
    """Yield what is on a face and does not say what it takes and returns."""
    for face, name, home in exports(root, package):
        for function in functions_of(found_on(face, name, home, root)):
            parameters = inspect.signature(function).parameters
            missing = [
                parameter.name
                for at, parameter in enumerate(parameters.values())
                if parameter.annotation is parameter.empty
                and not (at == 0 and parameter.name in {"self", "cls"})
            ]
            if missing or "return" not in function.__annotations__:
                yield f"{face}: {function.__qualname__} ({', '.join(missing) or 'return'})"


def sent_to_what_is_private(pages):
    """Yield the private modules that pages name; records of a time name what was there then."""
    for page in pages:
        if page.parent.name != "decisions":
            found = PRIVATE.findall(page.read_text(encoding="utf-8"))
            yield from (f"{page.name}: {name}" for name in found)


def test_a_module_is_private_or_on_the_short_list_of_public_ones():
    assert private_by_name() <= PUBLIC_MODULES


def test_a_face_holds_its_names_and_no_other():
    assert len(faces()) > 30
    assert list(badly_faced()) == []


def test_a_name_on_a_face_is_documented_where_it_is_defined():
    assert len(list(exports())) > 600
    assert list(undocumented()) == []


def test_a_name_on_a_face_is_typed():
    assert list(untyped()) == []


def test_no_page_sends_its_reader_to_what_is_private():
    assert len(PAGES) > 20
    assert list(sent_to_what_is_private(PAGES)) == []


RIGHT = '''
"""A room."""

LIMIT_S = 1.0
"""The longest wait, s."""

class Window:
    """A window."""

    def __init__(self, begin: float) -> None:
        self.begin = begin

    def length(self, end: float) -> float:
        """Return its length, s."""
        return end - self.begin

def window(begin: float) -> Window:
    """Return a window."""
    return Window(begin)
'''
STUB = "".join(f"from ._room import {name} as {name}\n" for name in ("LIMIT_S", "Window", "window"))
FACE = """
import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
"""
HOUSES = count()
"""A package that was imported once is not imported again: each has a name of its own."""


@pytest.fixture
def house_with(tmp_path, monkeypatch):
    """Build a small house of one room, and return its root and the package's name."""

    def build(module=RIGHT, stub=STUB, face=FACE):
        name = f"house_{next(HOUSES)}"
        room = tmp_path / name
        room.mkdir()
        (room / "__init__.py").write_text(face)
        (room / "__init__.pyi").write_text(stub)
        (room / "_room.py").write_text(module)
        monkeypatch.syspath_prepend(tmp_path)
        importlib.invalidate_caches()
        return tmp_path, name

    return build


def test_a_house_in_order_has_nothing_to_be_found(house_with):
    house = house_with()
    for rule in (badly_faced, undocumented, untyped, private_by_name):
        assert list(rule(*house)) == []


@pytest.mark.parametrize(
    ("rule", "right", "wrong", "told"),
    [
        (undocumented, '"""The longest wait, s."""', "", "h.LIMIT_S"),
        (undocumented, '"""A window."""', "", "h.Window"),
        (undocumented, '"""Return its length, s."""', "", "h: Window.length"),
        (undocumented, '"""Return a window."""', '" "', "h.window"),
        (untyped, "end: float", "end", "h: Window.length (end)"),
        (untyped, "self, begin: float)", "self, begin)", "h: Window.__init__ (begin)"),
        (untyped, "(begin: float) -> Window", "(begin: float)", "h: window (return)"),
        (badly_faced, "def window", "def windows", "h.window: "),
    ],
)
def test_what_is_wrong_with_a_name_on_a_face_is_found(house_with, rule, right, wrong, told):
    assert right in RIGHT
    root, name = house_with(RIGHT.replace(right, wrong, 1))
    (found,) = rule(root, name)
    assert found.startswith(told.replace("h", name, 1))


@pytest.mark.parametrize(
    ("face", "told"),
    [
        (FACE + "spare = 1\n", ["spare"]),
        (FACE + '__all__ = ["LIMIT_S", "Window"]\n', ["window"]),
    ],
    ids=["beside", "missing"],
)
def test_a_face_with_other_names_than_its_stub_is_found(house_with, face, told):
    root, name = house_with(face=face)
    (found,) = badly_faced(root, name)
    assert found.startswith(f"{name}: {told} ")


def test_a_module_whose_name_says_that_it_is_public_is_found(house_with):
    root, name = house_with()
    (root / name / "room.py").touch()
    assert private_by_name(root, name) == {f"{name}.room"}


def test_a_page_that_names_a_private_module_is_found(tmp_path):
    (tmp_path / "decisions").mkdir()
    for page in (tmp_path / "use.md", tmp_path / "decisions/0001.md"):
        page.write_text("see joulesplit.drivers._clock and joulesplit.drivers.protocols")
    assert list(sent_to_what_is_private(tmp_path.rglob("*.md"))) == [
        "use.md: joulesplit.drivers._clock"
    ]


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
