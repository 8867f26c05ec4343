"""The hot path of an upload: a prebuilt head, one gathered send, a short answer, facts kept.

An upload is what the radio is billed for, so the processor's part in it must be small: no HTTP
library stands between, and what the kernel told is made sense of after the window.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from joulesplit.edge._acknowledged import AcknowledgementClock, Ancillary
from joulesplit.edge._answer_head import HEAD_END, AnswerHead, parse_head
from joulesplit.edge._deadline import Deadline
from joulesplit.edge._tcp_info import TcpInfo, read_tcp_info, tcp_info_bytes, unacknowledged_bytes
from joulesplit.edge._tls import TlsName, TlsStream

SO_RCVTIMEO, SO_SNDTIMEO = 20, 21
"""``SO_RCVTIMEO_OLD`` and ``SO_SNDTIMEO_OLD``, whose time is the kernel's native ``timeval``. A
wait in the kernel is one call; Python's own time-outs ask ``poll`` first, which an acknowledgement
that was stamped wakes for nothing."""

WATCHED_EVERY_S = 0.5
"""So often a wait looks at the clock and whether bytes are still being acknowledged, s."""

LEAST_STALL_NS = 1_000_000_000
"""A pause this long without an acknowledgement is a stall: many times any round trip, ns."""

ANSWER_BYTES = 64 * 1024
SEALED_AT_ONCE = 64 * 1024
"""Of a body so much is encrypted before it is sent, byte."""

LEAST_UNSENT_BYTES = 16 * 1024
"""A paced transfer lets no more than this, or one chunk, wait unsent in the socket."""

NOTSENT_LOWAT = 25
"""``TCP_NOTSENT_LOWAT``, ``include/uapi/linux/tcp.h``; Python names it from 3.12 on."""

AT_ONCE = struct.pack("@ii", 1, 0)
"""``struct linger``: closing drops what waits."""

UNBOUNDED = 2**31 - 1
Buffer = bytes | memoryview


class RequestBody(NamedTuple):
    """What is sent.

    Attributes:
        length: How long it is, byte.
        chunks: It in pieces, in order; iterating may wait in between.
        chunk_bytes: Size of the pieces of a paced transfer, byte; None for a body in one piece.
    """

    length: int
    chunks: Iterable[Buffer]
    chunk_bytes: int | None


class Exchange(NamedTuple):
    """One request and its answer; what the link did is made sense of after the window.

    Attributes:
        head: Status and headers of the answer.
        content: Its body.
        sent_whole: All of the request had been sent before the answer came.
        began_ns: First byte given to the kernel, CLOCK_MONOTONIC, ns.
        taken_ns: The kernel had taken the last one, and a schedule was over, ns.
        answered_ns: The answer was there, ns.
        began_real_ns, answered_real_ns: The same of CLOCK_REALTIME, ns.
        stamp: Of the last byte's acknowledgement, as it came (``_acknowledged``).
        sent_bytes: Sent over this connection in all, which is what the stamp counts in.
        head_bytes: Length of the request's head, and of what TLS adds to all of it, byte.
        before, after: ``struct tcp_info``, empty where there is none.
        stalled_ns: Longest time in which bytes waited and none was acknowledged, as far as it was
            noticed, ns.
        connection_ns: Spent on a new connection, ns; 0 if one was open.
    """

    head: AnswerHead
    content: bytes
    sent_whole: bool
    began_ns: int
    taken_ns: int
    answered_ns: int
    began_real_ns: int
    answered_real_ns: int
    stamp: Ancillary
    sent_bytes: int
    head_bytes: int
    before: bytes
    after: bytes
    stalled_ns: int
    connection_ns: int


class KeptConnection:
    """A TCP connection that stays open between uploads. Not for several threads.

    Args:
        host: Name or address of the server.
        port: Its port.
        tls: Whom to ask for over TLS; None for none.
    """

    def __init__(self, host: str, port: int, *, tls: TlsName | None = None) -> None:
        self._address = (host, port)
        self._tls = tls
        self._stream: TlsStream | None = None
        self._early = b""
        self._socket: socket.socket | None = None
        self._readable = select.poll()
        self._unsent_bytes = UNBOUNDED
        self._sent_bytes = self._begun_bytes = self._left_bytes = 0
        self._plain_bytes = self._wire_bytes = 0

    def close(self) -> None:
        """Close the connection; calling it again does nothing.

        What the kernel still holds unsent is dropped: nobody waits for it, and the radio would
        go on sending it.
        """
        connection, self._socket = self._socket, None
        if connection is None:
            return
        info = read_tcp_info(connection)
        self._left_bytes = self._left_of(info)
        self._stream, self._early = None, b""
        if info.bytes_unsent:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
            with suppress(OSError):
                # Another thread may wait in the kernel to send the rest: it ends here.
                connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    def left_bytes(self) -> int:
        """Return how much of the last request, head and body, left the socket, byte.

        Over TLS its share of what that made of it. By the kernel's own count, which also knows of
        a call that has not returned; where it keeps none, all that it took did. It may be asked
        from another thread, before or after the connection is closed.
        """
        connection = self._socket
        if connection is None:
            return self._left_bytes
        return self._left_of(read_tcp_info(connection))

    def _left_of(self, info: TcpInfo) -> int:
        sent_bytes = info.bytes_sent_once
        if sent_bytes is None:
            sent_bytes = self._sent_bytes
        left_bytes, wire_bytes = max(0, sent_bytes - self._begun_bytes), self._wire_bytes
        if self._stream is None or not wire_bytes:
            return left_bytes
        return left_bytes * self._plain_bytes // wire_bytes

    def open(self, deadline: Deadline) -> int:
        """Have an open connection; return the time that took, ns, 0 if there was one.

        Raises:
            OSError: Nothing answers.
            ServerNotTrustedError: What answers is another server.
        """
        # Nothing was asked, so what can be read is the end of the connection, or no good.
        if self._socket is not None and not self._answer_waits():
            return 0
        self.close()
        self._left_bytes = 0
        started_ns = time.monotonic_ns()
        self._socket = socket.create_connection(self._address, timeout=deadline.remaining_s())
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._patience_s = 0.0
        self._stamps = AcknowledgementClock(self._socket)
        self._readable = select.poll()
        self._readable.register(self._socket, select.POLLIN)
        self._sent_bytes = self._begun_bytes = 0
        self._unsent_bytes = UNBOUNDED
        if self._tls is not None:
            # What it takes to agree on keys is of no request.
            self._begun_bytes = UNBOUNDED
            self._shake_hands(self._tls, deadline)
            self._begun_bytes = self._sent_bytes
        self._info = tcp_info_bytes(self._socket)
        return time.monotonic_ns() - started_ns

    def _shake_hands(self, name: TlsName, deadline: Deadline) -> None:
        self._start_watch()
        self._wait_until(deadline)
        stream = TlsStream(name)
        try:
            stream.shake_hands(
                lambda content: self._send_wire(content, deadline),
                lambda: self._receive_in_time(deadline),
            )
        except BaseException:
            self.close()
            raise
        self._stream = stream

    def _start_watch(self) -> int:
        """Watch what is acknowledged from now on; return the time, ns."""
        self._acknowledged: int | None = None
        self._moved_ns, self._stalled_ns = time.monotonic_ns(), 0
        return self._moved_ns

    def _answer_waits(self) -> bool:
        """Return whether something is to be read, or the end; what TLS says for itself is read."""
        if not any(events & ~select.POLLERR for _, events in self._readable.poll(0)):
            return False
        if self._stream is None:
            return True
        try:
            received = self._still_open().recv(ANSWER_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self._early += self._stream.opened(received) if received else b""
        return bool(self._early) or not received or self._stream.ended

    def exchange(
        self,
        head: bytes,
        body: RequestBody,
        deadline: Deadline,
        length_of: Callable[[AnswerHead], int],
    ) -> Exchange:
        """Send a request and read its answer.

        Args:
            head: Request line and headers.
            body: Its first chunk goes out together with the head.
            deadline: Until when the answer must be there.
            length_of: Checks the answer's head and returns the length of its body, byte.

        Raises:
            OSError: The connection broke, or time is up.
            ProtocolError: The answer is not HTTP.
        """
        connection_ns = self._begin(deadline)
        before = self._info
        self._bound_unsent(body.chunk_bytes)
        self._wait_until(deadline)
        began_real_ns, began_ns = time.time_ns(), self._start_watch()
        try:
            sent_whole = self._send_all(head, body, deadline)
            taken_ns = time.monotonic_ns()
            answer, content = self._read_answer(deadline, length_of)
        except BaseException:
            self.close()
            raise
        answered_ns, answered_real_ns = time.monotonic_ns(), time.time_ns()
        assert self._socket is not None
        self._info = tcp_info_bytes(self._socket)
        exchange = Exchange(
            answer, content, sent_whole, began_ns, taken_ns, answered_ns, began_real_ns,
            answered_real_ns, self._stamps.take(), self._sent_bytes,
            len(head) + self._wire_bytes - self._plain_bytes, before,
            self._info, self._stalled_ns, connection_ns,
        )  # fmt: skip
        if answer.closes or not sent_whole:
            self.close()
        return exchange

    def _begin(self, deadline: Deadline) -> int:
        """Have an open connection to count on; return the time that took, ns."""
        self._left_bytes = 0
        connection_ns = self.open(deadline)
        # All of it is confirmed: nothing is under way between exchanges.
        self._begun_bytes = self._sent_bytes
        self._plain_bytes = self._wire_bytes = 0
        return connection_ns

    def _wait_until(self, deadline: Deadline) -> None:
        """Let a wait in the kernel end in time to look at the clock.

        Raises:
            TimeoutError: Time is up.
            ConnectionAbortedError: Whoever waited for the answer has given it up.
        """
        connection = self._still_open()
        patience_s = min(WATCHED_EVERY_S, deadline.remaining_s())
        if patience_s != self._patience_s:
            self._patience_s = patience_s
            # No time at all would be no bound at all.
            bound = struct.pack("@ll", 0, max(1, round(patience_s * 1e6)))
            for option in (SO_RCVTIMEO, SO_SNDTIMEO):
                connection.setsockopt(socket.SOL_SOCKET, option, bound)

    def _still_open(self) -> socket.socket:
        """Return the socket.

        Raises:
            ConnectionAbortedError: Whoever waited for the answer has closed it.
        """
        if self._socket is None:
            raise ConnectionAbortedError("the connection was closed by another thread")
        return self._socket

    def _bound_unsent(self, chunk_bytes: int | None) -> None:
        """Let the socket take no more than a paced transfer's next chunk ahead of the link."""
        assert self._socket is not None
        bound = UNBOUNDED if chunk_bytes is None else max(LEAST_UNSENT_BYTES, chunk_bytes)
        if bound != self._unsent_bytes:
            self._unsent_bytes = bound
            try:
                self._socket.setsockopt(socket.IPPROTO_TCP, NOTSENT_LOWAT, bound)
            except OSError:
                # Then the socket swallows more; the measured time stays true.
                return

    def _send_all(self, head: bytes, body: RequestBody, deadline: Deadline) -> bool:
        """Send head and body; return False if an answer, or the end, came before the last of it."""
        first: Sequence[Buffer] = (head,)
        left = body.length
        try:
            for chunk in body.chunks:
                left -= len(chunk)
                # Stamps of every chunk would fill the error queue, and the last one be lost.
                if not self._send((*first, chunk), deadline, is_last=not left):
                    return False
                first = ()
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses a body closes the connection on it; its reason may be there.
            return False
        return True

    def _send(self, buffers: Sequence[Buffer], deadline: Deadline, *, is_last: bool) -> bool:
        """Send all of some buffers; return False if an answer, or the end, came before."""
        if self._stream is None:
            return self._send_buffers(buffers, deadline, is_last=is_last)
        pieces = list(_pieces(buffers))
        for number, piece in enumerate(pieces, start=1):
            sealed = self._stream.sealed(piece)
            self._plain_bytes += sum(map(len, piece))
            self._wire_bytes += len(sealed)
            at_end = is_last and number == len(pieces)
            if not self._send_buffers((sealed,), deadline, is_last=at_end):
                return False
        return True

    def _send_buffers(
        self, buffers: Sequence[Buffer], deadline: Deadline, *, is_last: bool
    ) -> bool:
        left = sum(map(len, buffers))
        stamps = self._stamps
        while True:
            try:
                sent = self._still_open().sendmsg(buffers, stamps.request if is_last else ())
                stamps.asked += is_last
            except BlockingIOError:
                sent = 0
            self._sent_bytes += sent
            left -= sent
            if not left:
                return True
            buffers = _rest(buffers, sent)
            self._watch(deadline)
            if self._answer_waits():
                return False

    def _send_wire(self, content: bytes, deadline: Deadline) -> None:
        """Send what TLS says for itself, which is little."""
        while content:
            try:
                sent = self._still_open().send(content)
            except BlockingIOError:
                sent = 0
            self._sent_bytes += sent
            content = content[sent:]
            self._watch(deadline)

    def _read_answer(
        self, deadline: Deadline, length_of: Callable[[AnswerHead], int]
    ) -> tuple[AnswerHead, bytes]:
        received = b""
        while (end := received.find(HEAD_END)) < 0:
            received += self._receive(deadline)
            deadline.remaining_s()
            if len(received) > ANSWER_BYTES:
                break
        head = parse_head(received, end)
        parts = [received[end + len(HEAD_END) :]]
        left = length_of(head) - len(parts[0])
        while left > 0:
            deadline.remaining_s()
            parts.append(self._receive(deadline))
            left -= len(parts[-1])
        return head, parts[0] if len(parts) == 1 else b"".join(parts)

    def _receive(self, deadline: Deadline) -> bytes:
        if self._stream is None:
            return self._receive_wire(deadline)
        received, self._early = self._early, b""
        while not received:
            received = self._stream.opened(self._receive_wire(deadline))
            if self._stream.ended and not received:
                raise ConnectionResetError("the server closed the connection without an answer")
            deadline.remaining_s()
        return received

    def _receive_in_time(self, deadline: Deadline) -> bytes:
        """Receive from one that may send a byte now and then for ever."""
        received = self._receive_wire(deadline)
        deadline.remaining_s()
        return received

    def _receive_wire(self, deadline: Deadline) -> bytes:
        while True:
            received: bytes | None = None
            with suppress(BlockingIOError):
                received = self._still_open().recv(ANSWER_BYTES)
            if received is None:
                self._watch(deadline)
                continue
            if not received:
                raise ConnectionResetError("the server closed the connection without an answer")
            return received

    def _watch(self, deadline: Deadline) -> None:
        """Note how long nothing has been acknowledged of what waits.

        Raises:
            TimeoutError: Time is up.
        """
        self._wait_until(deadline)
        connection = self._still_open()
        acknowledged, now_ns = read_tcp_info(connection).bytes_acknowledged, time.monotonic_ns()
        if acknowledged != self._acknowledged or not unacknowledged_bytes(connection):
            self._acknowledged, self._moved_ns = acknowledged, now_ns
        elif now_ns - self._moved_ns >= LEAST_STALL_NS:
            self._stalled_ns = max(self._stalled_ns, now_ns - self._moved_ns)


def _rest(buffers: Sequence[Buffer], sent: int) -> Sequence[Buffer]:
    """Return what is left of buffers after so many bytes of them."""
    for position, buffer in enumerate(buffers):
        if sent < len(buffer):
            return (memoryview(buffer)[sent:], *buffers[position + 1 :])
        sent -= len(buffer)
    return ()


def _pieces(buffers: Sequence[Buffer]) -> Iterator[Sequence[Buffer]]:
    """Yield buffers in pieces to seal one by one: the link sends while the next one is sealed."""
    *first, body = buffers
    for start in range(0, max(1, len(body)), SEALED_AT_ONCE):
        yield (*first, memoryview(body)[start : start + SEALED_AT_ONCE])
        first = []
