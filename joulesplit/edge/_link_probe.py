"""What a link is like, found with a few uploads before anything is measured on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from joulesplit.edge._pacing import BITS_PER_BYTE
from joulesplit.edge.errors import RateNotCarriedError

if TYPE_CHECKING:
    from joulesplit.edge._transfer_facts import TransferFacts

FIRST_BYTES = 20_000
LONG_ENOUGH_S = 0.25
"""A transfer so long is many round trips and many ticks of a token bucket or of a radio, s."""

UPLOADS = 5
LEAST_CARRIED_SHARE = 0.97
"""So much of a stated rate has to be reached: a start from rest and the round trip of the last
acknowledgement take their part of a transfer of ``LONG_ENOUGH_S``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkFigure:
    """A property of a link.

    Attributes:
        value: In its own unit.
        u: Standard uncertainty of it, in the same unit, by the scatter of ``n``.
        n: Uploads, or segments, that it rests on; ``n − 1`` degrees of freedom.
    """

    value: float
    u: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProbe:
    """What a link is like for uploads; None where this system's kernel does not tell.

    Attributes:
        rate_bit_per_s: Payload bits over transfer time of unpaced uploads, bit/s.
        round_trip_s: Round trip at the end of an upload, queue included, s.
        min_round_trip_s: Shortest round trip seen, s: an upper bound of the path's own.
        loss_share: Share of the segments that were sent again.
        queue_bytes: Bytes that waited between here and there, least estimate: the round trips
            beyond the shortest, at the rate.
        payload_bytes: Size of an upload.
        longest_stall_s: Longest time without progress, s.
    """

    rate_bit_per_s: LinkFigure
    round_trip_s: LinkFigure | None
    min_round_trip_s: float | None
    loss_share: LinkFigure | None
    queue_bytes: LinkFigure | None
    payload_bytes: int
    longest_stall_s: float


Uploading = Callable[[bytes, float | None], "TransferFacts"]
"""Sends a payload at a rate, bit/s, or with None as fast as it goes."""


def probe_link(upload: Uploading, max_bytes: int, *, uploads: int = UPLOADS) -> LinkProbe:
    """Probe a link with unpaced uploads.

    Args:
        upload: Sends over it.
        max_bytes: Largest upload that the server takes, byte.
        uploads: How many, two at least, after those that find how large they should be.

    Raises:
        EdgeError: As in ``EdgeClient.upload``.
    """
    size = min(FIRST_BYTES, max_bytes)
    while True:
        # Random, so that nothing on the way can shorten it.
        payload = os.urandom(size)
        if upload(payload, None).transfer_s >= LONG_ENOUGH_S or size >= max_bytes:
            break
        size = min(2 * size, max_bytes)
    return _probe_of([upload(payload, None) for _ in range(max(2, uploads))], size)


def require_carried(upload: Uploading, max_bytes: int, rates_bit_per_s: Sequence[float]) -> None:
    """Check that a link carries each of some stated rates: by sending at it.

    Args:
        upload: Sends over it.
        max_bytes: Largest upload that the server takes, byte.
        rates_bit_per_s: Payload rates, bit/s.

    Raises:
        RateNotCarriedError: What arrived was slower than one of them.
        EdgeError: As in ``EdgeClient.upload``.
    """
    for rate in sorted(rates_bit_per_s):
        size = min(max_bytes, max(FIRST_BYTES, int(rate * 2 * LONG_ENOUGH_S / BITS_PER_BYTE)))
        carried = upload(os.urandom(size), rate).rate_bit_per_s
        if carried < LEAST_CARRIED_SHARE * rate:
            error = RateNotCarriedError(
                f"the link carried {carried:.4g} of the {rate:.4g} bit/s that uploads were to be "
                "paced at; state a rate that it carries, or upload unpaced"
            )
            error.stated_bit_per_s, error.carried_bit_per_s = rate, carried
            raise error


def _probe_of(facts: Sequence[TransferFacts], payload_bytes: int) -> LinkProbe:
    rates = [one.rate_bit_per_s for one in facts]
    round_trips_s = [one.rtt_s for one in facts if one.rtt_s is not None]
    shortest_s = min((f.min_rtt_s for f in facts if f.min_rtt_s is not None), default=None)
    queues = [
        max(0.0, rtt_s - (shortest_s or 0.0)) * fmean(rates) / BITS_PER_BYTE
        for rtt_s in round_trips_s
    ]
    return LinkProbe(
        rate_bit_per_s=_mean(rates),
        round_trip_s=_mean(round_trips_s) if round_trips_s else None,
        min_round_trip_s=shortest_s,
        loss_share=_loss(facts),
        queue_bytes=_mean(queues) if queues else None,
        payload_bytes=payload_bytes,
        longest_stall_s=max(one.stalled_s for one in facts),
    )


def _mean(values: Sequence[float]) -> LinkFigure:
    return LinkFigure(value=fmean(values), u=stdev(values) / sqrt(len(values)), n=len(values))


def _loss(facts: Sequence[TransferFacts]) -> LinkFigure | None:
    """Return the share of segments sent again; None where they are not counted.

    The uncertainty is that of a share with one more of each kind seen (Agresti–Coull): none lost
    of a hundred is not certainly none at all.
    """
    again = [f.retransmitted_segments for f in facts if f.retransmitted_segments is not None]
    sent = [f.segments for f in facts if f.segments is not None]
    segments = sum(sent)
    if not segments or len(again) < len(facts):
        return None
    likely = (sum(again) + 2) / (segments + 4)
    u = sqrt(likely * (1 - likely) / (segments + 4))
    return LinkFigure(value=sum(again) / segments, u=u, n=segments)
