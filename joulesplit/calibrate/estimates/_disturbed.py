"""Upload windows in which the link was another one than in the rest. Pure.

They are told by what the kernel counted, never by their energy: leaving out what costs more would
make a figure of what is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from joulesplit.calibrate.windows import WindowRecord

OTHER_RATE = 1.25
"""A window so many times slower or faster than the median of its subject had another link: a step
of 802.11's rates is 1.1 to 1.5 times, and windows of one rate differ by some per cent."""

STORM_SHARE = 0.05
"""Segments sent again in a window of a disturbed link, and over the median share of its subject:
steady loss is the link's own, and its cost belongs to the bits."""

FEWEST_TO_COMPARE = 3


def disturbance(record: WindowRecord, others: Iterable[WindowRecord]) -> str | None:
    """Return what the link did in a window that it did not do in others; None if nothing.

    Args:
        record: Of uploads.
        others: Of the same subject, the window itself among them or not. A single upload, which
            opens TCP's window, is held against single ones alone.
    """
    told = record.transfers
    if told is None:
        return None
    if told.stalled_s:
        return "outage"
    alone = record.task.repetitions == 1
    alike = [other for other in others if (other.task.repetitions == 1) == alone]
    known = [other for other in alike if other.transfers is not None]
    if len(known) < FEWEST_TO_COMPARE:
        return None
    shares = [other.transfers.retransmitted_share for other in known if other.transfers]
    if told.retransmitted_share > STORM_SHARE + 2 * median(shares):
        return "retransmissions"
    times = [other.airtime_s / other.payload_bits for other in known]
    ratio = record.airtime_s / record.payload_bits / median(times)
    return None if 1 / OTHER_RATE < ratio < OTHER_RATE else "another rate"


def disturbed_uploads(records: Sequence[WindowRecord]) -> dict[int, str]:
    """Return which windows of a campaign had another link, by their place, and why."""
    subjects: dict[str, list[WindowRecord]] = defaultdict(list)
    for record in records:
        if record.task.kind == "upload":
            subjects[record.task.subject].append(record)
    found = {
        place: disturbance(record, subjects[record.task.subject])
        for place, record in enumerate(records)
        if record.task.kind == "upload"
    }
    return {place: why for place, why in found.items() if why is not None}


def undisturbed_uploads(records: Sequence[WindowRecord]) -> list[WindowRecord]:
    """Return the upload windows of one and the same link, in order of time."""
    left_out = disturbed_uploads(records)
    return [
        record
        for place, record in enumerate(records)
        if record.task.kind == "upload" and place not in left_out
    ]
