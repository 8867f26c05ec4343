"""Inference of a run of blocks, over and over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from joulesplit.calibrate.workloads._protocol import DeviceActivity, WorkDone, nothing
from joulesplit.drivers.protocols import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockWorkload:
    """One sub-network, run on its real input.

    Attributes:
        name: For people.
        first_block: First block in the sub-network, from 1.
        last_block: Last block in the sub-network.
        invoke: Runs the sub-network once; its input is already in place.
        clock: Time.
        activity: Who is told.
        make_ready: Sees to it that the sub-network is loaded and warm, before the window begins.
    """

    name: str
    first_block: int
    last_block: int
    invoke: Callable[[], None]
    clock: Clock
    activity: DeviceActivity
    make_ready: Callable[[], None] = nothing

    @property
    def at_most(self) -> int:
        """No limit: one interpreter runs any number of inferences."""
        return sys.maxsize

    def prepare(self, repetitions: int) -> None:
        """Have the sub-network loaded."""
        del repetitions
        self.make_ready()

    def run(self, repetitions: int) -> WorkDone:
        """Run ``repetitions`` inferences back to back."""
        started_ns = self.clock.now_ns()
        self.activity.window_begins()
        for _ in range(repetitions):
            with self.activity.inference(self.first_block, self.last_block):
                self.invoke()
        return WorkDone(
            started_ns=started_ns, ended_ns=self.clock.now_ns(), repetitions=repetitions
        )
