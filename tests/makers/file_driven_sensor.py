"""A plug-in's power source that a file switches: what a program does to it, its power follows."""

from __future__ import annotations

from pathlib import Path

from joulesplit.drivers import MonotonicClock, SensorRequest
from joulesplit.drivers.readings import Reading, SensorDescription

CYCLE_NS = 20_000_000
VOLTAGE_V = 5.0
IDLE_W, MORE_W = 2.0, 1.5


class FileDrivenSensor:
    """Idle power, and more of it as long as a file is there; opened with ``with``.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._clock = MonotonicClock()
        self._t_ns = self._clock.now_ns()

    def __enter__(self) -> FileDrivenSensor:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing was opened."""

    @property
    def description(self) -> SensorDescription:
        return SensorDescription(
            kind="file-driven",
            name="a file",
            rail="5 V supply",
            includes="what a file says",
            simulated=False,
            modelled=False,
            cycle_s=CYCLE_NS * 1e-9,
            observed_fraction=1.0,
            voltage_resolution_v=1e-3,
            current_resolution_a=1e-6,
            full_scale_a=1.0,
            accuracy=(),
        )

    def read(self) -> Reading:
        """Return the power once a cycle has passed; its time is that of the look at the file."""
        self._clock.sleep_until_ns(self._t_ns + CYCLE_NS)
        power_w = IDLE_W + MORE_W * self._path.exists()
        self._t_ns = self._clock.now_ns()
        return Reading(
            t_ns=self._t_ns, raw=(0, 0), voltage_v=VOLTAGE_V, current_a=power_w / VOLTAGE_V
        )


def open_sensor(request: SensorRequest) -> FileDrivenSensor:
    """Return the source of the file that ``--trace`` names."""
    assert request.trace is not None
    return FileDrivenSensor(request.trace)
