"""Every finished window on disk at once: append-only lines, each with its own checksum."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from calibrate.errors import JournalError
from calibrate.window import WindowRecord


class _Line(msgspec.Struct, frozen=True):
    crc32: int
    window: msgspec.Raw


class Journal:
    """Appends finished windows to a file; each is on the disk when ``append`` returns.

    Args:
        path: New file; its directory must exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Self:
        """Create the file.

        Raises:
            JournalError: It exists already, or cannot be made.
        """
        try:
            self._file = self._path.open("xb")
        except FileExistsError:
            raise JournalError(
                f"the journal {self._path} exists already: a finished campaign is never "
                "overwritten; choose another output file or move it away"
            ) from None
        except OSError as error:
            raise JournalError(f"cannot create {self._path}: {error.strerror}") from error
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file."""
        self._file.close()

    def append(self, record: WindowRecord) -> None:
        """Write one window through to the disk."""
        window = msgspec.json.encode(record)
        line = msgspec.json.encode(_Line(crc32=zlib.crc32(window), window=msgspec.Raw(window)))
        self._file.write(line + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


def read_journal(path: Path) -> tuple[WindowRecord, ...]:
    """Return the windows of a journal; a last line that was cut off by a crash is left out.

    Raises:
        JournalError: The file cannot be read, or a line before the last is damaged.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise JournalError(f"cannot read the journal {path}: {error.strerror}") from error
    # What follows the last newline is empty, or a line that a crash cut off.
    return tuple(_records(path, lines[:-1]))


def _records(path: Path, lines: list[bytes]) -> Iterator[WindowRecord]:
    for number, text in enumerate(lines, start=1):
        try:
            line = msgspec.json.decode(text, type=_Line)
            if zlib.crc32(line.window) != line.crc32:
                raise msgspec.ValidationError("checksum does not fit")
            yield msgspec.json.decode(line.window, type=WindowRecord)
        except msgspec.DecodeError as error:
            raise JournalError(
                f"line {number} of the journal {path} is damaged: {error}"
            ) from error
