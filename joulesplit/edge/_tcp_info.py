"""What the kernel knows of a TCP connection: ``TCP_INFO`` and the send queue. Linux only.

The layout is that of ``struct tcp_info`` in the kernel's ``include/uapi/linux/tcp.h``, which only
ever grows at its end: an older kernel returns a shorter one, and what it lacks is None here.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

from joulesplit.edge._pacing import BITS_PER_BYTE

TCP_INFO = 11
"""``include/uapi/linux/tcp.h``; Python names it on Linux only."""

SIOCOUTQ = 0x5411
"""tcp(7): bytes in the send queue, unsent or not yet acknowledged."""

LONGEST_BYTES = 512
"""More than any kernel's ``struct tcp_info``; today's has about 250."""

US_PER_S = 1e6
NEVER_US = 2**32 - 1
"""What the kernel says of a minimum round trip that it has not seen yet."""

_U32, _U64 = struct.Struct("=I"), struct.Struct("=Q")
_FLAGS_AT, _RTT_AT, _TOTAL_RETRANS_AT = 7, 68, 100
_BYTES_ACKED_AT, _SEGS_OUT_AT, _NOTSENT_AT, _MIN_RTT_AT = 120, 136, 144, 148
_DELIVERY_RATE_AT, _BUSY_AT, _RWND_AT, _SNDBUF_AT = 160, 168, 176, 184
_BYTES_SENT_AT, _BYTES_RETRANS_AT = 200, 208
_APP_LIMITED = 0b1


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpInfo:
    """A connection's counters since it was opened; None where the kernel is too old to say.

    Attributes:
        rtt_s: Smoothed round trip, s.
        min_rtt_s: Shortest round trip seen, s; None before the first.
        segments_retransmitted: Segments sent again.
        bytes_acknowledged: Bytes the other side has confirmed.
        segments_out: Segments sent, control segments included.
        delivery_rate_bit_per_s: Newest rate of what arrived, bit/s; 0 before the first.
        application_limited: That rate was bounded by what was handed over, not by the link.
        busy_s: Time with anything unacknowledged, s, in steps of the kernel's tick.
        receiver_limited_s: Part of it in which the other side had no room, s.
        buffer_limited_s: Part of it in which the send buffer was too small, s.
        bytes_sent: Bytes sent, those sent again included.
        bytes_retransmitted: Bytes sent again.
        bytes_unsent: Bytes that wait to be sent for the first time.
    """

    rtt_s: float | None
    min_rtt_s: float | None
    segments_retransmitted: int | None
    bytes_acknowledged: int | None
    segments_out: int | None
    delivery_rate_bit_per_s: float | None
    application_limited: bool | None
    busy_s: float | None
    receiver_limited_s: float | None
    buffer_limited_s: float | None
    bytes_sent: int | None
    bytes_retransmitted: int | None
    bytes_unsent: int | None

    @property
    def bytes_sent_once(self) -> int | None:
        """Bytes sent, those sent again not counted; None if unknown."""
        return (
            None if self.bytes_sent is None else self.bytes_sent - (self.bytes_retransmitted or 0)
        )

    @property
    def bytes_unacknowledged(self) -> int | None:
        """Bytes in the send queue, as ``unacknowledged_bytes`` asks for them; None if unknown."""
        sent_once = self.bytes_sent_once
        if sent_once is None or None in (self.bytes_acknowledged, self.bytes_unsent):
            return None
        # The connection's own first step (SYN) counts as a byte acknowledged.
        confirmed = max(0, (self.bytes_acknowledged or 0) - 1)
        return sent_once - confirmed + (self.bytes_unsent or 0)


def tcp_info_bytes(connection: socket.socket) -> bytes:
    """Return a connection's ``struct tcp_info``; nothing of it where the system has none."""
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, TCP_INFO, LONGEST_BYTES)
    except OSError:
        return b""


def decode_tcp_info(raw: bytes) -> TcpInfo:
    """Return a ``struct tcp_info``, however much of it there is, as counters."""
    rtt_us = _field(raw, _RTT_AT, _U32)
    min_rtt_us = _field(raw, _MIN_RTT_AT, _U32)
    rate_byte_per_s = _field(raw, _DELIVERY_RATE_AT, _U64)
    return TcpInfo(
        rtt_s=None if rtt_us is None else rtt_us / US_PER_S,
        min_rtt_s=None if min_rtt_us is None or min_rtt_us == NEVER_US else min_rtt_us / US_PER_S,
        segments_retransmitted=_field(raw, _TOTAL_RETRANS_AT, _U32),
        bytes_acknowledged=_field(raw, _BYTES_ACKED_AT, _U64),
        segments_out=_field(raw, _SEGS_OUT_AT, _U32),
        delivery_rate_bit_per_s=None
        if rate_byte_per_s is None
        else float(BITS_PER_BYTE * rate_byte_per_s),
        application_limited=None
        if rate_byte_per_s is None
        else bool(raw[_FLAGS_AT] & _APP_LIMITED),
        busy_s=_seconds(raw, _BUSY_AT),
        receiver_limited_s=_seconds(raw, _RWND_AT),
        buffer_limited_s=_seconds(raw, _SNDBUF_AT),
        bytes_sent=_field(raw, _BYTES_SENT_AT, _U64),
        bytes_retransmitted=_field(raw, _BYTES_RETRANS_AT, _U64),
        bytes_unsent=_field(raw, _NOTSENT_AT, _U32),
    )


def read_tcp_info(connection: socket.socket) -> TcpInfo:
    """Return a connection's counters, as many as the system tells."""
    return decode_tcp_info(tcp_info_bytes(connection))


def unacknowledged_bytes(connection: socket.socket) -> int | None:
    """Return how many bytes wait in the send queue, unsent or unconfirmed; None if unknown."""
    try:
        import fcntl

        return int(_U32.unpack(fcntl.ioctl(connection, SIOCOUTQ, bytes(4)))[0])
    except (ImportError, OSError):
        return None


def _field(raw: bytes, at: int, kind: struct.Struct) -> int | None:
    return kind.unpack_from(raw, at)[0] if at + kind.size <= len(raw) else None


def _seconds(raw: bytes, at: int) -> float | None:
    time_us = _field(raw, at, _U64)
    return None if time_us is None else time_us / US_PER_S
