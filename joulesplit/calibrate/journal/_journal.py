"""Every finished window on disk at once: append-only lines, each with its own checksum.

Each also has the checksum of the line before, so that none can be missing unseen.

The first line is the header: the plan and all circumstances of the campaign, so that any figure
can be computed again from this file alone. Each run then writes how it began, its windows, and
how it ended; a run that was killed has no ending.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from joulesplit.calibrate.errors import JournalError
from joulesplit.calibrate.journal._conversion import entry_to_store
from joulesplit.calibrate.journal._entries import Entry
from joulesplit.calibrate.journal._lines import journal_line, raw_entries
from joulesplit.calibrate.journal._upgrade import format_of, require_appendable

SUFFIX = ".windows.jsonl"


def journal_beside(profile: Path) -> Path:
    """Return where the windows of a profile are kept, given the profile's own path."""
    return profile.with_name(profile.name.removesuffix(".json") + SUFFIX)


def profile_beside(journal: Path) -> Path:
    """Return the profile that a journal's windows belong to, given the journal's own path."""
    return journal.with_name(f"{journal.name.removesuffix(SUFFIX).removesuffix('.jsonl')}.json")


class Journal:
    """A file that entries are appended to; each is on the disk when ``append`` returns.

    Args:
        path: A new file, its directory must exist; or one to go on with. Also an attribute.
        resume: Go on with an existing file; what a crash left of a last line is cut off.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self._resume = resume
        self._lines: dict[int, bytes] = {}

    def __enter__(self) -> Self:
        """Open the file, for this process alone.

        Raises:
            JournalError: It exists already, cannot be opened, or is being written.
            JournalVersionError: What is there is of another format.
        """
        try:
            self._file = self.path.open("r+b" if self._resume else "xb", buffering=0)
        except FileExistsError:
            raise JournalError(
                f"the journal {self.path} exists already: a campaign is never overwritten; "
                "choose another output file, move it away, or go on with --resume"
            ) from None
        except OSError as error:
            what = "open" if self._resume else "create"
            raise JournalError(f"cannot {what} {self.path}: {error.strerror}") from error
        try:
            self._lock()
            if self._resume:
                self._go_to_end()
        except BaseException:
            self._file.close()
            raise
        return self

    def _go_to_end(self) -> None:
        """Go behind the last whole line; what a crash left of another one is cut off."""
        content = self._file.read()
        self._require_format(content)
        whole = content[: content.rfind(b"\n") + 1]
        self._lines = {len(whole): whole[whole.rfind(b"\n", 0, -1) + 1 :]}
        self._file.seek(len(whole))
        self._file.truncate()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(
                f"another process is writing the journal {self.path}: wait for it to end"
            ) from None

    def _require_format(self, content: bytes) -> None:
        """Check that what is appended is of the format of what is there.

        Raises:
            JournalVersionError: It is not.
        """
        header = next(iter(raw_entries(content)), None)
        if header is not None:
            require_appendable(format_of(header, self.path), self.path)

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self._file.close()

    def append(self, entry: Entry) -> None:
        """Write one entry through to the disk, or nothing of it.

        Raises:
            JournalError: The disk is full, or failed.
        """
        whole_bytes = self._file.tell()
        before = self._lines.get(whole_bytes, b"")
        line = journal_line(msgspec.json.encode(entry_to_store(entry)), before)
        # By where each ends: Ctrl-C may come behind the write, and the line before is this one.
        self._lines = {whole_bytes: before, whole_bytes + len(line): line}
        try:
            self._write(line)
            os.fsync(self._file.fileno())
        except OSError as error:
            self._cut_to(whole_bytes)
            raise JournalError(
                f"cannot write the journal {self.path}: {error.strerror}; what it holds is whole: "
                "make room on its disk"
            ) from error

    def _write(self, content: bytes) -> None:
        # Unbuffered: a buffer would keep what did not fit, and try again when it is closed.
        rest = memoryview(content)
        while rest:
            rest = rest[self._file.write(rest) :]

    def _cut_to(self, whole_bytes: int) -> None:
        """Take back a line that is not whole; a file that would hold none goes."""
        # If not even that can be done, a reader leaves the torn line out.
        with suppress(OSError):
            self._file.truncate(whole_bytes)
            self._file.seek(whole_bytes)
            if whole_bytes == 0:
                self.path.unlink()
