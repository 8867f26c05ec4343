"""What is kept of a campaign that an error broke off, and how it goes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from joulesplit.calibrate.campaign import profile_from_journal
from joulesplit.calibrate.errors import (
    CalibrationError,
    JournalError,
    OtherCampaignError,
    WiringError,
)
from joulesplit.calibrate.journal import read_journal
from joulesplit.calibrate.profile import StoredProfile, save_profile
from joulesplit.cli._output import note

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import JournalFile


def keep_what_there_is(
    error: Exception, file: JournalFile, output: Path, *, resumable: bool = True
) -> None:
    """Write the profile that the windows give, if they do, and say in the error how to go on.

    Only where going on can help: not before the first window, not after the last one, nor with a
    wrongly wired sensor or the journal of another campaign.

    Args:
        error: What broke the campaign off; its message grows.
        file: Where the campaign is kept.
        output: The profile to write.
        resumable: The command can go on with the windows; else only where they are is said.
    """
    if not file.opened or isinstance(error, OtherCampaignError | WiringError):
        return
    try:
        contents = read_journal(file.path)
    except JournalError:
        # What broke it off is the news, not what has become of its journal.
        return
    if contents.finished or not contents.records:
        return
    with suppress(CalibrationError):
        save_profile(output, StoredProfile(profile=profile_from_journal(contents)))
        note(f"{wrote(output, file.path)}; it is marked as cut short")
    where = f": {going_on(file.path)}" if resumable else f" in {file.path}"
    kept = f"{len(contents.records)} windows are kept{where}"
    # The whole message is the first argument, whichever error of ours it is.
    error.args = (f"{error}; {kept}", *error.args[1:])


def going_on(journal: Path) -> str:
    """Return how a campaign goes on."""
    return f"the same command with --resume {journal} goes on"


def wrote(output: Path, journal: Path) -> str:
    """Return where a profile and its windows are."""
    return f"wrote {output}; its windows are in {journal}"
