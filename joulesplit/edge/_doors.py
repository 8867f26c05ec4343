"""How many connections a server holds, and how long each may take: so that none locks others out.

A connection that asks for nothing, an endless head, a body that trickles: each is cheap to make and
would otherwise stay for ever. Deadlines end them. Where more come than there are places, the one
that has been of no use for longest goes, not the newcomer; a client in good faith connects again.
"""

from __future__ import annotations

import asyncio
import resource
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from joulesplit.edge._pacing import BITS_PER_BYTE

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from uvicorn.protocols.http.h11_impl import H11Protocol

    Connection: TypeAlias = "H11Protocol | TlsDoor"

SWEPT_EVERY_S = 0.25
SLOWEST_BIT_PER_S = 2e4
"""A fifth of what a client calls the slowest link: a body at this rate is still taken, bit/s."""

LONGEST_BACKLOG, MANY_FILES = 128, 2**20


class Doing(StrEnum):
    """What a connection is doing; of the first to go when there is no place, first."""

    NEW = "nothing yet"
    HEAD = "sending a head"
    KEPT = "resting after an answer"
    BODY = "sending a body"
    UNREAD = "not reading its answer"
    WORKING = "waiting for its answer"


_FIRST_TO_GO = (Doing.NEW, Doing.HEAD, Doing.KEPT, Doing.BODY, Doing.UNREAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What a server takes before it says no.

    Attributes:
        connections: Open at once; no more than a third of the files that it may open.
        head_s: Longest time from a connection, or the first byte, to the end of a request's head.
        body_s: The same for a body, beside what it takes at the slowest rate, s.
        waiting_tails: Tails that run or wait to run; further ones are told to come again.
        waiting_bytes: Bodies of tails that are being received or wait, together, byte.
        runner_bytes: Memory for the interpreters of tails, estimated, byte.
        source_s: Longest paced download, s.
        grace_s: What is under way gets so long to finish when the server is asked to stop, s.
    """

    connections: int = 512
    head_s: float = 10.0
    body_s: float = 10.0
    waiting_tails: int = 64
    waiting_bytes: int = 256 * 1024 * 1024
    runner_bytes: int = 1024 * 1024 * 1024
    source_s: float = 600.0
    grace_s: int = 3

    @property
    def connections_here(self) -> int:
        """Connections, as far as this process may open files."""
        return max(1, min(self.connections, _files() // 3))

    @property
    def backlog(self) -> int:
        """Connections that are accepted at once.

        An event loop that runs out of files while it accepts writes a traceback for each it could
        have accepted, so a few such bursts have to fit in beside the connections.
        """
        return max(4, min(LONGEST_BACKLOG, _files() // 8))


def _files() -> int:
    """Return how many files this process may have open."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MANY_FILES if files == resource.RLIM_INFINITY else files


DEFAULT_LIMITS = ServerLimits()


class Doors:
    """A watch over the connections of one server, in its event loop.

    Args:
        limits: What it takes.
    """

    def __init__(self, limits: ServerLimits) -> None:
        self._limits = limits
        self._connections = limits.connections_here
        self._seen: dict[Connection, tuple[tuple[Doing, int], float]] = {}
        self._sweeping = False

    def enter(self, protocol: Connection) -> None:
        """Take a new connection in; where there is no place, another one goes."""
        now_s = protocol.loop.time()
        self._seen[protocol] = (Doing.NEW, 0), now_s
        if len(self._seen) > self._connections:
            self._make_place(protocol)
        if not self._sweeping:
            self._sweeping = True
            protocol.loop.call_later(SWEPT_EVERY_S, self._sweep, protocol.loop)

    def leave(self, protocol: Connection) -> None:
        """Forget a connection."""
        self._seen.pop(protocol, None)

    def _make_place(self, newcomer: Connection) -> None:
        waiting = [
            (_FIRST_TO_GO.index(state), since_s, number)
            for number, (protocol, (_, since_s)) in enumerate(self._seen.items())
            if protocol is not newcomer and (state := _state_of(protocol)) in _FIRST_TO_GO
        ]
        victim = newcomer
        if waiting:
            victim = list(self._seen)[min(waiting)[2]]
        self._close(victim)

    def _sweep(self, loop: Any) -> None:
        now_s = loop.time()
        for protocol, (before, since_s) in list(self._seen.items()):
            state = _state_of(protocol)
            current = state, id(protocol.cycle)
            if current != before:
                self._seen[protocol] = current, now_s
            elif now_s - since_s > self._longest_s(state, protocol):
                self._close(protocol)
        self._sweeping = bool(self._seen)
        if self._sweeping:
            loop.call_later(SWEPT_EVERY_S, self._sweep, loop)

    def _longest_s(self, state: Doing, protocol: Connection) -> float:
        if state in (Doing.NEW, Doing.HEAD):
            return self._limits.head_s
        if state == Doing.BODY:
            bits = BITS_PER_BYTE * _declared_bytes(protocol)
            return self._limits.body_s + bits / SLOWEST_BIT_PER_S
        return float("inf")

    def _close(self, protocol: Connection) -> None:
        self.leave(protocol)
        protocol.transport.abort()


def guarded_protocol(
    doors: Doors, limits: ServerLimits, context: ssl.SSLContext | None = None
) -> type[asyncio.Protocol]:
    """Return uvicorn's HTTP protocol, each connection of which passes the doors.

    Args:
        doors: Of the server.
        limits: What it takes.
        context: What it shows over TLS; None for none.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class GuardedProtocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            doors.enter(self)

        def connection_lost(self, exc: Exception | None) -> None:
            doors.leave(self)
            super().connection_lost(exc)

    return (
        GuardedProtocol if context is None else _behind_tls(GuardedProtocol, doors, limits, context)
    )


def _behind_tls(
    inside: type[H11Protocol], doors: Doors, limits: ServerLimits, context: ssl.SSLContext
) -> type[asyncio.Protocol]:
    """Return a protocol that agrees on keys before the one inside begins."""

    class BehindTls(TlsDoor):
        def __init__(self, **settings: Any) -> None:
            super().__init__(doors, context, limits.head_s, lambda: inside(**settings))

    return BehindTls


class TlsDoor(asyncio.Protocol):
    """A new connection until its keys are agreed on; a place is taken from the first byte on.

    asyncio would wait a minute for each, beside all places.

    Args:
        doors: That it passes.
        context: What the server shows.
        longest_s: For the handshake, s.
        inside: Makes what speaks HTTP behind it.
    """

    cycle = None

    def __init__(
        self,
        doors: Doors,
        context: ssl.SSLContext,
        longest_s: float,
        inside: Callable[[], asyncio.Protocol],
    ) -> None:
        self._doors, self._context, self._longest_s = doors, context, longest_s
        self._inside = inside
        self.loop = asyncio.get_running_loop()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, and begin."""
        self.transport = transport
        # What comes before TLS reads would be lost.
        self.transport.pause_reading()
        self._doors.enter(self)
        self._task = self.loop.create_task(self._shake_hands())

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        del exc
        self._doors.leave(self)

    async def _shake_hands(self) -> None:
        early = _EarlyBytes()
        try:
            secured = await self.loop.start_tls(
                self.transport, early, self._context, server_side=True,
                ssl_handshake_timeout=self._longest_s,
            )  # fmt: skip
        except OSError:
            # Whoever it was does not speak TLS, or not to this server: the transport is closed.
            secured = None
        self._doors.leave(self)
        if secured is None or early.over:
            self.transport.abort()
            return
        inside = self._inside()
        secured.set_protocol(inside)
        inside.connection_made(secured)
        if early.received:
            inside.data_received(bytes(early.received))


class _EarlyBytes(asyncio.Protocol):
    """What comes right behind a handshake, until somebody is there to take it.

    Attributes:
        received: So far.
        over: Nothing more comes.
    """

    def __init__(self) -> None:
        self.received = bytearray()
        self.over = False

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.over = True


def _state_of(protocol: Connection) -> Doing:
    """Return what a connection is doing."""
    if isinstance(protocol, TlsDoor):
        return Doing.NEW
    cycle: Any = protocol.cycle  # None before the first request
    if cycle is None or cycle.response_complete:
        if protocol.conn.trailing_data[0]:
            return Doing.HEAD
        return Doing.NEW if cycle is None else Doing.KEPT
    if cycle.more_body:
        return Doing.BODY
    return Doing.UNREAD if protocol.transport.get_write_buffer_size() else Doing.WORKING


def _declared_bytes(protocol: Any) -> int:
    text = dict(protocol.cycle.scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0
