"""The troubleshooting page goes by the text of messages: each of them must still exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
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
    for path in (ROOT / "joulesplit").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (text := text_of(node)) is not None:
                yield text


def unheard_of(headings, said):
    """Return the headings that none of the program's texts says."""
    unknown = []
    for heading in headings:
        pieces = [re.escape(piece.strip()) for piece in heading.split("…")]
        pattern = re.compile(r"\s?\S*\s?".join(pieces))
        if not any(pattern.search(text) for text in said):
            unknown.append(heading)
    return unknown


def test_every_message_on_the_page_is_one_that_the_program_has():
    assert len(HEADINGS) > 10
    assert unheard_of(HEADINGS, list(texts())) == []


def test_a_message_that_the_program_does_not_say_is_found():
    said = ["no answer from … within …", "it is hot"]
    headings = ["no answer from … within 3 s", "no answer within …", "it is cold"]
    assert unheard_of(["no answer from … within …", "it is hot"], said) == []
    assert unheard_of(headings[1:], said) == headings[1:]
