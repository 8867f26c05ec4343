"""Whether others took the processors, or memory was short, while windows were measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.estimates import RESTED
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.windows import WindowRecord

SPOILT_SHARE = 0.2
"""Share of all processors that others may take in a window before it is run again: a program that
keeps one of four processors busy takes 0.25. Kernel ticks of 10 ms tell a window of half a second
to some 0.05."""

SPOILT_REST_SHARE = 0.01
"""Share of all processors, beyond the usual, that others may take in a rest before it is done
again: a program that keeps one of four processors busy for 0.6 s of 16."""

SPOILT_WINDOWS = CheckSpec(
    name="spoilt-windows",
    finds=f"share of the windows in which other programs took more than {SPOILT_SHARE:.0%} of the "
    "processors, even when run again",
    unit="1",
    limit=0.05,
    advice="other programs ran in {spoilt} of {windows} windows ({example}): stop them, `top` "
    "shows what runs, and measure again",
)

SPOILT_RESTS = CheckSpec(
    name="spoilt-rests",
    finds="kinds of work of which every rest was given up, because other programs ran in it",
    unit="1",
    limit=0,
    advice="other programs ran in every rest after {kind}, so that what it draws seconds later is "
    "in no interval: stop them, `top` shows what runs, and measure again",
)

PAGE_S = 1e-3
"""About what a page takes an SD card, s."""

PAGED_SHARE = 0.01
"""Share of a window's work that pages may take before the window counts as one in which memory was
short."""

PAGING = CheckSpec(
    name="paging",
    finds="share of the windows in which pages of memory were swapped, or waited for from a disk, "
    f"for more than {PAGED_SHARE:.0%} of the work, at {PAGE_S * 1e3:.0f} ms each",
    unit="1",
    limit=0.05,
    advice="memory was short in {spoilt} of {windows} windows ({example}): what waits for a disk "
    "is no work of the network's; stop other programs, or take a smaller plan or network",
)


def spoilt_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether other programs spoilt windows or rests, or memory that was short did."""
    yield from _spoilt_windows(evidence)
    yield from _spoilt_rests(evidence.records)
    yield from _paging(evidence.records)


def _paging(records: Sequence[WindowRecord]) -> Iterator[Check]:
    known = [record for record in records if record.paging is not None]
    if not known:
        return
    paged = sum(_paged_share(record) > PAGED_SHARE for record in known)
    worst = max(known, key=_paged_share)
    example = f"{window_words(worst, records)}: {worst.paging} pages"
    # A file that is read for the first time makes one window wait, whatever memory there is.
    yield PAGING.judge(paged / len(known), spoilt=paged, windows=len(known), example=example)


def _paged_share(record: WindowRecord) -> float:
    """Return what pages took of a window's work, about."""
    return (record.paging or 0) * PAGE_S / record.work_s


def _spoilt_rests(records: Sequence[WindowRecord]) -> Iterator[Check]:
    own = {work: [r for r in records if r.task.kind in kinds] for work, kinds in RESTED.items()}
    rested = {work: of for work, of in own.items() if any(r.rest or r.spoilt_rests for r in of)}
    if rested:
        unseen = [work for work, of in rested.items() if not any(r.rest for r in of)]
        yield SPOILT_RESTS.judge(len(unseen), kind=" and ".join(unseen))


def _spoilt_windows(evidence: Evidence) -> Iterator[Check]:
    """Return whether others spoilt windows; nothing where the system does not tell."""
    known = [record for record in evidence.records if record.foreign_cpu is not None]
    if not known:
        return
    spoilt = [record for record in known if (record.foreign_cpu or 0.0) > SPOILT_SHARE]
    worst = max(known, key=lambda record: record.foreign_cpu or 0.0)
    yield SPOILT_WINDOWS.judge(
        len(spoilt) / len(known),
        spoilt=len(spoilt),
        windows=len(known),
        example=window_words(worst, evidence.records),
    )


def window_words(record: WindowRecord, records: Sequence[WindowRecord]) -> str:
    """Return which window it is, when it began, and what else ran.

    Args:
        record: The window.
        records: All of the campaign, in order of time.
    """
    after_s = (record.started_ns - records[0].started_ns) * 1e-9
    words = f"{record.task.subject} at {after_s:.0f} s"
    if record.foreign_cpu is None:
        return words
    programs = record.foreign_programs or f"others {record.foreign_cpu:.0%}"
    return f"{words}, beside {programs}" if record.foreign_cpu >= 0.01 else words
