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
_RECORD = [(socket.SOL_SOCKET, SO_TIMESTAMPING, struct.pack("=I", _TX_ACK))]
_NO_RECORD: list[tuple[int, int, bytes]] = []

_TIMES = struct.Struct("@6l")  # struct scm_timestamping: software, deprecated, hardware
_ERROR = struct.Struct("=IBBBBII")  # struct sock_extended_err
_ORIGIN_TIMESTAMPING, _KIND_ACK = 4, 2
_ERROR_LEVELS = (socket.IPPROTO_IP, socket.IPPROTO_IPV6)
_ANCILLARY_BYTES = 512
NS_PER_S = 1_000_000_000
_FLAGS = getattr(socket, "MSG_ERRQUEUE", 0) | getattr(socket, "MSG_DONTWAIT", 0)


class AcknowledgementClock:
    """The stamps of one new connection, nothing of which has been sent yet.

    Attributes:
        works: The kernel gives such stamps.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        flags = struct.pack("=I", _SOCKET_FLAGS)
        try:
            connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPING, flags)
            self.works = hasattr(socket, "MSG_ERRQUEUE")
        except OSError:
            self.works = False
        self._newest = -1, 0

    @property
    def request(self) -> list[tuple[int, int, bytes]]:
        """Ancillary data for ``sendmsg`` that asks for a stamp of its last byte."""
        return _RECORD if self.works else _NO_RECORD

    def collect(self) -> None:
        """Take the stamps that wait; they make the socket look as if it had failed."""
        while self._collect_one():
            pass

    def acknowledged_ns(self, sent_bytes: int) -> int | None:
        """Return when all of ``sent_bytes`` since the connection began were confirmed.

        Returns:
            CLOCK_REALTIME, ns; None if there is no stamp of exactly that byte.
        """
        last_byte = (sent_bytes - 1) % 2**32
        while self._newest[0] != last_byte:
            if not self._collect_one():
                return None
        return self._newest[1]

    def _collect_one(self) -> bool:
        if not self.works:
            return False
        try:
            _, ancillary, _, _ = self._connection.recvmsg(0, _ANCILLARY_BYTES, _FLAGS)
        except OSError:
            return False
        self._newest = _stamp_of(ancillary) or self._newest
        return True


def _stamp_of(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int] | None:
    """Return position and time of an acknowledgement, if that is what the messages tell."""
    time_ns = position = None
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPING) and len(data) >= _TIMES.size:
            seconds, nanoseconds, *_ = _TIMES.unpack_from(data)
            time_ns = seconds * NS_PER_S + nanoseconds
        elif level in _ERROR_LEVELS and len(data) >= _ERROR.size:
            _, origin, _, _, _, what, identity = _ERROR.unpack_from(data)
            if (origin, what) == (_ORIGIN_TIMESTAMPING, _KIND_ACK):
                position = identity
    return None if time_ns is None or position is None else (position, time_ns)
