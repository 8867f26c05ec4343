"""The INA226's configuration as pure functions (TI SBOS547B, sections 5.5 and 7.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.drivers.errors import SensorConfigurationError

AVERAGES = (1, 4, 16, 64, 128, 256, 512, 1024)
"""Conversions averaged, by AVG bits (table 7-3)."""
CONVERSION_US = (140, 204, 332, 588, 1100, 2116, 4156, 8244)
"""Typical time of one conversion, by VBUSCT and VSHCT bits, µs (tables 7-4 and 7-5)."""
UNUSED_BITS = 0x4000
"""Bits 14 to 12 as they read after power-on."""
CONTINUOUS = 7
"""Mode of shunt and bus conversions in turn (table 7-6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ina226Configuration:
    """Fields of the configuration register; the mode is shunt and bus, continuous.

    Attributes:
        averages: AVG code, 3 bits.
        bus_time: VBUSCT code, 3 bits.
        shunt_time: VSHCT code, 3 bits.
    """

    averages: int
    bus_time: int
    shunt_time: int

    @property
    def word(self) -> int:
        """The register word, RST 0."""
        fields = self.averages << 9 | self.bus_time << 6 | self.shunt_time << 3
        return UNUSED_BITS | fields | CONTINUOUS

    @property
    def shunt_s(self) -> float:
        """Typical time of one shunt conversion, s."""
        return CONVERSION_US[self.shunt_time] * 1e-6

    @property
    def bus_s(self) -> float:
        """Typical time of one bus conversion, s."""
        return CONVERSION_US[self.bus_time] * 1e-6

    @property
    def cycle_s(self) -> float:
        """Typical time from one result to the next, s: pairs of conversions in turn, averaged."""
        return AVERAGES[self.averages] * (self.shunt_s + self.bus_s)


SINGLE = Ina226Configuration(averages=0, bus_time=0, shunt_time=0)
"""The shortest conversions, none averaged."""

_BY_SAMPLES = {1: (0, 3), 2: (0, 4), 4: (0, 5), 8: (0, 6), 16: (1, 5), 32: (1, 6), 64: (1, 7),
               128: (2, 6)}  # fmt: skip
"""AVG and VSHCT codes by half milliseconds of shunt conversion."""


def configuration_of(samples: int) -> Ina226Configuration:
    """Return how to observe the shunt for so many times half a millisecond per result.

    So ``--shunt-samples`` means what it means to an INA219, whose samples take 0.53 ms. The bus
    conversions between are the shortest, so that little of the current is missed.

    Args:
        samples: 1, 2, 4 to 128.

    Raises:
        SensorConfigurationError: Another number.
    """
    if samples not in _BY_SAMPLES:
        choices = ", ".join(str(choice) for choice in _BY_SAMPLES)
        raise SensorConfigurationError(
            f"the INA226 is not set to {samples} samples of half a millisecond; choose one of "
            f"{choices}"
        )
    averages, shunt_time = _BY_SAMPLES[samples]
    return Ina226Configuration(averages=averages, bus_time=0, shunt_time=shunt_time)
