"""A power source that loads what reads an INA219, for what that takes of the sampler's memory.

Apart from ``benchmarks.memory``, whose imports the sampler would load with it.
"""

from __future__ import annotations

from pathlib import Path

from tests.makers.file_driven_sensor import FileDrivenSensor


def with_the_driver() -> FileDrivenSensor:
    """Return a sensor whose process has loaded the driver of the INA219 and does not use it."""
    import joulesplit.drivers.ina219._driver  # noqa: F401

    return FileDrivenSensor(Path("/nowhere"))
