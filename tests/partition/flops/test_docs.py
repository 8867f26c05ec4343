"""``docs/flops.md`` says what the rules say.

``JOULESPLIT_UPDATE_GOLDEN=1`` writes its table again.
"""

from __future__ import annotations

import os
from pathlib import Path

from joulesplit.partition.flops._rules import RULES, convention_of

PAGE = Path(__file__).parents[3] / "docs" / "flops.md"
START, END = "<!-- table: start -->\n", "<!-- table: end -->"


def table() -> str:
    """One row per convention, with all operators that follow it."""
    followers: dict[str, list[str]] = {}
    for kind in RULES:
        convention = convention_of(kind)
        assert convention, f"{kind} has no convention in its docstring"
        followers.setdefault(convention, []).append(kind)
    rows = ["| operators | FLOP |", "|---|---|"]
    for convention, kinds in followers.items():
        names = ", ".join(f"`{kind}`" for kind in sorted(kinds))
        rows.append(f"| {names} | {convention} |")
    return "\n".join(rows) + "\n"


def test_the_page_prints_every_rule_as_it_is() -> None:
    text = PAGE.read_text()
    before, rest = text.split(START)
    printed, after = rest.split(END)
    if os.environ.get("JOULESPLIT_UPDATE_GOLDEN"):
        PAGE.write_text(before + START + table() + END + after)
        return
    assert printed == table()


def test_at_least_the_operators_of_common_networks_have_a_rule() -> None:
    assert len(RULES) >= 70
