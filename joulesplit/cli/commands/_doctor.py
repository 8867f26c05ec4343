"""``joulesplit doctor``: what this machine offers, and what to mend."""

from __future__ import annotations

import click

from joulesplit.cli._output import emit, json_option


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> None:
    """Look at this machine without changing it; what needs mending comes with its fix."""
    from joulesplit.cli.diagnosis import examine
    from joulesplit.cli.report.terminal import doctor_page

    diagnosis = examine()
    emit(as_json, diagnosis, lambda: doctor_page(diagnosis))
