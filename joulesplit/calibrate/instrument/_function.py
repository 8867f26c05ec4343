"""A function of this process as the work of a window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from joulesplit.calibrate.workloads import WorkDone
from joulesplit.drivers.protocols import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionWorkload:
    """A call of a function, as a workload.

    Attributes:
        name: For people.
        function: What is measured; whatever it raises ends the measurement.
        clock: Time.
        each_s: How often ``keep`` is called meanwhile, s.
        keep: Takes over the readings so far; called by another thread, which sleeps otherwise.
    """

    name: str
    function: Callable[[], object]
    clock: Clock
    each_s: float
    keep: Callable[[], None]

    def run(self, repetitions: int) -> WorkDone:
        """Call it ``repetitions`` times, one after the other."""
        with self._keeping():
            started_ns = self.clock.now_ns()
            for _ in range(repetitions):
                self.function()
            ended_ns = self.clock.now_ns()
        return WorkDone(started_ns=started_ns, ended_ns=ended_ns, repetitions=repetitions)

    @contextmanager
    def _keeping(self) -> Iterator[None]:
        """Take over readings now and then, however long the function lasts."""
        over, failures = Event(), list[Exception]()

        def keep() -> None:
            while not over.wait(self.each_s):
                try:
                    self.keep()
                except Exception as error:  # noqa: BLE001 (whatever it is, the caller hears of it)
                    failures.append(error)
                    return

        thread = Thread(target=keep, name="joulesplit-keep", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        if failures:
            raise failures[0]
