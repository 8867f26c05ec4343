"""Downloads of one size at one rate, over and over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from joulesplit.calibrate.workloads._metered import LinkMeter, no_meter
from joulesplit.calibrate.workloads._protocol import DeviceActivity, WorkDone
from joulesplit.drivers.protocols import Clock

Receive = Callable[[int, float | None], float]
"""Receives so many bytes at a rate, bit/s, or as fast as they come; returns the time on the air,
s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadWorkload:
    """One payload, received again and again.

    Attributes:
        name: For people.
        payload_bytes: How long it is, byte.
        rate_bit_per_s: Payload bits per second; None receives as fast as the link delivers.
        receive: Does one download, see ``Receive``.
        clock: Time.
        activity: Who is told.
        meter: Counts what goes over the link.
    """

    name: str
    payload_bytes: int
    rate_bit_per_s: float | None
    receive: Receive
    clock: Clock
    activity: DeviceActivity
    meter: LinkMeter = no_meter

    def run(self, repetitions: int) -> WorkDone:
        """Receive ``repetitions`` times."""
        before = self.meter()
        started_ns = self.clock.now_ns()
        airtime_s = 0.0
        for _ in range(repetitions):
            self.activity.upload_begins()
            airtime_s += self.receive(self.payload_bytes, self.rate_bit_per_s)
        ended_ns = self.clock.now_ns()
        carried = self.meter().since(before)
        return WorkDone(
            started_ns=started_ns,
            ended_ns=ended_ns,
            repetitions=repetitions,
            airtime_s=airtime_s,
            payload_bits=8 * self.payload_bytes * repetitions,
            socket_bits=carried.socket_bits,
            interface_tx_bits=carried.interface_tx_bits,
            interface_rx_bits=carried.interface_rx_bits,
            pace="unlimited" if self.rate_bit_per_s is None else self.rate_bit_per_s,
        )
