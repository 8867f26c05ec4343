"""A journal read from its file: every line checked, of whatever format it is."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from joulesplit.calibrate._files import JOURNAL_START
from joulesplit.calibrate.errors import JournalError, PlanError
from joulesplit.calibrate.journal._contents import JournalContents
from joulesplit.calibrate.journal._conversion import entry_read
from joulesplit.calibrate.journal._entries import Begun, Ended, Entry, Header, Run, WindowEntry
from joulesplit.calibrate.journal._journal import SUFFIX
from joulesplit.calibrate.journal._lines import RawLine, checksum_of_line, windows_sha256
from joulesplit.calibrate.journal._one_clock import on_one_clock
from joulesplit.calibrate.journal._upgrade import entry_of, format_of


def read_journal(path: Path) -> JournalContents:
    """Return what a journal holds; a last line that was cut off by a crash is left out.

    The times of all windows are on one clock, see ``on_one_clock``.

    Raises:
        JournalError: The file cannot be read, is no journal, or a line before the last is
            damaged.
        JournalVersionError: It is of a format that this tool does not know.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(
            f"cannot read the journal {path}: {error.strerror}; it is the *{SUFFIX} beside the "
            "profile"
        ) from error
    if not content.startswith(JOURNAL_START):
        raise JournalError(
            f"{path} is not the journal of a campaign: give the *{SUFFIX} beside the profile"
        )
    # What follows the last newline is empty, or a line that a crash cut off.
    entries = list(_entries(path, content.split(b"\n")[:-1]))
    if not entries or not isinstance(entries[0], Header):
        raise JournalError(
            f"the journal {path} has no header, so nothing was measured: start a new campaign"
        )
    runs = tuple(_runs(path, entries[1:]))
    return JournalContents(
        header=entries[0], runs=on_one_clock(runs), windows_sha256=windows_sha256(content)
    )


def _runs(path: Path, entries: Iterable[Entry]) -> Iterator[Run]:
    begun: Begun | None = None
    kept: list[WindowEntry] = []
    ended: Ended | None = None
    for entry in entries:
        if isinstance(entry, Begun):
            if begun is not None:
                yield Run(begun=begun, kept=tuple(kept), ended=ended)
            begun, kept, ended = entry, [], None
        elif begun is None or ended is not None or isinstance(entry, Header):
            raise JournalError(f"the journal {path} is out of order; use another copy of it")
        elif isinstance(entry, WindowEntry):
            if kept and entry.window.started_ns <= kept[-1].window.started_ns:
                raise JournalError(
                    f"the journal {path} holds a window twice, or its windows out of order: window "
                    f"{len(kept) + 1} of a run begins no later than the one before; use another "
                    "copy of it"
                )
            kept.append(entry)
        else:
            ended = entry
    if begun is not None:
        yield Run(begun=begun, kept=tuple(kept), ended=ended)


def _checked_lines(path: Path, lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the encoded entry of each line; a damaged or missing one is an error."""
    before = b""
    for number, text in enumerate(lines, start=1):
        with _damage_said(path, number):
            line = msgspec.json.decode(text, type=RawLine)
            if zlib.crc32(line.entry) != line.crc32:
                raise msgspec.ValidationError("checksum does not fit")
        if line.after is not None and line.after != checksum_of_line(before):
            raise JournalError(
                f"before line {number} of the journal {path} a line is missing, "
                "stands twice or elsewhere: use another copy of it, "
                f"or keep the first {number - 1} lines and go on with --resume"
            )
        before = text
        yield number, bytes(line.entry)


def _entries(path: Path, lines: list[bytes]) -> Iterator[Entry]:
    stated: int | None = None
    for number, encoded in _checked_lines(path, lines):
        with _damage_said(path, number):
            if stated is None:
                stated = format_of(encoded, path)
            yield entry_read(entry_of(encoded, stated, path))


@contextmanager
def _damage_said(path: Path, number: int) -> Iterator[None]:
    """Say which line cannot be read, and what to do.

    Raises:
        JournalError: In place of whatever is wrong with it.
    """
    try:
        yield
    except (msgspec.DecodeError, PlanError) as error:
        raise JournalError(
            f"line {number} of the journal {path} is damaged: {error}; use another copy of it, "
            "or keep the lines before it and go on with --resume"
        ) from error
