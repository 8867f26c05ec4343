"""A journal's entries of an older format brought to the current one, one format at a time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from joulesplit.calibrate.errors import JournalVersionError
from joulesplit.calibrate.journal._stored_entries import JOURNAL_FORMAT, StoredEntry

EntryStep = Callable[[dict[str, Any]], dict[str, Any]]
"""Takes an entry of one format, with its ``type``, and returns it in the next one."""

ENTRY_UPGRADES: dict[int, EntryStep] = {}
"""From each older format to the next one; there is no older format yet."""


class _Stated(msgspec.Struct, frozen=True):
    format: int | None = None


def format_of(header: bytes, path: Path, *, current: int = JOURNAL_FORMAT) -> int:
    """Return the format that a journal's first entry states.

    Args:
        header: That entry, encoded.
        path: Of the journal, for the message.
        current: The newest format there is.

    Raises:
        JournalVersionError: It states none, or one of a later tool.
        msgspec.DecodeError: It is no entry.
    """
    stated = msgspec.json.decode(header, type=_Stated).format
    if stated is None:
        raise JournalVersionError(
            f"the journal {path} does not say what format it has: use another copy of it"
        )
    if stated > current:
        raise JournalVersionError(
            f"the journal {path} has format {stated}, this tool knows up to {current}: "
            "update joulesplit"
        )
    return stated


def require_appendable(stated: int, path: Path) -> None:
    """Check that entries of today may follow those of a file.

    Raises:
        JournalVersionError: They are of an older format, and one file has one format.
    """
    if stated != JOURNAL_FORMAT:
        raise JournalVersionError(
            f"the journal {path} has format {stated} and this tool writes {JOURNAL_FORMAT}: "
            "finish it with the version that began it, or start a new campaign; its windows give "
            "a profile with --reanalyse"
        )


def entry_of(
    encoded: bytes, stated: int, path: Path, *, steps: Mapping[int, EntryStep] = ENTRY_UPGRADES
) -> StoredEntry:
    """Return an entry in the current format.

    Args:
        encoded: As the file holds it.
        stated: The file's format.
        path: Of the journal, for the message.
        steps: From each older format to the next one.

    Raises:
        JournalVersionError: There is no such format.
        msgspec.DecodeError: It is no entry of it.
    """
    if stated == JOURNAL_FORMAT:
        current: StoredEntry = msgspec.json.decode(encoded, type=StoredEntry)
        return current
    document = msgspec.json.decode(encoded, type=dict[str, Any])
    for number in range(stated, JOURNAL_FORMAT):
        if number not in steps:
            raise JournalVersionError(
                f"the journal {path} has format {stated}, which never existed: use another copy"
            )
        document = steps[number](document)
    if "format" in document:
        document["format"] = JOURNAL_FORMAT
    upgraded: StoredEntry = msgspec.convert(document, StoredEntry)
    return upgraded
