"""What a measuring procedure needs of a sampler, and the sampler for simulated time.

The one for real time, a process of its own, is ``joulesplit.calibrate.sampling._process``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from joulesplit.calibrate.sampling._number_check import require_number
from joulesplit.calibrate.sampling._trace import Trace, cycle_of, lost_cycles, trace_of
from joulesplit.drivers.protocols import PeakWatcher, PowerSensor, RehearsingSensor
from joulesplit.drivers.readings import Reading, ReadingFlag, SensorDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerStatistics:
    """How the sampler fared so far.

    Attributes:
        readings: Readings handed out.
        lost: Conversions that were not read, from time stamps, ring overruns included.
        clipped: Readings at full scale.
        cpu_fraction: CPU time of the sampler's process over elapsed time; None without one.
        rate_hz: Readings per second over the time they cover; None without any.
        jitter_s: Standard deviation of the time from the end of a conversion until the sampler had
            it, s; None without a process.
        latest_s: The longest such time, s; None without a process.
        resets: Times that the chip was found reset.
        foreign_writes: Times that another program had configured the chip.
        clock_steps: Times that the clock was found to have jumped.
        stuck: Readings whose words had not changed for longer than noise allows.
        doubtful: Readings whose words, or those of the one before, were others when read again.
        late: Readings of a machine that wakes up too late to know when conversions end.
        peak_a: Largest single sample of the current that the sensor looked at, A; None for a
            sensor that does not look at single samples, or has not yet.
        largest_a: Largest current of a reading either way, A; None before the first.
    """

    readings: int
    lost: int
    clipped: int
    cpu_fraction: float | None
    rate_hz: float | None = None
    jitter_s: float | None = None
    latest_s: float | None = None
    resets: int = 0
    foreign_writes: int = 0
    clock_steps: int = 0
    stuck: int = 0
    peak_a: float | None = None
    doubtful: int = 0
    late: int = 0
    largest_a: float | None = None


def pooled(samplers: Sequence[SamplerStatistics]) -> SamplerStatistics:
    """Return how several samplers fared together, one after the other.

    Args:
        samplers: What each had counted at its end; one is returned as it is.
    """
    if len(samplers) == 1:
        return samplers[0]
    peaks_a = [one.peak_a for one in samplers if one.peak_a is not None]
    largest_a = [one.largest_a for one in samplers if one.largest_a is not None]
    shares = [one.cpu_fraction for one in samplers if one.cpu_fraction is not None]
    return SamplerStatistics(
        readings=sum(one.readings for one in samplers),
        lost=sum(one.lost for one in samplers),
        clipped=sum(one.clipped for one in samplers),
        resets=sum(one.resets for one in samplers),
        foreign_writes=sum(one.foreign_writes for one in samplers),
        clock_steps=sum(one.clock_steps for one in samplers),
        stuck=sum(one.stuck for one in samplers),
        cpu_fraction=max(shares) if shares else None,
        doubtful=sum(one.doubtful for one in samplers),
        late=sum(one.late for one in samplers),
        peak_a=max(peaks_a) if peaks_a else None,
        largest_a=max(largest_a) if largest_a else None,
    )


class Sampler(Protocol):
    """Readings without a gap, for whoever needs the next stretch."""

    @property
    def description(self) -> SensorDescription:
        """The sensor, as opened."""

    def trace_until(self, t_ns: int) -> Trace:
        """Return every reading not handed out yet, up to the first that ends at or after t_ns.

        Raises:
            SamplerError: The sampler failed or fell silent.
            SensorError: The sensor failed.
        """

    def trace_so_far(self) -> Trace:
        """Return every reading not handed out yet, without waiting for any.

        Readings that were overwritten before anyone asked are counted as lost.

        Raises:
            SamplerError: The sampler failed.
        """

    def rehearse(self, times: int, from_ns: int) -> bool:
        """Wake up so often more between two readings and do what one takes, for nothing.

        What reading costs the device is told by what more of it costs.

        Args:
            times: Between two readings; 0 as usual.
            from_ns: From then on, which is now.

        Returns:
            Whether the sensor can.
        """

    def cpu_s(self) -> float | None:
        """Return the CPU time that reading took so far, s; None without a process of its own."""

    def statistics(self) -> SamplerStatistics:
        """Return how the sampler fared so far."""


class Tally:
    """Counts over the stretches a sampler has handed out."""

    def __init__(self) -> None:
        self.readings = 0
        self.lost = 0
        self.foreign_writes = 0
        self.clipped = self.resets = self.clock_steps = self.stuck = self.doubtful = 0
        self.late = 0
        self._covered_s = 0.0
        self._largest_a = 0.0
        self._late_us = 0.0
        self._late_us2 = 0.0
        self._latest_us = 0

    def add(self, trace: Trace) -> None:
        """Count one more stretch."""
        if not len(trace):
            return
        self.readings += len(trace)
        self.lost += lost_cycles(trace, cycle_of(trace))
        self.clipped += trace.count(ReadingFlag.SHUNT_CLIPPED | ReadingFlag.BUS_CLIPPED)
        self.resets += trace.count(ReadingFlag.CHIP_RESET)
        self.foreign_writes += trace.count(ReadingFlag.FOREIGN_WRITER)
        self.clock_steps += trace.count(ReadingFlag.CLOCK_STEP)
        self.stuck += trace.count(ReadingFlag.STUCK)
        self.doubtful += trace.count(ReadingFlag.DOUBTFUL_WORDS)
        self.late += trace.count(ReadingFlag.LATE_READER)
        self._covered_s += (trace.end_ns - trace.start_ns) * 1e-9
        self._largest_a = max(self._largest_a, float(np.abs(trace.records["current_a"]).max()))
        late_us = trace.records["late_us"].astype(np.float64)
        self._late_us += float(late_us.sum())
        self._late_us2 += float(late_us @ late_us)
        self._latest_us = max(self._latest_us, int(late_us.max()))

    def statistics(
        self, cpu_fraction: float | None, peak_a: float | None = None
    ) -> SamplerStatistics:
        """Return the counts so far; without a process nobody can be late."""
        has_process = cpu_fraction is not None and self.readings > 0
        return SamplerStatistics(
            readings=self.readings,
            lost=self.lost,
            clipped=self.clipped,
            cpu_fraction=cpu_fraction,
            rate_hz=self.readings / self._covered_s if self._covered_s > 0 else None,
            jitter_s=self._jitter_s() if has_process else None,
            latest_s=self._latest_us * 1e-6 if has_process else None,
            resets=self.resets,
            foreign_writes=self.foreign_writes,
            clock_steps=self.clock_steps,
            stuck=self.stuck,
            peak_a=peak_a,
            doubtful=self.doubtful,
            late=self.late,
            largest_a=self._largest_a if self.readings else None,
        )

    def _jitter_s(self) -> float:
        mean_us = self._late_us / self.readings
        return math.sqrt(max(self._late_us2 / self.readings - mean_us**2, 0.0)) * 1e-6


def peak_of(sensor: PowerSensor) -> float | None:
    """Return the largest single sample of the current that a sensor has looked at, A, if any."""
    return sensor.peak_a if isinstance(sensor, PeakWatcher) else None


class InlineSampler:
    """A sampler that reads only when asked; for sensors in simulated time, which loses nothing.

    Args:
        sensor: Open sensor whose own clock may run behind the workload's.
    """

    def __init__(self, sensor: PowerSensor) -> None:
        self._sensor = sensor
        self._last_ns = require_number(sensor.read(), sensor).t_ns
        self._tally = Tally()
        self._rehearsals: list[tuple[int, int]] = []

    @property
    def description(self) -> SensorDescription:
        """The sensor, as opened."""
        return self._sensor.description

    def trace_until(self, t_ns: int) -> Trace:
        """Read on until a reading ends at or after ``t_ns``."""
        start_ns, read = self._last_ns, self._sensor.read
        readings: list[Reading] = []
        while self._last_ns < t_ns:
            if self._rehearsals:
                self._rehearse()
            reading = require_number(read(), self._sensor)
            readings.append(reading)
            self._last_ns = reading.t_ns
        trace = trace_of(start_ns, readings)
        self._tally.add(trace)
        return trace

    def rehearse(self, times: int, from_ns: int) -> bool:
        """Rehearse readings that begin from then on; see ``Sampler``."""
        able = isinstance(self._sensor, RehearsingSensor)
        if able:
            self._rehearsals.append((from_ns, times))
        return able

    def cpu_s(self) -> None:
        """Return nothing: there is no process."""

    def _rehearse(self) -> None:
        """Do what was asked for before the next reading: it lies behind what it is asked at."""
        while len(self._rehearsals) > 1 and self._rehearsals[1][0] <= self._last_ns:
            del self._rehearsals[0]
        from_ns, times = self._rehearsals[0]
        if from_ns > self._last_ns:
            return
        if not times:
            del self._rehearsals[0]
        elif isinstance(self._sensor, RehearsingSensor):
            self._sensor.rehearse(times)

    def trace_so_far(self) -> Trace:
        """Return no reading: none is taken before it is asked for."""
        return trace_of(self._last_ns, [])

    def statistics(self) -> SamplerStatistics:
        """Return how the sampler fared so far."""
        return self._tally.statistics(cpu_fraction=None, peak_a=peak_of(self._sensor))
