"""What every sensor that is asked at even intervals has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from joulesplit.drivers._polling import Ticker
from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import Reading, ReadingFlag, SensorDescription

JOULE_PER_UJ = 1e-6
"""Of the kernel's energy counters."""

POWER_ONLY_VOLTAGE_V = 1.0
"""By convention of sources without a voltage: 1 V, so that current times voltage is the power.
Their description says ``power_only`` in its settings."""


class PolledSensor(ABC):
    """Life cycle and pacing; a subclass says how to open, sample and describe itself.

    Args:
        clock: Time.
        interval_s: From one reading to the next, s.
    """

    def __init__(self, *, clock: Clock, interval_s: float) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._pacer = Ticker(clock, interval_s)
        self._is_open = False

    @property
    @abstractmethod
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is; final once the sensor is open."""

    def __enter__(self) -> Self:
        """Find the source.

        Raises:
            SensorUnavailableError: This machine does not offer it.
        """
        self._open()
        self._is_open = True
        self._pacer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        """Release the source."""
        self.close()

    def close(self) -> None:
        """Stop reading; calling it again does nothing."""
        self._is_open = False

    def read(self) -> Reading:
        """Wait for the next tick and return a reading.

        Raises:
            SensorError: The source failed or is not open.
        """
        if not self._is_open:
            raise SensorError(f"the sensor {self.description.kind} is not open; use a with block")
        missed = self._pacer.wait()
        return self._sample(ReadingFlag.GAP_BEFORE if missed else ReadingFlag.NONE)

    @abstractmethod
    def _open(self) -> None:
        """Find the source or raise ``SensorUnavailableError``."""

    @abstractmethod
    def _sample(self, flags: ReadingFlag) -> Reading:
        """Read the source now."""
