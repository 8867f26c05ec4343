"""A power source that follows what an emulated link really carries: so much energy for each bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from file_driven_sensor import IDLE_W, VOLTAGE_V, FileDrivenSensor
from joulesplit.drivers.readings import Reading, SensorDescription

SENT_BIT_J = 0.5e-6
"""At 2 Mbit/s a watt, which shows above idle within a few readings."""


class LinkDrivenSensor(FileDrivenSensor):
    """Idle power, and the energy of every bit that left the client's end since the last reading.

    It reads the kernel's counter of the interface, in whichever namespace it was started: what the
    program under test thinks that it sent is not asked.
    """

    def __init__(self) -> None:
        super().__init__(Path("/proc/self/net/dev"))
        self._sent_bits = 0

    def __enter__(self) -> LinkDrivenSensor:
        self._sent_bits = self._bits()
        return self

    @property
    def description(self) -> SensorDescription:
        return replace(super().description, name="a link's counter")

    def read(self) -> Reading:
        """Return the mean power since the last reading, once a cycle has passed."""
        before_ns, before_bits = self._t_ns, self._sent_bits
        reading = super().read()
        self._sent_bits = self._bits()
        lasted_s = (reading.t_ns - before_ns) * 1e-9
        power_w = IDLE_W + SENT_BIT_J * (self._sent_bits - before_bits) / lasted_s
        return reading._replace(current_a=power_w / VOLTAGE_V)

    def _bits(self) -> int:
        return 8 * int(self._path.read_text().split("air:")[1].split()[8])
