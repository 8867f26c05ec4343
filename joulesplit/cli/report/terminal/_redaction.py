"""What was taken out of a profile, for people: kinds of things, never their content."""

from __future__ import annotations

from collections.abc import Sequence

from joulesplit.calibrate.profile import Removal
from joulesplit.cli.report._sheet import Page, Section, paragraph
from joulesplit.cli.report.tables import Facts


def redaction_page(removals: Sequence[Removal], name: str) -> Page:
    """Return the report on a redacted profile.

    Args:
        removals: What was taken out.
        name: Of the file written.
    """
    body = (
        Facts([(removal.path, removal.what) for removal in removals])
        if removals
        else paragraph("Nothing: there was nothing personal in it.")
    )
    return Page(None, f"Redacted profile {name}", [Section(title="Taken out", body=body)])
