"""What the client brings back from the server. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.edge._bundle import NamedTensor
from joulesplit.edge._kept_connection import Exchange
from joulesplit.edge._transfer_facts import TransferFacts, facts_of, transfer_time


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadReceipt:
    """One upload whose length and CRC-32 the receiver has confirmed.

    Attributes:
        payload_bytes: Length of the request body, byte.
        exchange: What was read around it; ``facts`` makes sense of it.
        by_schedule_ns: Start, end and answer by the clock of a paced transfer, ns; None if it
            was sent whole.
    """

    payload_bytes: int
    exchange: Exchange
    by_schedule_ns: tuple[int, int, int] | None

    @property
    def started_ns(self) -> int:
        """When its first byte was given to the socket, ns, CLOCK_MONOTONIC unless simulated."""
        return self.by_schedule_ns[0] if self.by_schedule_ns else self.exchange.began_ns

    @property
    def ended_ns(self) -> int:
        """When its schedule was over or, without one, the socket had taken it, ns.

        What the link did is in ``facts``.
        """
        return self.by_schedule_ns[1] if self.by_schedule_ns else self.exchange.taken_ns

    @property
    def answered_ns(self) -> int:
        """When the answer had been read, ns."""
        return self.by_schedule_ns[2] if self.by_schedule_ns else self.exchange.answered_ns

    @property
    def http_overhead_bytes(self) -> int:
        """Request head, byte; TCP, IP and link headers are not in it."""
        return self.exchange.head_bytes

    @property
    def connection_s(self) -> float:
        """Set-up of a new connection, before ``started_ns``, s; 0 if one was open."""
        return self.exchange.connection_ns / 1e9

    @property
    def duration_s(self) -> float:
        """From ``started_ns`` to ``ended_ns``, s: the schedule, not what the link did."""
        return (self.ended_ns - self.started_ns) / 1e9

    @property
    def transfer_s(self) -> float:
        """Transfer time, s, as in ``facts``, without the rest of them."""
        return transfer_time(self.exchange)[0]

    @property
    def facts(self) -> TransferFacts:
        """What the link really did, by the host's clocks and the kernel's counters."""
        return facts_of(self.exchange, self.payload_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadReceipt:
    """One download that arrived whole.

    Attributes:
        payload_bytes: Length of the answer's body, byte.
        http_overhead_bytes: Request head that was sent for it, byte.
        began_ns: When its head had arrived, CLOCK_MONOTONIC, ns: the body comes with it.
        ended_ns: When its last byte had arrived, CLOCK_MONOTONIC, ns.
    """

    payload_bytes: int
    http_overhead_bytes: int
    began_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TailResult:
    """What a tail computed on the server.

    Attributes:
        outputs: The network's outputs, in the file's order.
        receipt: How the crossing tensors got there.
        server_compute_s: Time the server's runtime took, s, without queueing and transfer.
    """

    outputs: tuple[NamedTensor, ...]
    receipt: UploadReceipt
    server_compute_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A network that a server has.

    Attributes:
        name: File name without directory.
        sha256: Of the file, hexadecimal.
        operators: Number of operators.
    """

    name: str
    sha256: str
    operators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TailRuntime:
    """What runs a server's tails; another one may compute other results.

    Attributes:
        name: Distribution of the interpreter.
        version: Its version.
        threads: Threads per tail.
        xnnpack: It may use the XNNPACK delegate.
    """

    name: str
    version: str
    threads: int
    xnnpack: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerHealth:
    """What a server says of itself.

    Attributes:
        tool: Always ``joulesplit``.
        protocol_version: Version of the wire format it speaks.
        max_body_bytes: Longest request body it takes, byte.
        models: The networks it serves.
        runtime: What runs their tails; None if it serves none, has none installed, or is of a
            version that does not say.
    """

    tool: str
    protocol_version: int
    max_body_bytes: int
    models: tuple[ServedModel, ...]
    runtime: TailRuntime | None = None
