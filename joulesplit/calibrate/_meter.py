"""What a piece of a program costs: energy by ``with``, by decorator and by ``async with``.

    with SamplerProcess(sensor_factory, clock) as sampler:
        meter = WindowMeter(sampler, clock)
        with meter.window("inference") as window:
            interpreter.invoke()
        print(window.result.energy_j)

Leaving the outermost window waits for the two readings after its end, two cycles of the sensor at
most; leaving an inner one does not wait and works nothing out, so that it costs the outer one a few
microseconds, however many there were before. The sampler keeps ten minutes of readings: where
nothing opens or closes for so long inside a window, call ``collect`` now and then.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from array import array
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate._meter_energy import MeteredEnergy, figures_between, uncovered
from joulesplit.calibrate._meter_history import MeterResults, ReadingHistory
from joulesplit.calibrate.errors import CalibrationError, WindowError
from joulesplit.calibrate.sampling import SamplerStatistics, Trace
from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import SensorDescription

KEPT_BEFORE = 8
"""Readings kept before the earliest open window: the one its start cuts, its neighbour, and enough
to tell the usual step from a lost one."""

COLLECTED_EVERY_NS = 10_000_000_000
"""How often readings are taken over while windows open and close; the sampler keeps ten minutes."""

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
"""A function or coroutine function, whose type a decorator keeps."""


class MeteredSampler(Protocol):
    """What the meter needs of a sampler: both samplers of this package are one."""

    @property
    def description(self) -> SensorDescription:
        """The sensor, as opened."""

    def trace_until(self, t_ns: int) -> Trace:
        """Return the readings since the last call, up to the first that ends at or after t_ns."""

    def trace_so_far(self) -> Trace:
        """Return the readings since the last call, without waiting for any."""

    def statistics(self) -> SamplerStatistics:
        """Return how the sampler fared so far."""


class MeterWindow:
    """One stretch of time under the meter; made by ``WindowMeter.window``.

    Args:
        meter: Whose window it is.
        name: Kept in the result.
    """

    __slots__ = ("_meter", "_number", "name", "started_ns")

    def __init__(self, meter: WindowMeter, name: str) -> None:
        self._meter = meter
        self._number: int | None = None
        self.name = name
        self.started_ns: int | None = None
        """When it was entered; the meter sets it."""

    @property
    def result(self) -> MeteredEnergy:
        """The energy, once the block has been left, by an exception or not.

        Inside an outer window this waits for the readings after the end.

        Raises:
            WindowError: The block has not been left, or the readings do not cover it.
        """
        if self._number is None:
            raise WindowError(f"the window {self.name!r} has no energy before its block is left")
        return self._meter.result_of(self._number)

    def left(self, number: int) -> None:
        """Take note of one's number among all windows that were left; the meter does it."""
        self._number = number

    def __enter__(self) -> Self:
        """Begin to count."""
        self._meter.open(self)
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Count up to now; what the block raised goes on, the energy until then is kept."""
        ended_ns = self._meter.now_ns()
        if not self._meter.close(self, ended_ns, interrupted=exception is not None):
            return
        try:
            self._meter.settle()
        except (CalibrationError, SensorError) as error:
            if exception is None:
                raise
            exception.add_note(f"the energy of the window {self.name!r} is lost too: {error}")

    async def __aenter__(self) -> Self:
        """Begin to count; waits only while another window is being ended."""
        return self.__enter__()

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Count up to now; other tasks run while the last reading is awaited."""
        ended_ns = self._meter.now_ns()
        if not self._meter.close(self, ended_ns, interrupted=exception is not None):
            return
        try:
            await asyncio.to_thread(self._meter.settle)
        except (CalibrationError, SensorError) as error:
            if exception is None:
                raise
            exception.add_note(f"the energy of the window {self.name!r} is lost too: {error}")


def measured_in(window: Callable[[], MeterWindow]) -> Callable[[AnyFunction], AnyFunction]:
    """Return a decorator that runs each call of a function, plain or async, in a window of its own.

    Args:
        window: Makes the window of a call.
    """

    def decorate(function: AnyFunction) -> AnyFunction:
        @functools.wraps(function)
        def plain(*args: Any, **options: Any) -> Any:
            with window():
                return function(*args, **options)

        @functools.wraps(function)
        async def awaited(*args: Any, **options: Any) -> Any:
            async with window():
                return await function(*args, **options)

        return cast(AnyFunction, awaited if inspect.iscoroutinefunction(function) else plain)

    return decorate


class WindowMeter:
    """Energy of named windows, nested or overlapping, over one sampler.

    The meter takes the sampler's readings for itself: nobody else may collect them meanwhile.

    Args:
        sampler: Running sampler.
        clock: Of the program that is measured; the sampler's readings carry its times.
    """

    def __init__(self, sampler: MeteredSampler, clock: Clock) -> None:
        self._sampler = sampler
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[MeterWindow, int] = {}
        self._left = _LeftWindows()
        self._history = ReadingHistory(sampler.trace_so_far())
        self._collected_ns = clock.now_ns()
        self._uncovered: dict[int, WindowError] = {}
        self.results = MeterResults(sampler.description)
        """Of every window left and worked out so far, in that order."""

    def window(self, name: str) -> MeterWindow:
        """Return a window for ``with`` or ``async with``."""
        return MeterWindow(self, name)

    def measured(self, name: str) -> Callable[[AnyFunction], AnyFunction]:
        """Return a decorator; every call of the function, plain or async, is a window."""
        return measured_in(lambda: self.window(name))

    def statistics(self) -> SamplerStatistics:
        """Return how the sampler fared so far: rate, losses, own CPU time, jitter."""
        return self._sampler.statistics()

    def now_ns(self) -> int:
        """Return the time on the meter's clock, ns."""
        return self._clock.now_ns()

    def open(self, window: MeterWindow) -> None:
        """Begin a window; ``with`` does it.

        Raises:
            WindowError: It has been used before; each stretch needs a window of its own.
        """
        if window.started_ns is not None:
            raise WindowError(f"the window {window.name!r} was used before; make another one")
        with self._lock:
            if not self._open or self._clock.now_ns() - self._collected_ns > COLLECTED_EVERY_NS:
                self._collect()
            # The clock is read last: what opening costs is outside.
            window.started_ns = self._open[window] = self._clock.now_ns()

    def close(self, window: MeterWindow, ended_ns: int, *, interrupted: bool) -> bool:
        """End a window; ``with`` does it.

        Returns:
            True if it was the last one open: then ``settle`` has somebody who can wait.
        """
        with self._lock:
            started_ns = self._open.pop(window)
            number = self._left.add(window.name, started_ns, ended_ns, interrupted=interrupted)
            window.left(number)
            return not self._open

    def settle(self) -> None:
        """Give every window that has been left its energy; waits for the readings after them.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
            WindowError: The readings do not cover one of the windows.
        """
        with self._lock:
            known = len(self._uncovered)
            self._settle()
            if len(self._uncovered) > known:
                raise list(self._uncovered.values())[known]

    def result_of(self, number: int) -> MeteredEnergy:
        """Return the energy of a window by its number among all that were left.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
            WindowError: The readings do not cover it.
        """
        with self._lock:
            if number >= self._left.settled:
                self._settle()
            if number in self._uncovered:
                raise self._uncovered[number]
            return self.results[number - sum(other < number for other in self._uncovered)]

    def collect(self) -> None:
        """Take over the readings so far, without waiting; for windows of many minutes.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
        """
        with self._lock:
            self._collect()

    def _collect(self) -> None:
        """Take over the readings so far; work out what they suffice for, and drop what is done."""
        self._collected_ns = self._clock.now_ns()
        self._history.extend(self._sampler.trace_so_far())
        self._work_out()
        needed_ns = [*self._open.values(), *self._left.starts_ns, self._history.end_ns]
        self._history.forget_before(min(needed_ns), KEPT_BEFORE)

    def _settle(self) -> None:
        while self._left.ready(self._history.last_begun_ns) < len(self._left):
            until_ns = max(self._left.latest_ns, self._history.end_ns + 1)
            self._history.extend(self._sampler.trace_until(until_ns))
        self._work_out()

    def _work_out(self) -> None:
        """Give the windows their energy that have a whole reading after their end.

        Only that shows how the power changed at the end, and whether the chip was found reset.
        """
        count = self._left.ready(self._history.last_begun_ns)
        if not count:
            return
        settled = self._left.settled
        names, times_ns, interrupted = self._left.take(count)
        trace = self._history.since(int(times_ns[:, 0].min()), KEPT_BEFORE)
        figures = figures_between(trace, times_ns, interrupted)
        covered = figures["samples"] > 0
        for at in np.flatnonzero(~covered).tolist():
            self._uncovered[settled + at] = uncovered(names[at], *times_ns[at].tolist())
        whole = [name for name, known in zip(names, covered.tolist(), strict=True) if known]
        self.results.append_all(figures[covered], whole)


class _LeftWindows:
    """Windows that were left and have no energy yet, in that order; 25 bytes each.

    Attributes:
        settled: How many were left before them.
        latest_ns: When the last of them ended, ns.
        starts_ns: When each was entered, ns.
    """

    def __init__(self) -> None:
        self.settled = self.latest_ns = 0
        self._names: list[str] = []
        self.starts_ns = array("q")
        self._ends_ns = array("q")
        self._interrupted = bytearray()

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str, started_ns: int, ended_ns: int, *, interrupted: bool) -> int:
        """Add one; return its number among all windows that were left."""
        self._names.append(name)
        self.starts_ns.append(started_ns)
        self._ends_ns.append(ended_ns)
        self._interrupted.append(interrupted)
        self.latest_ns = max(self.latest_ns, ended_ns)
        return self.settled + len(self._names) - 1

    def ready(self, begun_ns: int) -> int:
        """Return how many, from the first on, had ended by a time."""
        if self.latest_ns <= begun_ns:
            return len(self)
        ends_ns = np.maximum.accumulate(np.array(self._ends_ns, dtype=np.int64))
        return int(np.searchsorted(ends_ns, begun_ns, side="right"))

    def take(self, count: int) -> tuple[list[str], NDArray[np.int64], NDArray[np.bool_]]:
        """Take the first so many for worked out.

        Returns:
            Their names; starts and ends, ns, shape (count, 2), int64; and whether each was left by
            an exception, shape (count,), bool.
        """
        times_ns = np.array([self.starts_ns[:count], self._ends_ns[:count]], dtype=np.int64).T
        interrupted = np.frombuffer(bytes(self._interrupted[:count]), dtype=np.bool_)
        names = self._names[:count]
        for column in (self._names, self.starts_ns, self._ends_ns, self._interrupted):
            del column[:count]
        self.settled += count
        return names, times_ns, interrupted
