"""What other programs take of the processors between two moments, and which they are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from joulesplit.calibrate.environment._conditions import (
    BUSY_COLUMNS,
    COUNTED_COLUMNS,
    STIME,
    UTIME,
)
from joulesplit.calibrate.environment._machine import Machine

PARENT = 1
"""Column of ``/proc/PID/stat`` behind the command's name, from 0 (proc(5): field 4)."""

NAMED_AT_MOST = 3
"""So many programs are named, the busiest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignLoad:
    """What other programs took of the processors.

    Attributes:
        share: Of all processors' time (0 to 1).
        programs: Names of the busiest and their shares; programs that have ended since are in
            ``share`` and not here.
    """

    share: float
    programs: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        """Return share and programs in words."""
        named = ", ".join(f"{name} {share:.0%}" for name, share in self.programs)
        return f"{self.share:.0%} of the processors" + (f" ({named})" if named else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Process:
    name: str
    parent: int
    ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    capacity_ticks: int
    busy_ticks: int
    processes: Mapping[int, _Process]


class LoadWatch:
    """A look at what programs other than those that measure take of the processors.

    Args:
        machine: Where to read it.
        own: The measuring processes; what they start is theirs too. None for this one.
    """

    def __init__(self, machine: Machine, own: Collection[int] | None = None) -> None:
        self._machine = machine
        self._own = frozenset((os.getpid(),) if own is None else own)
        self._before: _Moment | None = None

    def begin(self) -> None:
        """Watch from now on."""
        self._before = self._moment()

    def since(self) -> ForeignLoad | None:
        """Return what others took since ``begin``; None where the system does not tell."""
        before, after = self._before, self._moment()
        if before is None or after is None:
            return None
        capacity = after.capacity_ticks - before.capacity_ticks
        if capacity <= 0:
            return None
        own, foreign = self._grown(before.processes, after.processes)
        busy = after.busy_ticks - before.busy_ticks
        share = max(0.0, (busy - own) / capacity)
        named = [(name, ticks / capacity) for name, ticks in foreign.most_common(NAMED_AT_MOST)]
        return ForeignLoad(share=share, programs=tuple(item for item in named if item[1] >= 0.01))

    def _grown(
        self, before: Mapping[int, _Process], after: Mapping[int, _Process]
    ) -> tuple[int, Counter[str]]:
        """Return what our own processes were charged, and what others were, by name, in ticks."""
        own, foreign = 0, Counter[str]()
        family = _family(after, self._own)
        for number, process in after.items():
            known = before.get(number)
            ticks = process.ticks - (known.ticks if known else 0)
            if number in family:
                own += ticks
            elif ticks > 0:
                foreign[process.name] += ticks
        return own, foreign

    def _moment(self) -> _Moment | None:
        fields = (self._machine.text("proc/stat") or "").partition("\n")[0].split()
        if len(fields) < COUNTED_COLUMNS + 1:
            return None
        ticks = [int(field) for field in fields[1 : COUNTED_COLUMNS + 1]]
        return _Moment(
            capacity_ticks=sum(ticks),
            busy_ticks=sum(ticks[column] for column in BUSY_COLUMNS),
            processes=self._processes(),
        )

    def _processes(self) -> dict[int, _Process]:
        try:
            names = [path.name for path in (self._machine.root / "proc").iterdir()]
        except OSError:
            return {}
        found = ((int(name), self._process(name)) for name in names if name.isdecimal())
        return {number: process for number, process in found if process is not None}

    def _process(self, number: str) -> _Process | None:
        text = self._machine.text(f"proc/{number}/stat")
        if not text:
            return None
        # The command's name may hold spaces and brackets: it ends with the last bracket.
        start, _, rest = text.rpartition(")")
        fields = rest.split()
        return _Process(
            # A program may call itself anything, line breaks and all; it is told in a line.
            name=" ".join(start.partition("(")[2].split()),
            parent=int(fields[PARENT]),
            ticks=int(fields[UTIME]) + int(fields[STIME]),
        )


def _family(processes: Mapping[int, _Process], own: Collection[int]) -> set[int]:
    """Return our own processes and all that they started."""
    family = set(own)
    waiting = [number for number in processes if number not in family]
    while joined := [n for n in waiting if processes[n].parent in family]:
        family.update(joined)
        waiting = [number for number in waiting if number not in family]
    return family
