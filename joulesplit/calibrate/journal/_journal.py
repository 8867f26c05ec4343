"""Every finished window on disk at once: append-only lines, each with its own checksum.

The first line is the header: the plan and all circumstances of the campaign, so that any figure
can be computed again from this file alone. Each run then writes how it began, its windows, and
how it ended; a run that was killed has no ending.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from joulesplit.calibrate.journal._entries import Begun, Ended, Entry, Header, Kept, Run
from joulesplit.calibrate.journal._lines import Line, journal_line, windows_sha256
from joulesplit.calibrate.journal._one_clock import on_one_clock
from joulesplit.calibrate.campaign import Plan
from joulesplit.calibrate.campaign import Start
from joulesplit.calibrate.errors import JournalError
from joulesplit.calibrate._files import JOURNAL_START
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord

__all__ = [
    "Begun",
    "Ended",
    "Header",
    "Journal",
    "JournalContents",
    "Kept",
    "Run",
    "journal_beside",
    "profile_beside",
    "read_journal",
]

SUFFIX = ".windows.jsonl"


def journal_beside(profile: Path) -> Path:
    """Return where the windows of a profile are kept, given the profile's own path."""
    return profile.with_name(profile.name.removesuffix(".json") + SUFFIX)


def profile_beside(journal: Path) -> Path:
    """Return the profile that a journal's windows belong to, given the journal's own path."""
    return journal.with_name(f"{journal.name.removesuffix(SUFFIX).removesuffix('.jsonl')}.json")


class Journal:
    """Appends entries to a file; each is on the disk when ``append`` returns.

    Args:
        path: A new file, its directory must exist; or one to go on with. Also an attribute.
        resume: Go on with an existing file; what a crash left of a last line is cut off.
    """

    def __init__(self, path: Path, *, resume: bool = False) -> None:
        self.path = path
        self._resume = resume

    def __enter__(self) -> Self:
        """Open the file, for this process alone.

        Raises:
            JournalError: It exists already, cannot be opened, or is being written.
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
        self._lock()
        if self._resume:
            content = self._file.read()
            self._file.seek(content.rfind(b"\n") + 1)
            self._file.truncate()
        return self

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise JournalError(
                f"another process is writing the journal {self.path}: wait for it to end"
            ) from None

    def __exit__(self, *exception: object) -> None:
        """Close the file."""
        self._file.close()

    def append(self, entry: Entry) -> None:
        """Write one entry through to the disk, or nothing of it.

        Raises:
            JournalError: The disk is full, or failed.
        """
        line = journal_line(msgspec.json.encode(entry))
        whole_bytes = self._file.tell()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContents:
    """What a journal holds.

    Attributes:
        header: Of the campaign.
        runs: In order of time.
        windows_sha256: Of the windows as the file holds them, see ``CampaignRecord``; empty for
            contents that are of no file.
    """

    header: Header
    runs: tuple[Run, ...]
    windows_sha256: str = ""

    @property
    def records(self) -> tuple[WindowRecord, ...]:
        """Every window, in order."""
        return tuple(kept.window for run in self.runs for kept in run.kept)

    @property
    def start(self) -> Start | None:
        """How the first run began; None if there was none."""
        return self.runs[0].begun.start if self.runs else None

    @property
    def plan(self) -> Plan:
        """What the last run kept to."""
        return self.plan_after(len(self.records))

    def plan_after(self, windows: int) -> Plan:
        """Return what the run kept to that looked at the campaign after so many windows."""
        plan, done = self.header.plan, 0
        for run in self.runs:
            if done > windows:
                break
            plan = run.begun.plan or self.header.plan
            done += len(run.kept)
        return plan

    @property
    def warm(self) -> bool:
        """The device was warm at the beginning of every run."""
        return all(run.begun.start.warm_up.warm for run in self.runs)

    @property
    def ended(self) -> Ended | None:
        """How the last run ended; None if it was killed."""
        return self.runs[-1].ended if self.runs else None

    @property
    def finished(self) -> bool:
        """The stop rule has had its last word: there is nothing left to measure."""
        return self.ended is not None and self.ended.opinion is not None

    @property
    def sampling(self) -> SamplerStatistics:
        """How the samplers of all runs fared; each counts from the beginning of its own run."""
        last = [run.kept[-1].sampling for run in self.runs if run.kept]
        peaks_a = [one.peak_a for one in last if one.peak_a is not None]
        shares = [one.cpu_fraction for one in last if one.cpu_fraction is not None]
        return SamplerStatistics(
            readings=sum(one.readings for one in last),
            lost=sum(one.lost for one in last),
            clipped=sum(one.clipped for one in last),
            resets=sum(one.resets for one in last),
            clock_steps=sum(one.clock_steps for one in last),
            stuck=sum(one.stuck for one in last),
            cpu_fraction=max(shares) if shares else None,
            doubtful=sum(one.doubtful for one in last),
            peak_a=max(peaks_a) if peaks_a else None,
        )


def read_journal(path: Path) -> JournalContents:
    """Return what a journal holds; a last line that was cut off by a crash is left out.

    The times of all windows are on one clock, see ``on_one_clock``.

    Raises:
        JournalError: The file cannot be read, is no journal, or a line before the last is
            damaged.
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
    kept: list[Kept] = []
    ended: Ended | None = None
    for entry in entries:
        if isinstance(entry, Begun):
            if begun is not None:
                yield Run(begun=begun, kept=tuple(kept), ended=ended)
            begun, kept, ended = entry, [], None
        elif begun is None or ended is not None or isinstance(entry, Header):
            raise JournalError(f"the journal {path} is out of order; use another copy of it")
        elif isinstance(entry, Kept):
            kept.append(entry)
        else:
            ended = entry
    if begun is not None:
        yield Run(begun=begun, kept=tuple(kept), ended=ended)


def _entries(path: Path, lines: list[bytes]) -> Iterator[Entry]:
    for number, text in enumerate(lines, start=1):
        try:
            line = msgspec.json.decode(text, type=Line)
            if zlib.crc32(line.entry) != line.crc32:
                raise msgspec.ValidationError("checksum does not fit")
            yield msgspec.json.decode(line.entry, type=Entry)
        except msgspec.DecodeError as error:
            raise JournalError(
                f"line {number} of the journal {path} is damaged: {error}; use another copy of it, "
                "or keep the lines before it and go on with --resume"
            ) from error
