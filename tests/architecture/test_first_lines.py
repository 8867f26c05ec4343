"""The first line of a docstring: what a function does, in the imperative, or what a thing is.

ruff's D401 knows the moods of common verbs in functions; this knows what it does not look at.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for top in ("joulesplit", "proof") for path in (ROOT / top).rglob("*.py"))
WORLD_SIDE = "World side: "
"""Said first of what a simulated thing's world does to it, not what its driver may do."""
NO_VERBS = {"a", "an", "the", "this", "it", "its", "what", "how", "when", "where", "one", "both",
            "no", "not", "nothing", "every", "everything", "per", "here", "same"}  # fmt: skip
NO_NOUNS = {"this", "it", "its", "so", "is", "does", "has", "may", "can"}
NOUNS_AS_WELL = {
    "answer", "call", "count", "download", "end", "fit", "hand", "label", "list", "measure",
    "name", "place", "pool", "price", "probe", "start", "state", "test", "upload", "work",
}  # fmt: skip
"""Verbs of our functions that are nouns too, and may say what a class is."""


class FirstLine(NamedTuple):
    """A docstring's first line, of what, and where."""

    where: str
    of_function: bool
    text: str

    @property
    def first_word(self) -> str:
        """The word that it begins with, in small letters."""
        return self.text.removeprefix(WORLD_SIDE).split(" ")[0].rstrip(",.:;").lower()


def first_lines(source: str, where: str) -> Iterator[FirstLine]:
    """Yield those of the classes and functions of a module that nothing private surrounds."""
    todo = [(where, node) for node in ast.parse(source).body]
    while todo:
        inside, node = todo.pop()
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if not (function or isinstance(node, ast.ClassDef)) or node.name[0] == "_":
            continue
        name = f"{inside}::{node.name}"
        if isinstance(node, ast.ClassDef):
            todo += [(name, each) for each in node.body]
        if (text := ast.get_docstring(node)) and not node.name.startswith("test_"):
            yield FirstLine(name, function and not is_property(node), text.splitlines()[0])


def is_property(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("property" in ast.unparse(each) for each in function.decorator_list)


def misworded(lines: list[FirstLine]) -> list[str]:
    """Return the lines that are in another form, each with where it stands.

    The verbs are those that our own functions begin with: a class or a property that begins with
    one of them, or with its third person, says what it does and not what it is.
    """
    verbs = {line.first_word for line in lines if line.of_function}
    verbs -= NO_VERBS | NOUNS_AS_WELL
    acts = {verb + ending for verb in verbs for ending in ("s", "es")}
    acts |= {verb[:-1] + "ies" for verb in verbs if verb.endswith("y")}
    wrong = NO_NOUNS | verbs | acts
    return [
        f"{line.where}: {line.text}"
        for line in lines
        if (
            not line.first_word.isalpha() or line.first_word in NO_VERBS
            if line.of_function
            else line.first_word in wrong
        )
    ]


def test_every_first_line_has_the_form_that_the_house_chose():
    lines = [
        line
        for path in MODULES
        for line in first_lines(path.read_text(encoding="utf-8"), str(path.relative_to(ROOT)))
    ]
    assert len(lines) > 1500
    assert misworded(lines) == []


RIGHT = '''
class Journal:
    """A file that entries are appended to."""

    @property
    def length_s(self):
        """The window's length, s."""

    def append(self):
        """Append an entry."""

    def vary(self):
        """Vary the load."""

class _Hidden:
    """Appends what nobody sees."""
'''


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("A file that entries are appended to", "Appends entries to a file"),
        ("A file that entries are appended to", "Append entries to a file"),
        ("A file that entries are appended to", "Varies a file"),
        ("A file that entries are appended to", "This is a file"),
        ("The window's length, s", "Its length, s"),
        ("The window's length, s", "Appends a length, s"),
        ("Append an entry", "The entry, appended"),
        ("Append an entry", "2 per entry"),
    ],
)
def test_a_line_in_another_form_is_found(right, wrong):
    assert misworded(list(first_lines(RIGHT, "right.py"))) == []
    changed = list(first_lines(RIGHT.replace(right, wrong), "wrong.py"))
    assert [line.rpartition(": ")[2] for line in misworded(changed)] == [wrong + "."]
