"""The windows of all runs on one clock: the kernel's begins anew with every boot. Pure.

The idle power of a campaign is followed over the times of its windows. Two runs with a boot in
between would lie over each other, and a step between them would pass for scatter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import msgspec

from joulesplit.calibrate.journal._entries import Run, WindowEntry
from joulesplit.calibrate.windows import WindowRecord


def on_one_clock(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Return runs whose times go on from one to the next.

    CLOCK_MONOTONIC counts from the boot, and the boot came after the earlier run had ended. So
    the later run is placed as if the clock had been started at that end: the time in between is
    then too short by what passed until the boot, which nobody knows. Journals of before the boot
    was recorded show one by times that go backwards.

    Args:
        runs: In order of time, as recorded.
    """
    placed: list[Run] = []
    for run in runs:
        offset_ns = 0
        if run.kept:
            started_ns = run.kept[0].window.started_ns
            offset_ns = clock_offset_ns(placed, run.begun.boot_id, started_ns)
        placed.append(_placed(run, offset_ns))
    return tuple(placed)


def clock_offset_ns(before: Sequence[Run], boot_id: str | None, started_ns: int) -> int:
    """Return what to add to the times of a run so that they go on from the runs before, ns.

    Args:
        before: The runs before it, on one clock.
        boot_id: Of the boot that it is timed by; None if unknown.
        started_ns: When its first window began, as timed, ns.
    """
    last = next((run for run in reversed(before) if run.kept), None)
    if last is None:
        return 0
    return _ended_ns(last) if _restarted(last, boot_id, started_ns) else last.clock_offset_ns


def later(record: WindowRecord, offset_ns: int) -> WindowRecord:
    """Return a window that began so much later, ns."""
    rest = record.rest
    if rest is not None and rest.work_ended_ns:
        rest = msgspec.structs.replace(rest, work_ended_ns=rest.work_ended_ns + offset_ns)
    return msgspec.structs.replace(record, started_ns=record.started_ns + offset_ns, rest=rest)


def _restarted(last: Run, boot_id: str | None, started_ns: int) -> bool:
    """Return whether the clock began anew between a run, placed, and one that came after it."""
    earlier = last.begun.boot_id
    if earlier is not None and boot_id is not None:
        return earlier != boot_id
    return started_ns < _ended_ns(last) - last.clock_offset_ns


def _ended_ns(run: Run) -> int:
    last = run.kept[-1].window
    return last.started_ns + round(last.span_s * 1e9)


def _placed(run: Run, offset_ns: int) -> Run:
    kept = tuple(_kept_later(kept, offset_ns) for kept in run.kept)
    return replace(run, kept=kept, clock_offset_ns=offset_ns)


def _kept_later(kept: WindowEntry, offset_ns: int) -> WindowEntry:
    return msgspec.structs.replace(kept, window=later(kept.window, offset_ns))
