"""How long a campaign takes, told before anything has been timed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

from joulesplit.calibrate.campaign._alone import pauses_s
from joulesplit.calibrate.campaign._bench import PILOT_LONG_S, PILOT_S
from joulesplit.calibrate.campaign._plan import UNLIMITED, Plan
from joulesplit.calibrate.campaign._quiet import WATCHED_WINDOWS, longest_wait_s
from joulesplit.calibrate.campaign._schedule import (
    GROWTH,
    ROUND_MARGIN,
    distinct_repetitions,
    head_blocks,
    require_countable,
    rest_s,
    rests_of,
)
from joulesplit.calibrate.campaign._transfer_plan import (
    UploadSubject,
    download_subjects,
    stream_length,
    upload_subjects,
    window_lengths_s,
)
from joulesplit.calibrate.campaign._watch import watched_of, watched_s
from joulesplit.partition import Block

if TYPE_CHECKING:
    from joulesplit.edge import LinkProbe

PILOT_TRANSFERS = 4
"""A slow transfer is timed so often before the first window: twice until it is warm, and twice in
one run that tells what a run takes once; one of ``PILOT_LONG_S`` is not run further."""


def announced_duration_s(
    plan: Plan,
    blocks: Sequence[Block],
    sizes_bits: Sequence[int],
    *,
    phases: int = 0,
    link: LinkProbe | None = None,
) -> float:
    """Return how long one round of a plan will take at least, s, before anything has been timed.

    Args:
        plan: The plan.
        blocks: Of the network.
        sizes_bits: Sizes of what crosses at the cuts, bit.
        phases: How many steps are measured apart, at the shortest and the longest work.
        link: What the probe found, taken for both ways; None for a link that carries every rate
            at once, which is the least that a plan takes.

    Raises:
        PlanError: There are more than ``MOST_WINDOWS``.
    """
    ran = (len(blocks) + _head_count(plan, blocks)) * plan.repeats
    runs = ran * len(plan.work_s) + 2 * phases * plan.repeats
    run_s = ran * sum(plan.work_s)
    run_s += phases * (min(plan.work_s) + max(plan.work_s)) * plan.repeats
    uploads = upload_subjects(plan, sizes_bits)
    downloads = download_subjects(plan, uploads) if plan.downloads else ()
    lengths = [window_lengths_s(plan, upload, _transfer_s(upload, link)) for upload in uploads]
    lengths += [plan.upload_lengths_s] * len(downloads)
    sent = plan.repeats * sum(len(lengths_s) for lengths_s in lengths)
    require_countable(plan, runs + sent)
    control_s = sorted(plan.work_s)[len(plan.work_s) // 2]
    controls = 1 + (runs + sent) // plan.control_every
    around_s = 2 * plan.timing.idle_s
    ran_s = run_s + runs * (around_s + plan.timing.settle_s)
    ran_s += controls * (control_s + around_s + plan.timing.settle_s)
    alone = plan.repeats * sum(_alone(plan, upload, link) for upload in uploads)
    return (
        _waits_s(plan, ran, len(uploads), len(downloads))
        + ran_s
        + _sent_s(plan, uploads, downloads, link)
        + sent * (around_s + plan.timing.settle_after_s("upload"))
        + pauses_s(alone, sent, runs + controls, ran_s / (runs + controls))
    )


def _alone(plan: Plan, upload: UploadSubject, link: LinkProbe | None) -> int:
    """Return how many of a subject's windows, each length once, hold an upload that goes alone.

    None of a link that is not known: at the least they wait for nothing.
    """
    if link is None or not plan.lone_uploads or upload.rate_bit_per_s != UNLIMITED:
        return 0
    return list(_counts(plan, upload, _transfer_s(upload, link)).values()).count(1)


def _sent_s(
    plan: Plan,
    uploads: Sequence[UploadSubject],
    downloads: Sequence[UploadSubject],
    link: LinkProbe | None,
) -> float:
    """Return how long transfers last in a round's windows and, of a known link, before them, s."""
    uploads_s = [_transfer_s(upload, link) for upload in uploads]
    downloads_s = [_transfer_s(download, link) for download in downloads]
    windows_s = sum(
        _upload_windows_s(plan, upload, once_s)
        for upload, once_s in zip(uploads, uploads_s, strict=True)
    )
    windows_s += sum(_filled_s(plan, once_s) for once_s in downloads_s)
    if link is None:
        return plan.repeats * windows_s
    # Of the paced uploads the shortest one stands for all.
    paced = [upload for upload in uploads if upload.airtime_s is not None]
    shortest = min(paced, key=lambda upload: upload.airtime_s or 0.0)
    timed = [shortest, *(upload for upload in uploads if upload.airtime_s is None)]
    timed_s = [*(_transfer_s(upload, link) for upload in timed), *downloads_s]
    return plan.repeats * windows_s + sum(_pilot_s(once_s) for once_s in timed_s)


def _upload_windows_s(plan: Plan, upload: UploadSubject, once_s: float) -> float:
    """Return how long the uploads of one subject last in its windows, each length once, s."""
    if not once_s:
        return sum(window_lengths_s(plan, upload, once_s))
    return once_s * sum(_counts(plan, upload, once_s).values())


def _counts(plan: Plan, upload: UploadSubject, once_s: float) -> dict[float, int]:
    lengths_s = window_lengths_s(plan, upload, once_s)
    return distinct_repetitions(lengths_s, once_s, longest=stream_length(plan, upload, once_s))


def _filled_s(plan: Plan, once_s: float) -> float:
    """Return how long downloads last in windows that are filled with whole ones, s."""
    return sum(
        max(1, ceil(seconds / once_s)) * once_s if once_s else seconds
        for seconds in plan.upload_lengths_s
    )


def _transfer_s(transfer: UploadSubject, link: LinkProbe | None) -> float:
    """Return how long one transfer takes, s: its pace or what the link carries, and an answer."""
    airtime_s = transfer.airtime_s or 0.0
    if link is None:
        return airtime_s
    carried_s = transfer.payload_bits / link.rate_bit_per_s.value
    return max(airtime_s, carried_s) + (link.min_round_trip_s or 0.0)


def _pilot_s(once_s: float) -> float:
    if once_s < PILOT_S:
        return PILOT_TRANSFERS * PILOT_S
    return once_s * (PILOT_TRANSFERS if once_s < PILOT_LONG_S else PILOT_TRANSFERS / 2)


def _waits_s(plan: Plan, ran: int, uploads: int, downloads: int) -> float:
    """Return how long the first windows are waited for, some watched, and the device rests, s.

    Args:
        plan: The plan.
        ran: Windows of the longest work, of blocks and heads.
        uploads: Uploads of a repeat.
        downloads: Downloads likewise.
    """
    idle_s = plan.timing.idle_s
    watched = watched_of("compute", ran)
    watched += watched_of("upload", uploads * plan.repeats)
    watched += watched_of("download", downloads * plan.repeats)
    return (
        WATCHED_WINDOWS * longest_wait_s(idle_s)
        + watched * watched_s(idle_s)
        + sum(wanted * rest_s(plan.timing, work) for work, wanted in rests_of(plan).items())
    )


def _head_count(plan: Plan, blocks: Sequence[Block]) -> int:
    """Return how many times the windows of a head are run, the whole network's with them."""
    heads = len(head_blocks(plan, blocks))
    return (min(heads, 1) * round(ROUND_MARGIN) if plan.heads == "winner" else heads) + plan.whole


def longest_duration_s(plan: Plan, round_s: float) -> float:
    """Return about how long a campaign may last, s: every look leads to the longest next round.

    Args:
        plan: The plan.
        round_s: Of one round, s.
    """
    total_s = round_s
    for _ in range(plan.stop.looks - 1):
        total_s += max(round_s, GROWTH * total_s)
    return min(total_s, plan.limits.duration_s)
