"""The link made ready to be measured: uploads, downloads, new connections, and their counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from calibrate.campaign.plan import UNLIMITED
from calibrate.campaign.schedule import UploadSubject
from calibrate.work_records import CONNECTION_PHASE
from calibrate.workloads.download import DownloadWorkload
from calibrate.workloads.metered import LinkCount
from calibrate.workloads.phase import StepWorkload
from calibrate.workloads.upload import UploadWorkload
from edge.errors import InterfaceNotFoundError
from edge.interface import interface_counters
from edge.pacing import BITS_PER_BYTE, Pacer

if TYPE_CHECKING:
    from calibrate.workloads.protocol import DeviceActivity
    from drivers.protocols import Clock
    from edge.client import EdgeClient


def pace_of(transfer: UploadSubject) -> float | None:
    """Return a transfer's rate, bit/s; None if it has none."""
    return None if transfer.rate_bit_per_s == UNLIMITED else float(transfer.rate_bit_per_s)


class LinkBench:
    """Transfers to the edge server as workloads.

    The airtime of a paced transfer is that of its schedule; an unpaced upload ends with the answer,
    because a socket takes bytes long before they are on the air.

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

    def send(self, payload: bytes, rate_bit_per_s: float | None) -> float:
        """Upload a payload; return the time on the air, s."""
        rate = rate_bit_per_s or self._link_rate_bit_per_s
        pacer = Pacer(rate, clock=self._clock, on_chunk=self._activity.on_air)
        receipt = self._client.upload(payload, pacer=pacer)
        sent_bytes = receipt.payload_bytes + receipt.http_overhead_bytes
        self._socket_bits += BITS_PER_BYTE * sent_bytes
        if rate is None:
            return (receipt.answered_ns - receipt.started_ns) * 1e-9
        return receipt.duration_s

    def receive(self, payload_bytes: int, rate_bit_per_s: float | None) -> float:
        """Download a payload; return the time on the air, s.

        At a stated rate that is its schedule, from the answer's head on, or what it took longer;
        else the time from the request to the last byte.
        """
        rate = rate_bit_per_s or self._link_rate_bit_per_s
        started_ns = self._clock.now_ns()
        airtime_s = 0.0
        if rate is not None:
            bits = BITS_PER_BYTE * payload_bytes
            airtime_s = bits / rate
            self._activity.on_air(bits, airtime_s)
        receipt = self._client.download(payload_bytes, rate_bit_per_s=rate)
        self._clock.sleep_until_ns(receipt.began_ns + round(airtime_s * 1e9))
        self._socket_bits += BITS_PER_BYTE * receipt.http_overhead_bytes
        if rate is None:
            return (receipt.ended_ns - started_ns) * 1e-9
        return max(airtime_s, (receipt.ended_ns - receipt.began_ns) * 1e-9)

    def count(self) -> LinkCount:
        """Read the counters; see ``calibrate.workloads.metered.LinkMeter``."""
        if self._interface is None:
            return LinkCount(socket_bits=self._socket_bits)
        try:
            counters = interface_counters(self._interface)
        except InterfaceNotFoundError:
            return LinkCount(socket_bits=self._socket_bits)
        return LinkCount(
            socket_bits=self._socket_bits,
            interface_tx_bits=BITS_PER_BYTE * counters.tx_bytes,
            interface_rx_bits=BITS_PER_BYTE * counters.rx_bytes,
        )

    def uploads(
        self, subjects: Sequence[UploadSubject], payloads: Mapping[int, bytes]
    ) -> dict[str, UploadWorkload]:
        """Return each upload subject as a workload that sends a real block output."""
        return {
            subject.key: UploadWorkload(
                name=subject.key,
                payload=payloads[subject.payload_bits],
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
        self._client.health()
