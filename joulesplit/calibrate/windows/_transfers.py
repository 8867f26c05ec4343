"""What the link did in a window, from what the kernel told of each transfer. Plain data."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from joulesplit.edge import TransferFacts, together

MOST_TIMES = 101
"""Transfer times that a window keeps: of more, those at every hundredth of their order."""

BEGINNING = 4
"""Transfers that a window keeps the times of one by one: TCP's window, which has collapsed in the
pause before, may open over several of them."""


class WindowTransfers(msgspec.Struct, frozen=True, kw_only=True):
    """The transfers of a window; None where the kernel did not say for all of them.

    Attributes:
        transfers: How many.
        methods: How their times were found, the best way first; see ``TransferMethod``.
        transfer_s: Their transfer times together, s.
        u_transfer_s: Standard uncertainty of that by reading the clocks, s.
        times_s: Each one's transfer time in order of size, s; of more than ``MOST_TIMES`` as many
            that lie evenly in that order, the shortest and the longest among them.
        first_s: Of the first one, which came after a pause, s.
        begin_s: Of the first ones in turn, s; empty in windows of before they were kept.
        min_rtt_s: Shortest round trip seen, s.
        rtt_s: Smoothed round trip at the end of the last one, s.
        busy_s: Time with anything unacknowledged, s.
        receiver_limited_s: Part of it in which the other side had no room, s.
        buffer_limited_s: Part of it in which the send buffer was too small, s.
        delivery_rate_bit_per_s: The kernel's last estimate of what arrives, bit/s.
        sent_bytes, retransmitted_bytes: Sent in all, and sent again, byte.
        segments, retransmitted_segments: The same in segments.
        stalled_s: Longest time in which nothing was acknowledged, s; 0 if shorter than a second.
    """

    transfers: int
    methods: tuple[str, ...]
    transfer_s: float
    u_transfer_s: float
    times_s: tuple[float, ...]
    first_s: float | None = None
    begin_s: tuple[float, ...] = ()
    min_rtt_s: float | None = None
    rtt_s: float | None = None
    busy_s: float | None = None
    receiver_limited_s: float | None = None
    buffer_limited_s: float | None = None
    delivery_rate_bit_per_s: float | None = None
    sent_bytes: int | None = None
    retransmitted_bytes: int | None = None
    segments: int | None = None
    retransmitted_segments: int | None = None
    stalled_s: float = 0.0

    @property
    def beginning_s(self) -> tuple[float, ...]:
        """Times of the first ones as far as they were kept, s."""
        return self.begin_s or (() if self.first_s is None else (self.first_s,))

    @property
    def retransmitted_share(self) -> float:
        """Segments sent again over segments sent; 0 where they are not counted."""
        return (self.retransmitted_segments or 0) / self.segments if self.segments else 0.0


def window_transfers(facts: Sequence[TransferFacts]) -> WindowTransfers | None:
    """Return the transfers of a window as its record keeps them; None of none."""
    whole = together(facts)
    if whole is None:
        return None
    last = facts[-1]
    return WindowTransfers(
        transfers=whole.transfers,
        methods=tuple(whole.methods),
        transfer_s=whole.transfer_s,
        u_transfer_s=whole.u_transfer_s,
        times_s=evenly(sorted(one.transfer_s for one in facts)),
        first_s=facts[0].transfer_s,
        begin_s=tuple(one.transfer_s for one in facts[:BEGINNING]),
        min_rtt_s=whole.min_rtt_s,
        rtt_s=last.rtt_s,
        busy_s=whole.busy_s,
        receiver_limited_s=whole.receiver_limited_s,
        buffer_limited_s=whole.buffer_limited_s,
        delivery_rate_bit_per_s=last.delivery_rate_bit_per_s,
        sent_bytes=whole.sent_bytes,
        retransmitted_bytes=whole.retransmitted_bytes,
        segments=whole.segments,
        retransmitted_segments=whole.retransmitted_segments,
        stalled_s=whole.stalled_s,
    )


def evenly(ordered: Sequence[float]) -> tuple[float, ...]:
    """Return ``MOST_TIMES`` of so many ordered values at even distances, or all of fewer."""
    if len(ordered) <= MOST_TIMES:
        return tuple(ordered)
    step = (len(ordered) - 1) / (MOST_TIMES - 1)
    return tuple(ordered[round(place * step)] for place in range(MOST_TIMES))
