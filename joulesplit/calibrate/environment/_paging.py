"""Whether memory was short between two moments: pages swapped, or waited for from a disk."""

from __future__ import annotations

import os
from collections.abc import Collection

from joulesplit.calibrate.environment._conditions import family
from joulesplit.calibrate.environment._machine import Machine

MAJOR_FAULTS = 9
"""Column of ``/proc/PID/stat`` behind the command's name, from 0 (proc(5): field 12)."""

SWAP_COUNTERS = frozenset({"pswpin", "pswpout"})
"""Lines of ``/proc/vmstat``, in pages, since the boot."""


class PagingWatch:
    """A look at what memory that is short makes of the time between two moments.

    Args:
        machine: Where to read it.
        own: The measuring processes; what they start is theirs too. None for this one.
    """

    def __init__(self, machine: Machine, own: Collection[int] | None = None) -> None:
        self._machine = machine
        self._own = frozenset((os.getpid(),) if own is None else own)
        self._before: tuple[int, int] | None = None

    def begin(self) -> None:
        """Watch from now on."""
        self._before = self._moment()

    def since(self) -> int | None:
        """Return the pages since ``begin``; None where the system does not tell.

        Counted are those that the system swapped in or out, whosoever they were, and those that
        our own processes waited for from a disk.
        """
        before, after = self._before, self._moment()
        if before is None or after is None:
            return None
        # What a process of ours waited for that has ended is not counted any more.
        return sum(max(0, now - then) for now, then in zip(after, before, strict=True))

    def _moment(self) -> tuple[int, int] | None:
        rows = [row.split() for row in (self._machine.text("proc/vmstat") or "").splitlines()]
        swapped = [int(row[1]) for row in rows if row[0] in SWAP_COUNTERS]
        if not rows:
            return None
        processes = family(self._machine, self._own)
        return sum(swapped), sum(self._waited_for(process) for process in processes)

    def _waited_for(self, process: int) -> int:
        text = self._machine.text(f"proc/{process}/stat")
        # The command's name may hold spaces and brackets: it ends with the last bracket.
        return int(text.rpartition(")")[2].split()[MAJOR_FAULTS]) if text else 0
