"""Uploads of one payload at one rate, over and over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from joulesplit.calibrate.workloads._metered import LinkMeter, no_meter
from joulesplit.calibrate.workloads._protocol import DeviceActivity, WorkDone
from joulesplit.drivers.protocols import Clock

Send = Callable[[bytes, float | None], float]
"""Sends a payload at a rate [bit/s] (None: as fast as it goes); returns the transfer time, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadWorkload:
    """One real tensor, sent again and again.

    Attributes:
        name: For people.
        payload: What is sent.
        rate_bit_per_s: Payload bits per second; None sends as fast as the link takes it.
        send: Does one upload, see ``Send``.
        clock: Time.
        activity: Who is told.
        meter: Counts what goes over the link.
    """

    name: str
    payload: bytes
    rate_bit_per_s: float | None
    send: Send
    clock: Clock
    activity: DeviceActivity
    meter: LinkMeter = no_meter

    def run(self, repetitions: int) -> WorkDone:
        """Send ``repetitions`` times."""
        before = self.meter()
        started_ns = self.clock.now_ns()
        airtime_s = 0.0
        for _ in range(repetitions):
            self.activity.upload_begins()
            airtime_s += self.send(self.payload, self.rate_bit_per_s)
        ended_ns = self.clock.now_ns()
        carried = self.meter().since(before)
        return WorkDone(
            started_ns=started_ns,
            ended_ns=ended_ns,
            repetitions=repetitions,
            airtime_s=airtime_s,
            payload_bits=8 * len(self.payload) * repetitions,
            socket_bits=carried.socket_bits,
            interface_tx_bits=carried.interface_tx_bits,
            interface_rx_bits=carried.interface_rx_bits,
            pace="unlimited" if self.rate_bit_per_s is None else self.rate_bit_per_s,
            transfers=carried.transfers,
        )
