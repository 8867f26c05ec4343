"""The energy of pieces of a program, from the name of a sensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Self, Unpack

from joulesplit._sensors import SensorLike, sensor_factory
from joulesplit.calibrate import AnyFunction, MeteredEnergy, MeterWindow, WindowMeter, measured_in
from joulesplit.calibrate.errors import SamplerError
from joulesplit.calibrate.sampling import SamplerProcess, SamplerStatistics
from joulesplit.drivers import MonotonicClock, SensorOptions
from joulesplit.drivers.readings import SensorDescription


class EnergyMeter:
    """Energy of windows, by a power sensor that a process of its own samples inside ``with``.

        with EnergyMeter("ina219", shunt_ohm=0.1) as meter:
            with meter.window("work") as window:
                work()
        print(window.result)

    Windows nest and overlap. Leaving the outermost one waits for the two readings after its end,
    two cycles of the sensor at most; leaving an inner one does not wait.

    Args:
        sensor: What kind it is, such as ``"ina219"``; a ``SensorRequest``; a function that
            returns a sensor, not yet open; or a sensor that has not been opened.
        options: For a kind, what ``SensorRequest`` has beside it, such as ``shunt_ohm``.

    Raises:
        SensorRequestError: Something that this kind needs is not said, or cannot be.
    """

    def __init__(self, sensor: SensorLike, **options: Unpack[SensorOptions]) -> None:
        self._factory = sensor_factory(sensor, **options)
        self._running: tuple[SamplerProcess, WindowMeter] | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start to sample.

        Raises:
            SensorError: The sensor cannot be opened.
            SamplerError: The process that samples ended, or cannot be given the sensor.
        """
        clock = MonotonicClock()
        sampler = self._stack.enter_context(SamplerProcess(self._factory, clock))
        self._running = sampler, WindowMeter(sampler, clock)
        return self

    def __exit__(self, *exception: object) -> None:
        """Stop to sample; windows that were left have their energy by then."""
        self._stack.close()

    def window(self, name: str) -> MeterWindow:
        """Return a window for ``with`` or ``async with``; its ``result`` is what it cost.

        Args:
            name: Kept in the result.

        Raises:
            SamplerError: The meter has not been entered.
        """
        return self._meter.window(name)

    def measured(self, name: str) -> Callable[[AnyFunction], AnyFunction]:
        """Return a decorator; every call of the function, plain or async, is a window.

        Args:
            name: Kept in the results.
        """
        return measured_in(lambda: self.window(name))

    @property
    def results(self) -> Sequence[MeteredEnergy]:
        """The energies of the windows left so far; inside an outer one, of those worked out."""
        return self._meter.results

    @property
    def description(self) -> SensorDescription:
        """The sensor, as opened."""
        return self._sampler.description

    def statistics(self) -> SamplerStatistics:
        """Return how the sampling went so far: rate, losses, own CPU time, jitter."""
        return self._sampler.statistics()

    def collect(self) -> None:
        """Take over the readings so far, without waiting; for windows of many minutes.

        Raises:
            SamplerError: The sampler failed.
            SensorError: The sensor failed.
        """
        self._meter.collect()

    @property
    def _sampler(self) -> SamplerProcess:
        return self._both[0]

    @property
    def _meter(self) -> WindowMeter:
        return self._both[1]

    @property
    def _both(self) -> tuple[SamplerProcess, WindowMeter]:
        if self._running is None:
            raise SamplerError("the meter does not sample yet: use it inside `with`")
        return self._running
