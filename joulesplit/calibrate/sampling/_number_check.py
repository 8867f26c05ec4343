"""Is a reading a power?"""

from __future__ import annotations

import math

from joulesplit.drivers.errors import NoNumberError
from joulesplit.drivers.protocols import PowerSensor
from joulesplit.drivers.readings import Reading


def require_number(reading: Reading, sensor: PowerSensor) -> Reading:
    """Return a reading if it is a power.

    Raises:
        NoNumberError: It is not a number, or infinite.
    """
    if math.isfinite(reading.voltage_v * reading.current_a):
        return reading
    raise NoNumberError(
        f"{sensor.description.name} delivered {reading.voltage_v} V and {reading.current_a} A, "
        "which is no power: its source is not ready or broken; read it by itself, see what it "
        "gives, and report it to whoever made it"
    )
