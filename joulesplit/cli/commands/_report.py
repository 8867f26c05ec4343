"""``joulesplit report``: a profile for people, or as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from joulesplit.cli._errors import CommandError
from joulesplit.cli._output import emit, html_option, json_option, note, write_page

if TYPE_CHECKING:
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.calibrate.windows import WindowRecord


@click.command("report")
@click.argument("profile", type=click.Path(path_type=Path))
@html_option
@click.option(
    "--windows",
    metavar="JOURNAL",
    type=click.Path(path_type=Path),
    help="Windows the profile rests on, for the plots; default: those beside it, if any.",
)
@json_option
def command(*, profile: Path, html: Path | None, windows: Path | None, as_json: bool) -> None:
    """Show a device PROFILE: its figures, what they rest on, and whether to believe them.

    With --json the object is the profile itself, unknown fields included.
    """
    import msgspec

    from joulesplit.calibrate.checks import examined
    from joulesplit.calibrate.profile import load_profile, profile_bytes
    from joulesplit.cli.report.terminal import profile_ending, profile_page

    if windows is not None and html is None:
        raise click.UsageError("--windows goes with --html: only its plots show windows")
    stored = load_profile(profile)
    judged = examined(stored.profile)
    if html is not None:
        from joulesplit.cli.report.pages import profile_document

        records = _records(stored.profile, profile, windows)
        write_page(html, profile_document(judged, profile.name, records))
    emit(
        as_json,
        msgspec.Raw(msgspec.json.format(profile_bytes(stored), indent=-1)),
        lambda: profile_page(judged, profile.name, ending=profile_ending(judged, path=profile)),
    )


def _records(profile: DeviceProfile, path: Path, windows: Path | None) -> tuple[WindowRecord, ...]:
    """Return the windows to draw: those asked for, or the profile's own where they lie beside it.

    Raises:
        JournalError: The journal cannot be read.
        CommandError: What was asked for is of another campaign.
    """
    from joulesplit.calibrate.journal import journal_beside, read_journal

    journal = windows or journal_beside(path)
    if windows is None and not journal.exists():
        return ()
    contents = read_journal(journal)
    if contents.header.around.created == profile.created:
        return contents.records
    if windows is None:
        note(f"{journal} is of another campaign than {path}: its windows are not drawn")
        return ()
    raise CommandError(
        f"{journal} holds the windows of a campaign of {contents.header.around.created}, "
        f"{path} is of {profile.created}: give the journal that was written with it"
    )
