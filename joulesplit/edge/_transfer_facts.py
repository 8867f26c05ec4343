"""What a transfer really did on the link, as the kernel counted it. Plain data.

**Transfer time**: from the first byte given to the kernel until the kernel holds no
unacknowledged byte of it. It holds one round trip, that of the last byte's acknowledgement; the
least round trip the connection has seen stands beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from joulesplit.edge._acknowledged import acknowledged_ns
from joulesplit.edge._kept_connection import Exchange
from joulesplit.edge._pacing import BITS_PER_BYTE
from joulesplit.edge._protocol import RECEIVE_HEADER
from joulesplit.edge._tcp_info import TcpInfo, decode_tcp_info

Number = TypeVar("Number", int, float)

S_PER_NS = 1e-9
STAMP_RESOLUTION_S = 10e-6
"""Between reading the clock and the kernel's taking the first byte: a few system calls."""

TICK_S = 0.01
"""Longest tick of a kernel (HZ is 100 at least), in which it counts the time it was busy, s."""

LONGEST_CLOCK_STEP_NS = 1_000_000
"""The stamps are of the clock that may be set; so far it may move against the other one, ns."""


class TransferMethod(StrEnum):
    """How a transfer time was found, the best first."""

    ACKNOWLEDGEMENT = "acknowledgement"
    """The kernel's stamp of the last byte's acknowledgement."""
    BUSY_TIME = "tcp-busy-time"
    """The kernel's count of the time it had anything unacknowledged."""
    SERVER = "server-receipt"
    """The server's time from the request's head to its last byte; without the round trip."""
    ANSWER = "answer"
    """Until the answer was there, the server's work included: an upper bound."""
    SIMULATED = "simulated"
    """Told by a simulated link."""
    SCHEDULE = "schedule"
    """Not measured: a simulated link, which keeps to its schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFacts:
    """One transfer as the kernel saw it; None where it did not say.

    Attributes:
        payload_bits: Payload, bit.
        transfer_s: Transfer time, s.
        resolution_s: Half-width of what reading the clocks adds or hides, s.
        method: How it was found.
        min_rtt_s: Shortest round trip of the connection so far, s.
        rtt_s: Smoothed round trip at its end, s.
        busy_s: Time with anything unacknowledged, s, in steps of the kernel's tick.
        receiver_limited_s: Part of it in which the other side had no room, s.
        buffer_limited_s: Part of it in which the send buffer was too small, s.
        delivery_rate_bit_per_s: The kernel's newest estimate of what arrives, bit/s.
        application_limited: That was bounded by what was handed over, not by the link.
        sent_bytes: Bytes sent, head and repeated ones included.
        retransmitted_bytes: Bytes sent again.
        segments: Segments sent.
        retransmitted_segments: Segments sent again.
        stalled_s: Longest time in which bytes waited and none was acknowledged, s, as far as it
            was noticed: what is shorter than a second counts as 0.
        unacknowledged_bytes: Left in the send queue when the answer was there.
    """

    payload_bits: int
    transfer_s: float
    resolution_s: float
    method: TransferMethod
    min_rtt_s: float | None = None
    rtt_s: float | None = None
    busy_s: float | None = None
    receiver_limited_s: float | None = None
    buffer_limited_s: float | None = None
    delivery_rate_bit_per_s: float | None = None
    application_limited: bool | None = None
    sent_bytes: int | None = None
    retransmitted_bytes: int | None = None
    segments: int | None = None
    retransmitted_segments: int | None = None
    stalled_s: float = 0.0
    unacknowledged_bytes: int | None = None

    @property
    def rate_bit_per_s(self) -> float:
        """Payload bits over transfer time, bit/s; infinite for a transfer that took no time."""
        return self.payload_bits / self.transfer_s if self.transfer_s else float("inf")

    @property
    def sending_s(self) -> float:
        """Transfer time without one round trip, s: what the bits themselves took."""
        return max(0.0, self.transfer_s - (self.min_rtt_s or 0.0))


def scheduled(payload_bits: int, transfer_s: float) -> TransferFacts:
    """Return the facts of a simulated link, on which a transfer takes what its schedule says."""
    return TransferFacts(
        payload_bits=payload_bits,
        transfer_s=transfer_s,
        resolution_s=0.0,
        method=TransferMethod.SCHEDULE,
        stalled_s=0.0,
    )


def facts_of(exchange: Exchange, payload_bytes: int) -> TransferFacts:
    """Return what was read around the transfer of so many bytes."""
    before, after = decode_tcp_info(exchange.before), decode_tcp_info(exchange.after)
    transfer_s, resolution_s, method = transfer_time(exchange)
    return TransferFacts(
        payload_bits=BITS_PER_BYTE * payload_bytes,
        transfer_s=transfer_s,
        resolution_s=resolution_s,
        method=method,
        min_rtt_s=after.min_rtt_s,
        rtt_s=after.rtt_s,
        busy_s=_grown(before, after, "busy_s"),
        receiver_limited_s=_grown(before, after, "receiver_limited_s"),
        buffer_limited_s=_grown(before, after, "buffer_limited_s"),
        delivery_rate_bit_per_s=after.delivery_rate_bit_per_s,
        application_limited=after.application_limited,
        sent_bytes=_counted(before, after, "bytes_sent"),
        retransmitted_bytes=_counted(before, after, "bytes_retransmitted"),
        segments=_counted(before, after, "segments_out"),
        retransmitted_segments=_counted(before, after, "segments_retransmitted"),
        stalled_s=exchange.stalled_ns * S_PER_NS,
        unacknowledged_bytes=after.bytes_unacknowledged,
    )


def transfer_time(exchange: Exchange) -> tuple[float, float, TransferMethod]:
    """Return transfer time [s], its resolution [s], and how it was found: by the best way."""
    answered_ns = exchange.answered_ns - exchange.began_ns
    step_ns = abs(exchange.answered_real_ns - exchange.began_real_ns - answered_ns)
    stamp_ns = acknowledged_ns(exchange.stamp, exchange.sent_bytes)
    if stamp_ns is not None and step_ns < LONGEST_CLOCK_STEP_NS:
        stamped_s = (stamp_ns - exchange.began_real_ns) * S_PER_NS
        resolution_s = STAMP_RESOLUTION_S + step_ns * S_PER_NS
        return max(0.0, stamped_s), resolution_s, TransferMethod.ACKNOWLEDGEMENT
    before, after = decode_tcp_info(exchange.before), decode_tcp_info(exchange.after)
    busy_s = _grown(before, after, "busy_s")
    answered_s, server_s = answered_ns * S_PER_NS, _server_s(exchange)
    if busy_s is not None:
        # On a link faster than its pace a transfer is busy with pauses, and lasts as they do.
        taken_s = (exchange.taken_ns - exchange.began_ns) * S_PER_NS
        unsure_s = 0.0 if busy_s >= taken_s else max(0.0, answered_s - taken_s)
        return max(busy_s, taken_s), TICK_S + unsure_s, TransferMethod.BUSY_TIME
    if server_s is not None:
        # Its clock starts when the head has arrived, which may be with the first of the body.
        return server_s, max(0.0, answered_s - server_s), TransferMethod.SERVER
    return answered_s, answered_s, TransferMethod.ANSWER


def _server_s(exchange: Exchange) -> float | None:
    """Return how long the server says the body took to arrive, s; None if it does not say."""
    try:
        duration_s = float(exchange.head.headers.get(RECEIVE_HEADER, "nan"))
    except ValueError:
        return None
    return duration_s if 0 <= duration_s < float("inf") else None


def _grown(before: TcpInfo, after: TcpInfo, counter: str) -> float | None:
    first, last = getattr(before, counter), getattr(after, counter)
    return None if first is None or last is None else float(last - first)


def _counted(before: TcpInfo, after: TcpInfo, counter: str) -> int | None:
    grown = _grown(before, after, counter)
    return None if grown is None else int(grown)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferSummary:
    """The transfers of a window together; None where the kernel did not say for all of them.

    Attributes:
        transfers: How many.
        methods: How their times were found, each way once, in the order of ``TransferMethod``.
        payload_bits: Payload of all, bit.
        transfer_s: Their transfer times together, s.
        u_transfer_s: Standard uncertainty of that by reading the clocks, s: the half-widths, taken
            as rectangular and independent from one transfer to the next.
        longest_s: The longest transfer time, s.
        min_rtt_s: Shortest round trip seen, s.
        busy_s, receiver_limited_s, buffer_limited_s: Sums, s.
        sent_bytes, retransmitted_bytes, segments, retransmitted_segments: Sums.
        stalled_s: Longest stall of any, s.
    """

    transfers: int
    methods: tuple[TransferMethod, ...]
    payload_bits: int
    transfer_s: float
    u_transfer_s: float
    longest_s: float
    min_rtt_s: float | None
    busy_s: float | None
    receiver_limited_s: float | None
    buffer_limited_s: float | None
    sent_bytes: int | None
    retransmitted_bytes: int | None
    segments: int | None
    retransmitted_segments: int | None
    stalled_s: float


def together(facts: Sequence[TransferFacts]) -> TransferSummary | None:
    """Return transfers as one summary; None of none."""
    if not facts:
        return None
    rtt_s = [one.min_rtt_s for one in facts if one.min_rtt_s is not None]
    used = {one.method for one in facts}
    return TransferSummary(
        transfers=len(facts),
        methods=tuple(method for method in TransferMethod if method in used),
        payload_bits=sum(one.payload_bits for one in facts),
        transfer_s=sum(one.transfer_s for one in facts),
        u_transfer_s=(sum(one.resolution_s**2 for one in facts) / 3) ** 0.5,
        longest_s=max(one.transfer_s for one in facts),
        min_rtt_s=min(rtt_s, default=None),
        busy_s=_sum([one.busy_s for one in facts]),
        receiver_limited_s=_sum([one.receiver_limited_s for one in facts]),
        buffer_limited_s=_sum([one.buffer_limited_s for one in facts]),
        sent_bytes=_sum([one.sent_bytes for one in facts]),
        retransmitted_bytes=_sum([one.retransmitted_bytes for one in facts]),
        segments=_sum([one.segments for one in facts]),
        retransmitted_segments=_sum([one.retransmitted_segments for one in facts]),
        stalled_s=max(one.stalled_s for one in facts),
    )


def _sum(values: Sequence[Number | None]) -> Number | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
