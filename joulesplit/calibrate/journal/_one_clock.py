"""The windows of all runs on one clock: the kernel's begins anew with every boot. Pure.

The idle power of a campaign is followed over the times of its windows. Two runs with a boot in
between would lie over each other, and a step between them would pass for scatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from joulesplit.calibrate.journal._entries import Kept, Run


def on_one_clock(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return runs whose times go on from one to the next.

    CLOCK_MONOTONIC counts from the boot, and the boot came after the earlier run had ended. So
    the later run is placed as if the clock had been started at that end: the time in between is
    then too short by what passed until the boot, which nobody knows. Journals of before the boot
    was recorded show one by times that go backwards.

    Args:
        runs: In order of time, as recorded.
    """
    shifted: list[Run] = []
    before: Run | None = None
    offset_ns = 0
    for run in runs:
        if before is not None and run.kept and _clock_restarted(before, run):
            offset_ns += _ended_ns(before)
        if run.kept:
            before = run
        shifted.append(_shifted(run, offset_ns))
    return tuple(shifted)


def _clock_restarted(before: Run, run: Run) -> bool:
    earlier, later = before.begun.boot_id, run.begun.boot_id
    if earlier is not None and later is not None:
        return earlier != later
    return run.kept[0].window.started_ns < _ended_ns(before)


def _ended_ns(run: Run) -> int:
    last = run.kept[-1].window
    return last.started_ns + round(last.span_s * 1e9)


def _shifted(run: Run, offset_ns: int) -> Run:
    return replace(run, kept=tuple(_later(kept, offset_ns) for kept in run.kept))


def _later(kept: Kept, offset_ns: int) -> Kept:
    window = msgspec.structs.replace(kept.window, started_ns=kept.window.started_ns + offset_ns)
    return msgspec.structs.replace(kept, window=window)
