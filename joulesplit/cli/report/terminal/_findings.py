"""What the doctor found, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from joulesplit.cli._finding import Diagnosis, Finding
from joulesplit.cli.report._sheet import Page, Section
from joulesplit.cli.report.tables import Facts
from joulesplit.cli.report.terminal._tool_endings import doctor_ending
from joulesplit.drivers import SIMULATED_KINDS

STATE_STYLE = {"ok": "green", "info": "dim", "warn": "yellow", "error": "bold red"}


def doctor_page(diagnosis: Diagnosis) -> Page:
    """Return the report on a machine."""
    return Page(
        None,
        "What this machine offers, and what to mend",
        [
            Section(title="Findings", body=_findings(diagnosis.findings)),
            Section(title="Power sources", body=_readiness(diagnosis.ready_for)),
        ],
        ending=doctor_ending(diagnosis),
    )


def _findings(findings: Sequence[Finding]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        state = Text(finding.state, style=STATE_STYLE[finding.state])
        table.add_row(state, finding.name, Text(finding.found))
        if finding.fix:
            table.add_row("", "", Text.assemble(("fix: ", "bold"), finding.fix))
    return Padding(table, (0, 0, 0, 1), expand=False)


def _readiness(ready_for: dict[str, bool]) -> RenderableType:
    def word(kind: str, ready: bool) -> Text:
        if kind in SIMULATED_KINDS:
            return Text("always there, measures nothing", style="dim")
        return Text("ready", style="green") if ready else Text("not here", style="dim")

    return Facts([(f"--sensor {kind}", word(kind, ready)) for kind, ready in ready_for.items()])
