"""What happens once per start: loading, allocating, the first inference, reading the input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from joulesplit.calibrate.workloads._protocol import DeviceActivity, WorkDone, nothing
from joulesplit.drivers.protocols import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWorkload:
    """A repeated step that needs nothing to be made ready.

    Attributes:
        name: For people.
        step: Does it once.
        clock: Time.
        activity: Who is told that work begins.
    """

    name: str
    step: Callable[[], object]
    clock: Clock
    activity: DeviceActivity

    def run(self, repetitions: int) -> WorkDone:
        """Do the step ``repetitions`` times."""
        started_ns = self.clock.now_ns()
        self.activity.window_begins()
        for _ in range(repetitions):
            self.step()
        return WorkDone(
            started_ns=started_ns, ended_ns=self.clock.now_ns(), repetitions=repetitions
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyStepWorkload(StepWorkload):
    """A repeated step that needs something there, which it does not use up.

    Attributes:
        make_ready: Has there what it needs, before the window begins.
    """

    make_ready: Callable[[], None]

    @property
    def at_most(self) -> int:
        """No limit: nothing is used up."""
        return sys.maxsize

    def prepare(self, repetitions: int) -> None:
        """Have there what the step needs."""
        del repetitions
        self.make_ready()


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshStepWorkload:
    """A step that can be done only once to each thing, e.g. the first inference.

    Attributes:
        name: For people.
        make: Makes one thing ready, before the window begins.
        step: Does the step to it.
        clock: Time.
        activity: Who is told that work begins.
        at_most: Things that are ready at once: each may hold a whole network in memory.
        shelf: Where they stand. Workloads that share one let go of each other's things, so that
            no more than one window's are in memory.
        settle: Waits until what making them took has faded, before the idle of the window.
    """

    name: str
    make: Callable[[], object]
    step: Callable[[object], object]
    clock: Clock
    activity: DeviceActivity
    at_most: int
    shelf: list[object] = field(default_factory=list)
    settle: Callable[[], None] = nothing

    def prepare(self, repetitions: int) -> None:
        """Make as many things ready; those of the last window are let go first."""
        self.shelf.clear()
        self.shelf.extend(self.make() for _ in range(repetitions))
        self.settle()

    def run(self, repetitions: int) -> WorkDone:
        """Do the step to each thing that is ready.

        Raises:
            IndexError: Fewer are ready; ``prepare`` was not called.
        """
        ready = [self.shelf[position] for position in range(repetitions)]
        started_ns = self.clock.now_ns()
        self.activity.window_begins()
        for thing in ready:
            self.step(thing)
        return WorkDone(
            started_ns=started_ns, ended_ns=self.clock.now_ns(), repetitions=repetitions
        )
