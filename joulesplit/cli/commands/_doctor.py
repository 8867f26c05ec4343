"""``joulesplit doctor``: what this machine offers, and what to mend."""

from __future__ import annotations

from pathlib import Path

import click

from joulesplit.cli._options import optional_model_argument
from joulesplit.cli._output import emit, json_option


@click.command("doctor")
@optional_model_argument
@json_option
def command(*, model: Path | None, as_json: bool) -> None:
    """Look at this machine without changing it; what needs mending comes with its fix.

    With MODEL it says what measuring this network takes of the memory, else of the bundled one.
    """
    from joulesplit.cli.diagnosis import examine
    from joulesplit.cli.report.terminal import doctor_page
    from joulesplit.partition.reading import read_network

    diagnosis = examine(None if model is None else read_network(model))
    emit(as_json, diagnosis, lambda: doctor_page(diagnosis))
