"""What a stretch of watching a sensor adds up to. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate import MEAN_BLOCKS
from joulesplit.calibrate.estimates import Estimate, quantity
from joulesplit.calibrate.profile import Quantity
from joulesplit.calibrate.sampling import SamplerStatistics, Trace
from joulesplit.drivers.readings import SensorDescription
from joulesplit.metrology import budget_of

HISTORY = 240
"""Glances kept for the sparkline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """The latest stretch of readings.

    Attributes:
        elapsed_s: Since watching began, s.
        power_w: Mean power, W.
        voltage_v: Mean voltage, V.
        current_a: Mean current, A.
        rate_hz: Readings per second.
        energy_j: Since watching began, J.
        statistics: How the sampler fared so far.
    """

    elapsed_s: float
    power_w: float
    voltage_v: float
    current_a: float
    rate_hz: float
    energy_j: float
    statistics: SamplerStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What watching found.

    Attributes:
        duration_s: Time covered by readings, s.
        energy_j: ∫P dt over it, idle included, J.
        power_w: Mean power with its uncertainty, W; None if too short for one.
        minimum_w: Least mean power of a glance, W.
        maximum_w: Greatest mean power of a glance, W.
        rate_hz: Readings per second.
        statistics: How the sampler fared.
        own_cpu_fraction: Processor time of everything of ours, sampler and watching, over elapsed
            time; None without a sampler process.
    """

    duration_s: float
    energy_j: float
    power_w: Quantity | None
    minimum_w: float
    maximum_w: float
    rate_hz: float
    statistics: SamplerStatistics
    own_cpu_fraction: float | None = None

    @property
    def mean_w(self) -> float:
        """∫P dt / T, W; 0 before the first reading."""
        return self.energy_j / self.duration_s if self.duration_s else 0.0


class Watch:
    """The sum of stretches of readings; two numbers are kept of each.

    Args:
        description: The sensor's.
    """

    def __init__(self, description: SensorDescription) -> None:
        self.description = description
        self.history_w: deque[float] = deque(maxlen=HISTORY)
        """Mean power of the last glances, W, oldest first."""
        self._energy_j = 0.0
        self._elapsed_s = 0.0
        self._stretches: list[tuple[float, float]] = []

    def add(self, trace: Trace, statistics: SamplerStatistics) -> Glance | None:
        """Take in the next stretch; None if it holds no reading."""
        durations_s = trace.durations_s
        duration_s = float(durations_s.sum())
        if duration_s <= 0:
            return None
        energy_j = float((trace.power_w * durations_s).sum())
        self._energy_j += energy_j
        self._elapsed_s += duration_s
        self._stretches.append((energy_j, duration_s))
        self.history_w.append(energy_j / duration_s)
        return Glance(
            elapsed_s=self._elapsed_s,
            power_w=energy_j / duration_s,
            voltage_v=float(np.average(trace.voltage_v, weights=durations_s)),
            current_a=float(np.average(trace.records["current_a"], weights=durations_s)),
            rate_hz=len(trace) / duration_s,
            energy_j=self._energy_j,
            statistics=statistics,
        )

    def summary(self, statistics: SamplerStatistics, watching_cpu_fraction: float = 0.0) -> Summary:
        """Return what it adds up to.

        Args:
            statistics: How the sampler fared.
            watching_cpu_fraction: Processor time of the process that watches, over elapsed time.
        """
        stretches = np.array(self._stretches, dtype=np.float64).reshape(-1, 2)
        energies_j, durations_s = stretches.T
        duration_s = float(durations_s.sum())
        powers_w = [energy_j / length_s for energy_j, length_s in self._stretches]
        return Summary(
            duration_s=duration_s,
            energy_j=float(energies_j.sum()),
            power_w=self._mean_power(stretches),
            minimum_w=min(powers_w, default=0.0),
            maximum_w=max(powers_w, default=0.0),
            rate_hz=statistics.readings / duration_s if duration_s else 0.0,
            statistics=statistics,
            own_cpu_fraction=None
            if statistics.cpu_fraction is None
            else statistics.cpu_fraction + watching_cpu_fraction,
        )

    def _mean_power(self, stretches: NDArray[np.float64]) -> Quantity | None:
        """Return ∫P dt / T: its scatter from block means, the rest from the sensor's budget."""
        count = min(MEAN_BLOCKS, len(stretches))
        if count < 2:
            return None
        sums = np.array([block.sum(axis=0) for block in np.array_split(stretches, count)])
        blocks_w = sums[:, 0] / sums[:, 1]
        energy_j, duration_s = stretches.sum(axis=0)
        estimate = Estimate(
            value=float(energy_j / duration_s),
            u_stat=float(blocks_w.std(ddof=1) / count**0.5),
            degrees_of_freedom=count - 1,
            n=count,
        )
        return quantity(estimate, "W", budget_of(self.description.accuracy), offset_duration=1.0)
