"""What a piece of a program costs: energy by ``with``, by decorator and by ``async with``.

    with SamplerProcess(sensor_factory, clock) as sampler:
        meter = WindowMeter(sampler, clock)
        with meter.window("inference") as window:
            interpreter.invoke()
        print(window.result.energy_j)

Leaving the outermost window waits for the two readings after its end, two cycles of the sensor at
most; leaving an inner one does not wait, so that it costs the outer one nothing. What is not
collected is overwritten after ten minutes: in a longer window call ``collect`` now and then.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast

import numpy as np

from joulesplit.calibrate._meter_energy import MeteredEnergy, energy_between
from joulesplit.calibrate.errors import CalibrationError, WindowError
from joulesplit.calibrate.sampling import SamplerStatistics, Trace, joined
from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import SensorDescription

KEPT_BEFORE = 2
"""Readings kept before the earliest open window: the one its start cuts, and its neighbour."""

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

    def __init__(self, meter: WindowMeter, name: str) -> None:
        self._meter = meter
        self.name = name
        self.started_ns: int | None = None
        """When it was entered; the meter sets it."""
        self.energy: MeteredEnergy | None = None
        """As ``result``, but None as long as there is none; the meter sets it."""

    @property
    def result(self) -> MeteredEnergy:
        """The energy, once the block has been left, by an exception or not.

        Inside an outer window this waits for the readings after the end.

        Raises:
            WindowError: The block has not been left, or the sampler failed in it.
        """
        if self.energy is None and self.started_ns is not None:
            self._meter.settle()
        if self.energy is None:
            raise WindowError(f"the window {self.name!r} has no energy before its block is left")
        return self.energy

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
        try:
            self._meter.close(self, ended_ns, interrupted=exception is not None)
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
        try:
            await asyncio.to_thread(
                self._meter.close, self, ended_ns, interrupted=exception is not None
            )
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
        self._left: dict[MeterWindow, tuple[int, int, bool]] = {}
        self._history = sampler.trace_so_far()
        self.results: list[MeteredEnergy] = []
        """Of every window left so far, in that order."""

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
            self._extend(self._sampler.trace_so_far())
            # The clock is read last: what opening costs is outside.
            window.started_ns = self._open[window] = self._clock.now_ns()
            self._forget()

    def close(self, window: MeterWindow, ended_ns: int, *, interrupted: bool) -> None:
        """End a window; ``with`` does it.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
        """
        with self._lock:
            self._left[window] = (self._open.pop(window), ended_ns, interrupted)
            if not self._open:
                self._settle()

    def settle(self) -> None:
        """Give every window that has been left its energy; waits for the readings after them.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
        """
        with self._lock:
            self._settle()

    def collect(self) -> None:
        """Take over the readings so far, without waiting; for windows of many minutes.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
        """
        with self._lock:
            self._extend(self._sampler.trace_so_far())

    def _settle(self) -> None:
        if not self._left:
            return
        description = self._sampler.description
        self._await_the_next(max(ended_ns for _, ended_ns, _ in self._left.values()))
        for window, (started_ns, ended_ns, interrupted) in self._left.items():
            window.energy = energy_between(
                self._history,
                (started_ns, ended_ns),
                description,
                name=window.name,
                interrupted=interrupted,
            )
            self.results.append(window.energy)
        self._left.clear()

    def _await_the_next(self, end_ns: int) -> None:
        """Wait for a whole reading after the end.

        Only that shows how the power changed at the end, and whether the chip was found reset.
        """
        while not len(self._history.next_after(end_ns)):
            self._extend(self._sampler.trace_until(max(end_ns, self._history.end_ns + 1)))

    def _extend(self, trace: Trace) -> None:
        if trace.start_ns != self._history.end_ns:
            self._history = trace
            return
        self._history = joined((self._history, trace))

    def _forget(self) -> None:
        """Drop what no open window needs."""
        times_ns = self._history.records["t_ns"]
        starts_ns = (
            *self._open.values(),
            *(started_ns for started_ns, _, _ in self._left.values()),
        )
        needed = int(np.searchsorted(times_ns, min(starts_ns)))
        first = max(needed - KEPT_BEFORE, 0)
        if first:
            self._history = Trace(
                start_ns=int(times_ns[first - 1]), records=self._history.records[first:]
            )
