"""``joulesplit config``: what is remembered of the bench, and where each value comes from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.cli._output import emit, json_option

if TYPE_CHECKING:
    from joulesplit.cli._bench import RememberedBench
    from joulesplit.cli.report import Page


@click.group("config")
def command() -> None:
    """Tell what is remembered of your bench."""


@command.command("show")
@click.option("--bench", "name", help="Of several benches this one.")
@json_option
def show(*, name: str | None, as_json: bool) -> None:
    """Show every value that is in force, and where it comes from."""
    from joulesplit.cli._bench import load_bench

    bench = load_bench(Path.cwd(), name=name)
    document = {
        "bench": bench.name,
        "settings": {
            setting.key: {"value": setting.value, "origin": setting.origin}
            for setting in bench.settings.values()
        },
    }
    emit(as_json, document, lambda: _page(bench))


def _page(bench: RememberedBench) -> Page:
    from joulesplit.cli._bench import FILE_NAME, KEYS
    from joulesplit.cli.report import Page, Section, paragraph
    from joulesplit.cli.report.tables import Column, FittingTable

    settings = list(bench.settings.values())
    if not settings:
        body = paragraph(f"Nothing is remembered here: `joulesplit init` writes {FILE_NAME}.")
        return Page(None, "Your bench", [Section(title="Settings", body=body)])
    table = FittingTable(
        [
            Column(header="key", cells=[setting.key for setting in settings]),
            Column(header="value", cells=[str(setting.value) for setting in settings]),
            Column(header="from", cells=[setting.origin for setting in settings]),
            Column(
                header="what it is",
                cells=[KEYS[setting.key].means for setting in settings],
                from_width=100,
            ),
        ]
    )
    title = "Your bench" if bench.name is None else f"Your bench {bench.name}"
    return Page(None, title, [Section(title="Settings", body=table)])
