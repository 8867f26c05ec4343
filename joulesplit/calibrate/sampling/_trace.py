"""A stretch of power readings as arrays. Plain data and pure slicing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.drivers.readings import Reading, ReadingFlag

RECORD = np.dtype(
    [
        ("t_ns", "<i8"),
        ("voltage_v", "<f8"),
        ("current_a", "<f8"),
        ("raw0", "<i4"),
        ("raw1", "<i4"),
        ("flags", "<i4"),
        ("late_us", "<i4"),
    ]
)
"""One reading as the sampler's ring stores it; 40 bytes. ``late_us`` is the time from the end of
its conversion until the sampler had it, µs; 0 where nobody measured it."""

LOST_CYCLE_RATIO = 1.5
"""A step longer than this many cycles means that conversions were lost."""


def record_of(reading: Reading) -> tuple[int, float, float, int, int, int, int]:
    """Return a reading as the fields of ``RECORD``."""
    raw0, raw1 = (*reading.raw, 0, 0)[:2]
    return (
        reading.t_ns,
        reading.voltage_v,
        reading.current_a,
        raw0,
        raw1,
        int(reading.flags),
        0,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Consecutive readings of one sensor.

    Each reading stands for the time since the one before it; ``start_ns`` is the time of the
    reading before the first, so that the first one has a length too.

    Attributes:
        start_ns: CLOCK_MONOTONIC at which the first reading's conversion began, ns.
        records: Readings, shape (n,), dtype ``RECORD``, time ascending.
    """

    start_ns: int
    records: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def end_ns(self) -> int:
        """Time of the last reading, ns; ``start_ns`` if there is none."""
        return int(self.records["t_ns"][-1]) if len(self) else self.start_ns

    @property
    def starts_ns(self) -> NDArray[np.int64]:
        """Time at which each reading's conversion began, ns, shape (n,), int64."""
        return np.concatenate(([self.start_ns], self.records["t_ns"][:-1])).astype(np.int64)

    @property
    def durations_s(self) -> NDArray[np.float64]:
        """Time each reading stands for, s, shape (n,), float64."""
        return np.asarray((self.records["t_ns"] - self.starts_ns) * 1e-9, dtype=np.float64)

    @property
    def power_w(self) -> NDArray[np.float64]:
        """Power of each reading, W, shape (n,), float64."""
        return np.asarray(self.records["voltage_v"] * self.records["current_a"], dtype=np.float64)

    @property
    def voltage_v(self) -> NDArray[np.float64]:
        """Voltage of each reading, V, shape (n,), float64."""
        return np.asarray(self.records["voltage_v"], dtype=np.float64)

    def between(self, start_ns: int, end_ns: int) -> Trace:
        """Return the readings that lie wholly inside ``[start_ns, end_ns]``."""
        starts = self.starts_ns
        inside = (starts >= start_ns) & (self.records["t_ns"] <= end_ns)
        return self._pick(inside)

    def touching(self, start_ns: int, end_ns: int) -> Trace:
        """Return the readings that share any time with ``(start_ns, end_ns)``."""
        inside = (self.records["t_ns"] > start_ns) & (self.starts_ns < end_ns)
        return self._pick(inside)

    def next_after(self, end_ns: int) -> Trace:
        """Return the first reading that begins at ``end_ns`` or later; empty if there is none."""
        first = int(np.searchsorted(self.starts_ns, end_ns))
        mask = np.zeros(len(self), dtype=np.bool_)
        mask[first : first + 1] = True
        return self._pick(mask)

    def _pick(self, mask: NDArray[np.bool_]) -> Trace:
        starts = self.starts_ns[mask]
        first_ns = int(starts[0]) if len(starts) else self.start_ns
        return Trace(start_ns=first_ns, records=self.records[mask])

    def count(self, flag: ReadingFlag) -> int:
        """Return how many readings carry ``flag``."""
        return int(np.count_nonzero(self.records["flags"] & int(flag)))


def trace_of(start_ns: int, readings: Iterable[Reading]) -> Trace:
    """Return readings as a trace that begins at ``start_ns``."""
    rows = [record_of(reading) for reading in readings]
    return Trace(start_ns=start_ns, records=np.array(rows, dtype=RECORD))


def joined(traces: Sequence[Trace]) -> Trace:
    """Return consecutive stretches of readings, one at least, as one."""
    records = np.concatenate([trace.records for trace in traces])
    return Trace(start_ns=traces[0].start_ns, records=records)


def cycle_of(trace: Trace) -> float:
    """Return the sensor's cycle as measured: the median step, s; 0 for an empty trace."""
    return float(np.median(trace.durations_s)) if len(trace) else 0.0


def lost_time_s(trace: Trace, cycle_s: float) -> float:
    """Return the time that no conversion was read for, s."""
    steps = trace.durations_s
    late = steps > LOST_CYCLE_RATIO * cycle_s
    return float(np.sum(steps[late] - cycle_s))


def lost_cycles(trace: Trace, cycle_s: float) -> int:
    """Return how many conversions were not read, from the time stamps alone."""
    steps = trace.durations_s
    late = steps > LOST_CYCLE_RATIO * cycle_s
    return int(np.sum(np.rint(steps[late] / cycle_s) - 1)) if cycle_s > 0 else 0
