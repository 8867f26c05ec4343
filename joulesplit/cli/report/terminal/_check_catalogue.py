"""Every named check with its limit, what a failure means and what to do: a page and a document."""

from __future__ import annotations

import re

from joulesplit.calibrate.checks import CATALOGUE, FLAG, CheckSpec
from joulesplit.cli.report._sheet import Page, Section
from joulesplit.cli.report.tables import Column, FittingTable
from joulesplit.metrology import measure, prefixed

MEANS = {"warn": "suspect", "fail": "rejected", "pass": "valid"}

PREAMBLE = """\
# Checks

Every profile carries the checks that its calibration made: what was found, the limit it was held \
against, the outcome, and what to do next. A check that does not pass makes the profile *suspect* \
or *rejected*; `joulesplit optimize` refuses a rejected one, and so does whatever else decides. \
What a file says of itself is not trusted: every profile is examined again, as by `joulesplit \
profile check`, before it decides or is reported. What cannot be known on a machine is not \
checked, and a check that was not made is not in the profile. A command that `joulesplit \
measure` has run carries those of the readings, of the idle drift, of the machine's state, and its \
own. Of each, tests show that it names its fault, that it passes just inside its limit and that it \
does not just outside.

This page is printed by `joulesplit profile checks --markdown` from the constants that the checks \
test against; a test holds the two together.
"""


def catalogue_page() -> Page:
    """Return the checks for a terminal."""
    sections = [
        Section(title=title.replace("`", ""), body=_table(specs))
        for title, specs in CATALOGUE.items()
    ]
    return Page(None, "Named checks and their limits", sections)


def _table(specs: tuple[CheckSpec, ...]) -> FittingTable:
    return FittingTable(
        [
            Column(header="check", cells=[spec.name for spec in specs]),
            Column(header="finds", cells=[spec.finds for spec in specs], flexible=True),
            Column(header="limit", cells=[limit_text(spec) for spec in specs], flexible=True),
            Column(header="if not", cells=[MEANS[spec.severity] for spec in specs]),
            Column(
                header="next step",
                cells=[advice_text(spec) for spec in specs],
                flexible=True,
                from_width=110,
            ),
        ]
    )


def catalogue_markdown() -> str:
    """Return the checks as a document."""
    parts = [PREAMBLE]
    for title, specs in CATALOGUE.items():
        rows = [
            (
                f"`{spec.name}`",
                spec.finds,
                limit_text(spec),
                MEANS[spec.severity],
                advice_text(spec),
            )
            for spec in specs
        ]
        lines = [f"| {' | '.join(cells)} |" for cells in (_HEADINGS, _RULES, *rows)]
        parts.append(f"## {title}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


_HEADINGS = ("check", "finds", "limit", "if not", "next step")
_RULES = ("---",) * 5


def limit_text(spec: CheckSpec) -> str:
    """Return a check's limit with its direction."""
    if spec.limit is None:
        return prefixed(spec.follows_from)
    if spec.unit == FLAG:
        return "must not be"
    if spec.limit == 0 and not spec.minimum:
        return "none"
    return f"{'at least' if spec.minimum else 'at most'} {measure(spec.limit, spec.unit)}"


def advice_text(spec: CheckSpec) -> str:
    """Return a check's advice; what is filled in when it is given is left open."""
    return re.sub(r"\{\w+\}", "…", spec.advice)
