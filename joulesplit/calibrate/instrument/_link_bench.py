"""The link made ready to be measured: uploads, downloads, new connections, and their counters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, TypeVar

from joulesplit.calibrate.campaign import UNLIMITED, UploadSubject
from joulesplit.calibrate.errors import LinkDroppedError
from joulesplit.calibrate.profile import CONNECTION_PHASE
from joulesplit.calibrate.workloads import DownloadWorkload, LinkCount, StepWorkload, UploadWorkload
from joulesplit.edge import (
    BITS_PER_BYTE,
    Pacer,
    interface_counters,
    probe_link,
    require_carried,
    scheduled,
)
from joulesplit.edge.errors import InterfaceNotFoundError, ServerUnreachableError

if TYPE_CHECKING:
    from joulesplit.calibrate.workloads import DeviceActivity
    from joulesplit.drivers.protocols import Clock
    from joulesplit.edge import EdgeClient, LinkProbe, TransferFacts, UploadReceipt

Answer = TypeVar("Answer")

PATIENCE_S = 30.0
"""So long a link that dropped is waited for, s: a radio scans and joins again in some seconds."""

ASKED_EVERY_S = 0.5
"""How often the server is asked meanwhile, s."""


def pace_of(transfer: UploadSubject) -> float | None:
    """Return a transfer's rate, bit/s; None if it has none."""
    return None if transfer.rate_bit_per_s == UNLIMITED else float(transfer.rate_bit_per_s)


def payload_of(bits: int, crossing: Mapping[int, bytes]) -> bytes:
    """Return a payload of real values: those of a cut of this size, or the nearest larger one's.

    What is larger than all of them repeats the largest.

    Args:
        bits: Size, whole bytes.
        crossing: What crosses at the cuts, by size in bits.
    """
    larger = [size for size in crossing if size >= bits]
    body = crossing[min(larger, default=max(crossing))]
    return (body * ceil(bits / (BITS_PER_BYTE * len(body))))[: bits // BITS_PER_BYTE]


LARGEST_PROBE_BYTES = 8_000_000
"""Of a link of 100 Mbit/s more than half a second; a faster one is probed for less."""


class LinkBench:
    """Transfers to the edge server as workloads.

    The time of an upload on a real link is measured, paced or not: from the first byte given to
    the kernel until it holds none that is not acknowledged
    (``joulesplit.edge._transfer_facts``). A simulated link keeps to its schedule, which it is told.

    When the link drops, it is waited for and the window given up: the pause must not be measured.
    So is the window of an upload in the middle of which the link stood still.

    Args:
        client: Of the edge server.
        clock: Time.
        activity: Who is told.
        interface: Whose counters are read around each window; None for none.
        link_rate_bit_per_s: What a simulated link takes at most, bit/s; None for a real one,
            which finds its own.
    """

    def __init__(
        self,
        client: EdgeClient,
        clock: Clock,
        activity: DeviceActivity,
        *,
        interface: str | None,
        link_rate_bit_per_s: float | None,
    ) -> None:
        self._client, self._clock, self._activity = client, clock, activity
        self._interface = interface
        self._link_rate_bit_per_s = link_rate_bit_per_s
        self._socket_bits = 0
        self._receipts: list[UploadReceipt] = []
        self._transfers: list[TransferFacts] = []

    def probe(self, rates_bit_per_s: Sequence[float]) -> LinkProbe:
        """Look at the link before anything is measured on it, with real uploads.

        Args:
            rates_bit_per_s: Rates that it has to carry, bit/s.

        Raises:
            RateNotCarriedError: It does not carry one of them.
            LinkDroppedError: The link was gone, and is back.
            EdgeError: The server failed.
        """
        most_bytes = min(LARGEST_PROBE_BYTES, self._client.health().max_body_bytes)
        require_carried(self._carry, most_bytes, rates_bit_per_s)
        return probe_link(self._carry, most_bytes)

    def _carry(self, payload: bytes, rate_bit_per_s: float | None) -> TransferFacts:
        self.send(payload, rate_bit_per_s)
        return self.count().transfers[-1]

    def send(self, payload: bytes, rate_bit_per_s: float | None) -> float:
        """Upload a payload; return its transfer time, s.

        Raises:
            LinkDroppedError: The link was gone, and is back.
            EdgeError: It is not, or the server failed.
        """
        rate = self._paced_at(rate_bit_per_s)
        pacer = None
        if rate is not None:
            pacer = Pacer(rate, clock=self._clock, on_chunk=self._activity.on_air)
        receipt = self._exchange(lambda: self._client.upload(payload, pacer=pacer))
        self._receipts.append(receipt)
        if receipt.exchange.stalled_ns:
            raise LinkDroppedError(
                f"the link stood still for {receipt.exchange.stalled_ns * 1e-9:.1f} s in the "
                "middle of an upload and went on; measure again, nearer to the access point if it "
                "keeps doing so"
            )
        return receipt.duration_s if self._link_rate_bit_per_s else receipt.transfer_s

    def _paced_at(self, rate_bit_per_s: float | None) -> float | None:
        """Return what a transfer goes at: a simulated link takes no more than it does."""
        if self._link_rate_bit_per_s is None:
            return rate_bit_per_s
        return min(rate_bit_per_s or self._link_rate_bit_per_s, self._link_rate_bit_per_s)

    def receive(self, payload_bytes: int, rate_bit_per_s: float | None) -> float:
        """Download a payload; return the time on the air, s.

        At a stated rate that is its schedule, from the answer's head on, or what it took longer;
        else the time from the request to the last byte.

        Raises:
            LinkDroppedError, EdgeError: As in ``send``.
        """
        rate = self._paced_at(rate_bit_per_s)
        started_ns = self._clock.now_ns()
        airtime_s = 0.0
        if rate is not None:
            bits = BITS_PER_BYTE * payload_bytes
            airtime_s = bits / rate
            self._activity.on_air(bits, airtime_s)
        receipt = self._exchange(lambda: self._client.download(payload_bytes, rate_bit_per_s=rate))
        self._clock.sleep_until_ns(receipt.began_ns + round(airtime_s * 1e9))
        self._socket_bits += BITS_PER_BYTE * receipt.http_overhead_bytes
        if rate is None:
            return (receipt.ended_ns - started_ns) * 1e-9
        return max(airtime_s, (receipt.ended_ns - receipt.began_ns) * 1e-9)

    def count(self) -> LinkCount:
        """Read the counters; see ``joulesplit.calibrate.workloads._metered.LinkMeter``."""
        self._take_receipts()
        count = LinkCount(socket_bits=self._socket_bits, transfers=tuple(self._transfers))
        if self._interface is None:
            return count
        try:
            counters = interface_counters(self._interface)
        except InterfaceNotFoundError:
            return count
        return replace(
            count,
            interface_tx_bits=BITS_PER_BYTE * counters.tx_bytes,
            interface_rx_bits=BITS_PER_BYTE * counters.rx_bytes,
        )

    def _take_receipts(self) -> None:
        """Make sense of what the uploads since the last time told: not while they run."""
        for receipt in self._receipts:
            sent_bytes = receipt.payload_bytes + receipt.http_overhead_bytes
            self._socket_bits += BITS_PER_BYTE * sent_bytes
            if self._link_rate_bit_per_s is None:
                self._transfers.append(receipt.facts)
            else:
                bits = BITS_PER_BYTE * receipt.payload_bytes
                self._transfers.append(scheduled(bits, receipt.duration_s))
        self._receipts.clear()

    def uploads(
        self, subjects: Sequence[UploadSubject], payloads: Mapping[int, bytes]
    ) -> dict[str, UploadWorkload]:
        """Return each upload subject as a workload that sends what crosses at a cut, by size."""
        return {
            subject.key: UploadWorkload(
                name=subject.key,
                payload=payload_of(subject.payload_bits, payloads),
                rate_bit_per_s=pace_of(subject),
                send=self.send,
                clock=self._clock,
                activity=self._activity,
                meter=self.count,
            )
            for subject in subjects
        }

    def downloads(self, subjects: Sequence[UploadSubject]) -> dict[str, DownloadWorkload]:
        """Return each download subject as a workload."""
        return {
            subject.key: DownloadWorkload(
                name=subject.key,
                payload_bytes=subject.payload_bits // BITS_PER_BYTE,
                rate_bit_per_s=pace_of(subject),
                receive=self.receive,
                clock=self._clock,
                activity=self._activity,
                meter=self.count,
            )
            for subject in subjects
        }

    def connection(self) -> StepWorkload:
        """Return the set-up of a new connection as a workload."""
        return StepWorkload(
            name=CONNECTION_PHASE, step=self._connect, clock=self._clock, activity=self._activity
        )

    def _connect(self) -> None:
        self._client.close()
        self._exchange(self._client.health)

    def _exchange(self, exchange: Callable[[], Answer]) -> Answer:
        try:
            return exchange()
        except ServerUnreachableError as error:
            began_ns = self._clock.now_ns()
            self._wait_for_link(began_ns + round(PATIENCE_S * 1e9))
            gone_s = (self._clock.now_ns() - began_ns) * 1e-9
            raise LinkDroppedError(
                f"the link was gone for {gone_s:.1f} s and is back: {error}; measure again, nearer "
                "to the access point if it keeps dropping"
            ) from error

    def _wait_for_link(self, until_ns: int) -> None:
        """Return when the server answers again.

        Raises:
            ServerUnreachableError: It has not for too long.
        """
        while True:
            self._clock.sleep_until_ns(self._clock.now_ns() + round(ASKED_EVERY_S * 1e9))
            try:
                self._client.health()
            except ServerUnreachableError:
                if self._clock.now_ns() >= until_ns:
                    raise
            else:
                return
