"""Who is at the keyboard: behind ``sudo``, the person who typed it, not root."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


def person_behind_sudo(environment: Mapping[str, str] = os.environ) -> pwd.struct_passwd | None:
    """Return who called ``sudo``; None if this is no root's process, or root's own.

    Args:
        environment: Of the process: sudo(8) leaves the caller's number in ``SUDO_UID``.
    """
    number = environment.get("SUDO_UID", "")
    if os.geteuid() != 0 or not number.isdecimal() or int(number) == 0:
        return None
    try:
        return pwd.getpwuid(int(number))
    except KeyError:
        return None


def home_of_person(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the home of the person: records and states are there, with ``sudo`` or without."""
    person = person_behind_sudo(environment)
    return Path.home() if person is None else Path(person.pw_dir)


@contextmanager
def hand_over(directory: Path) -> Iterator[None]:
    """Give what is made in a directory meanwhile, and the directory if it is new, to the person.

    Root's files in a person's home would be out of that person's reach. Without ``sudo``, or
    outside the home, everything stays whose it is.

    Args:
        directory: Need not be there yet.
    """
    person = person_behind_sudo()
    if person is None or not directory.is_relative_to(person.pw_dir):
        yield
        return
    before = _files(directory)
    new = [path for path in (directory, *directory.parents) if not path.exists()]
    yield
    for path in (*new, *(path for path, _ in _files(directory) - before)):
        os.chown(path, person.pw_uid, person.pw_gid, follow_symlinks=False)


def _files(directory: Path) -> set[tuple[Path, int]]:
    """Return the files in a directory; one that was replaced has another inode."""
    return {(path, path.lstat().st_ino) for path in directory.glob("*")}
