"""One program at a time for each address of an I2C bus, and who else has the bus open.

The claim is a lock on one byte of ``/dev/i2c-N`` per address (fcntl(2), open file description
locks): it goes with the process however that ends, and needs no file that another user could not
write. Programs that know nothing of it are not kept out; the driver notices what they write.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from joulesplit.drivers.errors import BusBusyError

PROCESSES = Path("/proc")
COMMAND_LENGTH = 60
HELPER = "multiprocessing"
"""In the command of a process that another one started to sample for it."""
_FLOCK = "hhqqi"
"""struct flock of fcntl.h with 64-bit offsets: type, whence, start, length, process."""


class BusClaim:
    """A claim to one address of one bus, held until it is released.

    Args:
        number: N of ``/dev/i2c-N``.
        address: 7-bit address.

    Raises:
        BusBusyError: Another program holds it, which is named if this user may see it.
        OSError: The bus cannot be opened.
    """

    def __init__(self, number: int, address: int) -> None:
        self._descriptor: int | None = os.open(f"/dev/i2c-{number}", os.O_RDWR | os.O_CLOEXEC)
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, address, 1, 0)
        try:
            fcntl.fcntl(self._descriptor, fcntl.F_OFD_SETLK, wanted)
        except BlockingIOError:
            holder = _holder(self._descriptor, address)
            self.release()
            raise BusBusyError(
                f"{holder} measures with 0x{address:02X} on I2C bus {number}, and two programs on "
                "one chip spoil each other's readings: wait until that one has ended, or end it",
                bus=number,
                address=address,
            ) from None

    def release(self) -> None:
        """Let go of the address; calling it again does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def bus_users(number: int) -> tuple[str, ...]:
    """Return the other programs that have a bus open, as far as this user may see them."""
    try:
        device = Path(f"/dev/i2c-{number}").stat()
    except OSError:
        return ()
    found = {pid for pid, opened in _openings(device) if opened and pid != os.getpid()}
    return tuple(_program(pid) for pid in sorted(found))


def _holder(descriptor: int, address: int) -> str:
    for pid, opened in _openings(os.fstat(descriptor)):
        if any(_locks(entry, address) for entry in opened):
            return _program(pid)
    return "a program of another user"


def _openings(device: os.stat_result) -> Iterator[tuple[int, list[Path]]]:
    """Yield each process with those of its file descriptors that are this device."""
    for folder in PROCESSES.glob("[0-9]*/fd"):
        with suppress(OSError):  # it has ended, or is another user's
            opened = [entry for entry in folder.iterdir() if _is(entry, device)]
            yield int(folder.parent.name), opened


def _is(entry: Path, device: os.stat_result) -> bool:
    try:
        found = entry.stat()
    except OSError:
        return False
    return (found.st_dev, found.st_ino) == (device.st_dev, device.st_ino)


def _locks(entry: Path, address: int) -> bool:
    """Say whether a file descriptor holds the lock of an address: its fdinfo has a line for each.

    As in ``lock: 1: OFDLCK ADVISORY WRITE -1 00:06:122 64 64``, the range at the end.
    """
    try:
        lines = (entry.parent.parent / "fdinfo" / entry.name).read_text().splitlines()
    except OSError:
        return False
    return any(
        line.startswith("lock:") and line.split()[-2:] == [str(address)] * 2 for line in lines
    )


def _program(pid: int) -> str:
    """Return a program's command and its process id, for people."""
    if pid == os.getpid():
        return "this very program"
    words = _words(pid)
    if any(HELPER in word for word in words) and (parent := _parent(pid)):
        pid, words = parent, _words(parent)
    if len(words) > 1 and "python" in Path(words[0]).name and not words[1].startswith("-"):
        words = [Path(words[1]).name, *words[2:]]
    command = " ".join(" ".join(words).split())
    return f"`{command[:COMMAND_LENGTH]}` (process {pid})" if command else f"process {pid}"


def _words(pid: int) -> list[str]:
    try:
        line = (PROCESSES / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="replace") for word in line.split(b"\0") if word]


def _parent(pid: int) -> int:
    """Return who started a process; 0 if that cannot be seen."""
    try:
        lines = (PROCESSES / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("PPid:")), 0)
