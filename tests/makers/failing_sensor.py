"""A power source that fails while a file is there, as on a bus that another device holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from file_driven_sensor import FileDrivenSensor
from joulesplit.drivers import SensorRequest
from joulesplit.drivers.errors import SensorError
from joulesplit.drivers.readings import Reading, SensorDescription


@dataclass
class FailingSensor:
    """Idle power of a simulated board, or an error.

    Attributes:
        switch: The source fails while this file is there.
    """

    switch: Path

    def __post_init__(self) -> None:
        self._source = FileDrivenSensor(self.switch)

    def __enter__(self) -> FailingSensor:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing was opened."""

    @property
    def description(self) -> SensorDescription:
        """Simulated: no step of load is looked for."""
        return replace(self._source.description, simulated=True)

    def read(self) -> Reading:
        """Return idle power.

        Raises:
            SensorError: The file is there.
        """
        if self.switch.exists():
            raise SensorError("the bus is held")
        return self._source.read()


def open_sensor(request: SensorRequest) -> FailingSensor:
    """Return the source of the file that ``--trace`` names."""
    assert request.trace is not None
    return FailingSensor(request.trace)
