"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from joulesplit.calibrate.errors import CalibrationError

JOURNAL_START = b'{"crc32":'
"""How a journal of windows begins, to tell it from a profile."""


class OutputError(CalibrationError, OSError):
    """A result could not be written."""

    def __str__(self) -> str:
        return str(self.args[0])


def is_journal(path: Path) -> bool:
    """Say whether a file begins as a journal does; one that cannot be read is none."""
    try:
        with path.open("rb") as file:
            return file.read(len(JOURNAL_START)) == JOURNAL_START
    except OSError:
        return False


def require_writable(path: Path) -> None:
    """Find out before long work that its result could not be written.

    Raises:
        OutputError: The directory is missing, or not one to write to.
    """
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write {path}: choose a directory that is there and writable")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old one or the new one, never a part.

    Raises:
        OutputError: The directory is missing, full or not writable.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}; choose a directory you may write to"
        ) from error
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
