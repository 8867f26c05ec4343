"""Whole inferences by one split: head here, upload, tail on the server, result back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from joulesplit.calibrate.workloads._protocol import DeviceActivity, WorkDone
from joulesplit.drivers.protocols import Clock

Offload = Callable[[], float]
"""Sends what crosses, waits for the result, keeps it; returns the airtime, s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitWorkload:
    """A split, run end to end.

    Attributes:
        name: For people.
        head_blocks: l: blocks 1 … l run here; 0 for none.
        head: Runs them once; None for l = 0.
        offload: Does the rest on the server; None for l = L.
        payload_bits: What goes up per inference, bit.
        clock: Time.
        activity: Who is told.
    """

    name: str
    head_blocks: int
    head: Callable[[], None] | None
    offload: Offload | None
    payload_bits: int
    clock: Clock
    activity: DeviceActivity

    def run(self, repetitions: int) -> WorkDone:
        """Run ``repetitions`` inferences one after the other."""
        started_ns = self.clock.now_ns()
        self.activity.window_begins()
        airtime_s = sum(self._once() for _ in range(repetitions))
        return WorkDone(
            started_ns=started_ns,
            ended_ns=self.clock.now_ns(),
            repetitions=repetitions,
            airtime_s=airtime_s,
            payload_bits=self.payload_bits * repetitions if self.offload else 0,
        )

    def _once(self) -> float:
        if self.head is not None:
            with self.activity.inference(1, self.head_blocks):
                self.head()
        if self.offload is None:
            return 0.0
        self.activity.upload_begins()
        return self.offload()
