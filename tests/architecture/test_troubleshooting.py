"""The troubleshooting page goes by the text of messages: each of them must still exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("drivers", "partition", "edge", "calibrate", "optimizer", "joulesplit")
HEADINGS = re.findall(
    r"^### `(.+)`$", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE
)


def text_of(node):
    """Return a string as it stands in the source, with … for what is filled in; else None."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(p.value if isinstance(p, ast.Constant) else "…" for p in node.values)
    return None


def texts():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (text := text_of(node)) is not None:
                    yield text


TEXTS = list(texts())


@pytest.mark.parametrize("heading", HEADINGS)
def test_every_message_on_the_page_is_one_that_the_program_has(heading):
    pieces = [re.escape(piece.strip()) for piece in heading.split("…")]
    pattern = re.compile(r"\s?\S*\s?".join(pieces))
    assert any(pattern.search(text) for text in TEXTS)


def test_the_page_has_messages():
    assert len(HEADINGS) > 10
