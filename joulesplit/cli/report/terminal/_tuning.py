"""What the machine is set to, and what can be set back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType

from joulesplit.cli.report._sheet import Page, Section, paragraph
from joulesplit.cli.report.tables import Column, Facts, FittingTable
from joulesplit.cli.report.terminal._tool_endings import tuning_ending


def tuning_page(document: Mapping[str, Any]) -> Page:
    """Return the report on a machine's settings.

    Args:
        document: As ``joulesplit tune --json`` prints it.
    """
    sections = [Section(title="Set now", body=_present(document["settings"]))]
    if document["restored"] is not None:
        sections.append(Section(title="Set back", body=_restored(document["restored"])))
    waiting = _waiting(document["to_restore"], owner_runs=document["owner_runs"])
    sections.append(Section(title="To set back", body=waiting))
    ending = tuning_ending(document)
    return Page(None, "Governor and Wi-Fi power save", sections, ending=ending)


def _present(settings: Mapping[str, Mapping[str, str | None]]) -> RenderableType:
    rows = [
        (f"{target} of {name}", value or "unknown")
        for target, found in settings.items()
        for name, value in found.items()
    ]
    if not rows:
        return paragraph("This system shows neither a frequency governor nor a radio.")
    return Facts(rows)


def _restored(restored: Mapping[str, Any]) -> RenderableType:
    if restored["rebooted"]:
        return paragraph("The machine was started again since: nothing was left to set back.")
    rows = [
        (f"{item['target']} of {item['name']}", f"{item['after']} → {item['before']}")
        for item in restored["settings"]
    ]
    rows += [
        (f"{item['target']} of {item['name']}", "left: set otherwise since, by somebody else")
        for item in restored["left"]
    ]
    return Facts(rows) if rows else paragraph("Nothing was to be set back.")


def _waiting(state: Mapping[str, Any] | None, *, owner_runs: bool) -> RenderableType:
    if state is None:
        return paragraph("Nothing.")
    items: Sequence[Mapping[str, str]] = state["settings"]
    return FittingTable(
        [
            Column(header="", cells=[f"{item['target']} of {item['name']}" for item in items]),
            Column(header="was", cells=[item["before"] for item in items]),
            Column(header="set to", cells=[item["after"] for item in items]),
            Column(
                header="set back by",
                cells=[_by(state["owner"] if owner_runs else None)] * len(items),
                from_width=76,
            ),
        ]
    )


def _by(owner: Mapping[str, Any] | None) -> str:
    return "joulesplit tune --restore" if owner is None else f"process {owner['process']}"
