"""A steady current through a sensor's shunt, averaged with its scatter and its drift."""

from __future__ import annotations

from math import sqrt
from typing import Protocol

import numpy as np

from joulesplit.drivers.errors import SensorConfigurationError
from joulesplit.drivers.ina2xx._chip import Chip, convert_words
from joulesplit.drivers.ina2xx._correction import MINIMUM_READINGS, MeanShunt
from joulesplit.drivers.readings import Reading, ReadingFlag

BLOCKS = 20
"""Blocks whose means give the scatter; neighbouring readings are not independent."""
SPOILT_BEFORE = ReadingFlag.CHIP_RESET | ReadingFlag.FOREIGN_WRITER
UNUSABLE = ReadingFlag.SHUNT_CLIPPED | ReadingFlag.BUS_CLIPPED | SPOILT_BEFORE


class RawSensor(Protocol):
    """What the averaging needs of an open sensor: raw words of a chip, and its range."""

    @property
    def chip(self) -> Chip:
        """What it is."""

    @property
    def gain_divider(self) -> int:
        """Divider of its shunt amplifier; 1 of a chip without one."""

    def read(self) -> Reading:
        """Wait for the next conversion and return it."""


def average(
    sensor: RawSensor, *, readings: int = 256, created: str, temperature_c: float | None = None
) -> MeanShunt:
    """Return the mean of many readings, from the raw words: no correction enters.

    Args:
        sensor: Open sensor; the current through it must be steady.
        readings: How many to average, 200 or more.
        created: Date and time to keep with it, ISO 8601.
        temperature_c: Temperature of the board to keep with it, °C.

    Raises:
        SensorConfigurationError: Too few are asked for, or one of them stood at full scale or
            followed a reset of the chip.
        SensorError: The sensor failed.
    """
    if readings < MINIMUM_READINGS:
        raise SensorConfigurationError(
            f"{readings} readings are too few for a record; take {MINIMUM_READINGS} or more"
        )
    words = np.array([reading.raw for reading in _sound_readings(sensor, readings)])
    bus_v, shunt_v = convert_words(sensor.chip, words[:, 0], words[:, 1], shunt_ohm=1.0)
    first, second = np.array_split(shunt_v, 2)
    return MeanShunt(
        shunt_v=float(shunt_v.mean()),
        u_shunt_v=_u_mean(shunt_v),
        bus_v=float(bus_v.mean()),
        u_bus_v=_u_mean(bus_v),
        residual_v=float(second.mean() - first.mean()),
        readings=readings,
        gain=sensor.gain_divider,
        created=created,
        temperature_c=temperature_c,
    )


def _sound_readings(sensor: RawSensor, count: int) -> list[Reading]:
    taken = [sensor.read() for _ in range(count)]
    # The reading after a reset says that the one before it, the last here, may be spoilt too.
    after = sensor.read().flags & SPOILT_BEFORE
    if after or any(reading.flags & UNUSABLE for reading in taken):
        raise SensorConfigurationError(
            "a reading stood at full scale, or the chip reset itself or was configured by another "
            "program, while it was averaged; check the range (--peak-current-a), the supply and "
            "who else uses the bus, then try again"
        )
    return taken


def _u_mean(values: np.ndarray) -> float:
    means = np.array([block.mean() for block in np.array_split(values, BLOCKS)])
    return float(means.std(ddof=1)) / sqrt(BLOCKS)
