"""The seams of the sensing layer: clock, I2C bus, power sensor."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from joulesplit.drivers.readings import Reading, SensorDescription


class Clock(Protocol):
    """Time as a seam, so that tests never sleep."""

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC, ns."""

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at ``t_ns`` or as soon after it as the system allows."""


@runtime_checkable
class RawClock(Clock, Protocol):
    """A clock that can be held against one that nobody slews."""

    def raw_ns(self) -> int:
        """Return CLOCK_MONOTONIC_RAW, ns."""


@runtime_checkable
class SuspendedClock(Protocol):
    """A clock that knows how long it stood still."""

    def suspended_ns(self) -> int:
        """Return for how long the machine has been suspended since it was started, ns."""


class I2cBus(Protocol):
    """One I2C bus; 16-bit registers, most significant byte first on the wire."""

    @property
    def number(self) -> int:
        """Bus number, as in ``/dev/i2c-N``."""

    def read_word(self, address: int, register: int) -> int:
        """Return the unsigned 16-bit register word.

        Raises:
            BusError: The transaction failed.
        """

    def write_word(self, address: int, register: int, word: int) -> None:
        """Write an unsigned 16-bit register word.

        Raises:
            BusError: The transaction failed.
        """

    def close(self) -> None:
        """Release the bus; calling it again does nothing."""


@runtime_checkable
class SharedBus(Protocol):
    """A bus that programs share: an address on it can be claimed, and who is there is known."""

    def claim(self, address: int) -> None:
        """Keep other programs of this kind away from an address until the bus is closed.

        Raises:
            BusBusyError: One is there already.
        """

    def release(self, address: int) -> None:
        """Give a claim back; without one nothing happens."""

    def users(self) -> tuple[str, ...]:
        """Return the other programs that have the bus open, as far as this user may see them."""


@runtime_checkable
class PeakWatcher(Protocol):
    """A sensor whose readings are means and that also looks at what they are means of."""

    @property
    def peak_a(self) -> float | None:
        """Largest single sample of the current since opening, A; None before the first."""


@runtime_checkable
class RehearsingSensor(Protocol):
    """A sensor that can do what a reading takes without taking one."""

    def rehearse(self, times: int) -> None:
        """Wake up so often before the next reading and do what it takes each time, for nothing.

        Args:
            times: How often.

        Raises:
            SensorError: The source failed.
        """


class PowerSensor(Protocol):
    """A source of power readings.

    Life cycle: construct, ``with sensor:`` (configures the device), ``read()`` as often as
    wanted, leave the block (``close()``, which may be called again).
    """

    @property
    def description(self) -> SensorDescription:
        """What the sensor measures and how good it is; final once the sensor is open."""

    def __enter__(self) -> Self:
        """Open and configure the device."""

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Release the device."""

    def read(self) -> Reading:
        """Wait for the next conversion and return it; never returns one conversion twice.

        Raises:
            SensorError: The source failed; the message says what to do.
        """

    def close(self) -> None:
        """Release the device; calling it again does nothing."""
