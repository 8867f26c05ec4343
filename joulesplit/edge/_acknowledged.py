"""When the other side had confirmed the last byte: the kernel's own time stamps. Linux only.

With ``SOF_TIMESTAMPING_TX_ACK`` the kernel notes the moment at which a byte and all before it
were acknowledged (Documentation/networking/timestamping.rst, section 1.3.2), to the nanosecond and
without a privilege, and keeps the note in the socket's error queue until it is asked for. Nobody
has to look at the send queue meanwhile, which would cost energy while energy is measured.
"""

from __future__ import annotations

import socket
import struct

SO_TIMESTAMPING = 37
"""``SO_TIMESTAMPING_OLD``, whose times are the kernel's native ``timespec``."""

_TX_ACK, _SOFTWARE, _OPT_ID, _OPT_TSONLY = 1 << 9, 1 << 4, 1 << 7, 1 << 11
_SOCKET_FLAGS = _SOFTWARE | _OPT_ID | _OPT_TSONLY
REQUEST = [(socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("=I", _TX_ACK))]
"""Ancillary data for ``sendmsg``: ask for a stamp of the last byte it takes."""

_TIMES = struct.Struct("@6l")  # struct scm_timestamping: software, deprecated, hardware
_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err
_ORIGIN_TIMESTAMPING, _KIND_ACK = 4, 2
_ERROR_LEVELS = (socket.IPPROTO_IP, socket.IPPROTO_IPV6)
_ANCILLARY_BYTES = 512
_FLAGS = getattr(socket, "MSG_ERRQUEUE", 0) | getattr(socket, "MSG_DONTWAIT", 0)


Ancillary = list[tuple[int, int, bytes]]
NO_STAMP: Ancillary = []


class AcknowledgementClock:
    """The stamps of one new connection, nothing of which has been sent yet.

    They are taken as they are and made sense of later (``acknowledged_ns``).

    Attributes:
        asked: Stamps asked for and not yet taken; whoever sends with ``REQUEST`` counts them.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.asked = 0
        flags = struct.pack("=I", _SOCKET_FLAGS)
        try:
            connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)
            self.request = REQUEST if _FLAGS else NO_STAMP
        except OSError:
            self.request = NO_STAMP

    def take(self) -> Ancillary:
        """Return the newest of the stamps asked for, as it came; empty if there is none.

        Stamps that wait make the socket look as if it had failed.
        """
        newest = NO_STAMP
        while self.asked and self.request:
            self.asked -= 1
            try:
                newest = self._connection.recvmsg(0, _ANCILLARY_BYTES, _FLAGS)[1]
            except OSError:
                break
        return newest


def acknowledged_ns(stamp: Ancillary, sent_bytes: int) -> int | None:
    """Return when all of ``sent_bytes`` since the connection began were confirmed.

    Args:
        stamp: As ``AcknowledgementClock.take`` returned it.
        sent_bytes: How many had been sent.

    Returns:
        CLOCK_REALTIME, ns; None if it is no stamp of exactly that byte.
    """
    time_ns = position = None
    for level, kind, data in stamp:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPING) and len(data) >= _TIMES.size:
            seconds, nanoseconds, *_ = _TIMES.unpack_from(data)
            time_ns = seconds * 10**9 + nanoseconds
        elif level in _ERROR_LEVELS and len(data) >= _ERROR.size:
            _, origin, _, _, _, what, identity = _ERROR.unpack_from(data)
            if (origin, what) == (_ORIGIN_TIMESTAMPING, _KIND_ACK):
                position = identity
    return time_ns if position == (sent_bytes - 1) % 2**32 else None
