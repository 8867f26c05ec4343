"""The energy of any stretch of time from the readings that touch it. Pure.

Unlike ``calibrate.windows``, which needs idle on both sides and so has no edges to guess,
this asks nothing of what surrounds the stretch: its edges cut through readings, and how the power
was spread inside those is counted as an uncertainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import hypot, sqrt

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import WindowError
from joulesplit.calibrate.estimates import Estimate, quantity
from joulesplit.calibrate.profile import Quantity
from joulesplit.calibrate.sampling import Trace, cycle_of, lost_cycles, lost_time_s
from joulesplit.drivers.readings import ReadingFlag, SensorDescription
from joulesplit.metrology import budget_of, counted, html_table, si

MEAN_BLOCKS = 20
"""Blocks whose means give the scatter; readings inside one are autocorrelated."""


class WindowFlag(StrEnum):
    """What to know before using an energy."""

    INTERRUPTED = "interrupted"
    """The block was left by an exception; the energy is that of the time until then."""
    SHORT = "short"
    """Fewer than two readings lie inside: no scatter, so no interval."""
    GAPS = "gaps"
    """Conversions in it were not read."""
    CLIPPED = "clipped"
    """A reading stood at full scale: the energy is a lower bound."""
    CHIP_RESET = "chip-reset"
    """The chip lost its configuration and was configured again, or was found so after the end."""
    FOREIGN_WRITER = "foreign-writer"
    """Another program configured the chip: readings of up to a second before that are spoilt."""
    CLOCK_STEP = "clock-step"
    """The clock jumped: how many conversions were lost is unknown, and so is the time."""
    STUCK = "stuck"
    """The chip's words did not change for longer than noise allows."""
    RETRIED = "retried"
    """A transaction needed another try; no reading was lost by that."""
    SIMULATED = "simulated"
    """No physical quantity was measured."""
    MODELLED = "modelled"
    """The source estimates rather than measures."""
    REPLAYED = "replayed"
    """The readings are of another time: the energy is not that of the block."""


_OF_READING = {
    WindowFlag.CLIPPED: ReadingFlag.SHUNT_CLIPPED | ReadingFlag.BUS_CLIPPED,
    WindowFlag.STUCK: ReadingFlag.STUCK,
    WindowFlag.RETRIED: ReadingFlag.RETRIED,
}
_OF_READING_OR_THE_NEXT = {
    WindowFlag.CHIP_RESET: ReadingFlag.CHIP_RESET,
    WindowFlag.FOREIGN_WRITER: ReadingFlag.FOREIGN_WRITER,
    WindowFlag.CLOCK_STEP: ReadingFlag.CLOCK_STEP,
}
"""What a reading says of the one before it as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredEnergy:
    """What a stretch of time cost.

    Attributes:
        name: As the caller named it.
        started_ns: CLOCK_MONOTONIC at its start, ns.
        ended_ns: CLOCK_MONOTONIC at its end, ns.
        energy_j: ∫P dt, idle included, J. ``u_stat`` holds scatter, edges and gaps, ``u_sys`` the
            sensor's systematic terms.
        u_edges_j: Of ``u_stat``, what both edges contribute, J.
        mean_power_w: Mean power, W.
        peak_power_w: Largest reading, W.
        minimum_voltage_v: Smallest voltage, V.
        mean_voltage_v: Mean voltage, V.
        samples: Readings that touch it.
        gaps: Conversions in it that were not read.
        lost_s: Time in it that no conversion was read for, s.
        flags: What to know before using it.
    """

    name: str
    started_ns: int
    ended_ns: int
    energy_j: Quantity
    u_edges_j: float
    mean_power_w: float
    peak_power_w: float
    minimum_voltage_v: float
    mean_voltage_v: float
    samples: int
    gaps: int
    lost_s: float
    flags: frozenset[WindowFlag]

    @property
    def duration_s(self) -> float:
        """The stretch's length, s."""
        return (self.ended_ns - self.started_ns) * 1e-9

    def __str__(self) -> str:
        """Return ``1.234 ± 0.016 J (95 %, ν = 19), 420 ms, 2.94 W, 47 readings``, and the flags."""
        simulated = "SIMULATED · " if WindowFlag.SIMULATED in self.flags else ""
        facts = (
            str(self.energy_j),
            si(self.duration_s, "s"),
            si(self.mean_power_w, "W"),
            counted(self.samples, "reading"),
            *sorted(self.flags - {WindowFlag.SIMULATED}),
        )
        return simulated + ", ".join(facts)

    def _repr_html_(self) -> str:
        rows = (
            ("energy", str(self.energy_j)),
            ("duration", si(self.duration_s, "s")),
            ("mean power", si(self.mean_power_w, "W")),
            ("peak power", si(self.peak_power_w, "W")),
            ("readings", str(self.samples)),
            ("lost", si(self.lost_s, "s")),
            ("flags", ", ".join(sorted(self.flags)) or "none"),
        )
        return html_table(self.name, rows)


def energy_between(
    trace: Trace,
    times_ns: tuple[int, int],
    description: SensorDescription,
    *,
    name: str,
    interrupted: bool = False,
) -> MeteredEnergy:
    """Return the energy from start to end.

    A reading that an edge cuts counts in proportion to its time inside. Where the power changed
    at the edge, that is off by up to a cycle times the change; the standard uncertainty of each
    edge is T/√12 times the spread of power around it (both together T/√6, if alike), which also
    covers the T/6 by which the interpolation is biased for a step exactly at the edge.

    Args:
        trace: Readings that cover the stretch; one more on each side shows the change at the edge,
            and the one after it whether the chip was found reset.
        times_ns: Start and end, CLOCK_MONOTONIC, ns.
        description: The sensor.
        name: Kept in the result.
        interrupted: The block was left by an exception.

    Raises:
        WindowError: The readings do not cover the stretch.
    """
    start_ns, end_ns = times_ns
    busy = _covering(trace, start_ns, end_ns, name)
    inside_s = _inside_s(busy, start_ns, end_ns)
    energy_j = float(busy.power_w @ inside_s)
    # Losses are told by the usual step, which a window of one reading does not show.
    cycle_s = cycle_of(trace)
    lost_s = lost_time_s(busy, cycle_s)
    u_edges_j = _u_edges_j(trace, times_ns, cycle_s)
    u_gaps_j = lost_s * float(np.ptp(trace.power_w)) / sqrt(12)
    return MeteredEnergy(
        name=name,
        started_ns=start_ns,
        ended_ns=end_ns,
        energy_j=_quantity(busy, inside_s, hypot(u_edges_j, u_gaps_j), description),
        u_edges_j=u_edges_j,
        mean_power_w=energy_j / ((end_ns - start_ns) * 1e-9),
        peak_power_w=float(busy.power_w.max()),
        minimum_voltage_v=float(busy.voltage_v.min()),
        mean_voltage_v=float(np.average(busy.voltage_v, weights=inside_s)),
        samples=len(busy),
        gaps=lost_cycles(busy, cycle_s),
        lost_s=lost_s,
        flags=_flags(busy, trace.next_after(end_ns), lost_s, description, interrupted=interrupted),
    )


def _covering(trace: Trace, start_ns: int, end_ns: int, name: str) -> Trace:
    """Return the readings that touch the stretch, which they must cover."""
    busy = trace.touching(start_ns, end_ns)
    if end_ns <= start_ns or not len(busy) or busy.starts_ns[0] > start_ns or busy.end_ns < end_ns:
        raise WindowError(
            f"the readings do not cover the window {name!r} of {(end_ns - start_ns) * 1e-9:.6f} s; "
            "keep the sampler running from before its start until after its end"
        )
    return busy


def _inside_s(busy: Trace, start_ns: int, end_ns: int) -> NDArray[np.float64]:
    """Return the share of each reading's time that lies inside, s."""
    starts_ns = np.maximum(busy.starts_ns, start_ns)
    ends_ns = np.minimum(busy.records["t_ns"], end_ns)
    return np.asarray((ends_ns - starts_ns) * 1e-9, dtype=np.float64)


def _u_edges_j(trace: Trace, times_ns: tuple[int, int], cycle_s: float) -> float:
    cut = [int(np.searchsorted(trace.records["t_ns"], t_ns)) for t_ns in times_ns]
    spreads_w = [float(np.ptp(trace.power_w[max(at - 1, 0) : at + 2])) for at in cut]
    return hypot(*spreads_w) * cycle_s / sqrt(12)


def _quantity(
    busy: Trace, inside_s: NDArray[np.float64], u_others_j: float, description: SensorDescription
) -> Quantity:
    """Return the energy with everything that is not known about it."""
    energies_j, duration_s = busy.power_w * inside_s, float(inside_s.sum())
    energy_j = float(energies_j.sum())
    budget = budget_of(description.accuracy)
    if len(busy) < 2:
        u_sys = budget.of(energy_j, offset_duration=duration_s)
        return Quantity(value=energy_j, unit="J", ci95=None, u_stat=None, u_sys=u_sys, n=1)
    means_w = _block_means_w(energies_j, inside_s)
    u_scatter_j = float(means_w.std(ddof=1)) / sqrt(len(means_w)) * duration_s
    estimate = Estimate(
        value=energy_j,
        u_stat=hypot(u_scatter_j, u_others_j),
        degrees_of_freedom=len(means_w) - 1,
        n=len(means_w),
    )
    return quantity(estimate, "J", budget, offset_duration=duration_s)


def _block_means_w(
    energies_j: NDArray[np.float64], inside_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    count = min(MEAN_BLOCKS, len(energies_j))
    firsts = np.arange(count) * len(energies_j) // count
    return np.asarray(np.add.reduceat(energies_j, firsts) / np.add.reduceat(inside_s, firsts))


def _flags(
    busy: Trace, after: Trace, lost_s: float, description: SensorDescription, *, interrupted: bool
) -> frozenset[WindowFlag]:
    said = {
        WindowFlag.INTERRUPTED: interrupted,
        WindowFlag.SHORT: len(busy) < 2,
        WindowFlag.GAPS: lost_s > 0 or bool(busy.count(ReadingFlag.GAP_BEFORE)),
        WindowFlag.SIMULATED: description.simulated,
        WindowFlag.MODELLED: description.modelled,
        WindowFlag.REPLAYED: description.replayed,
        **{flag: bool(busy.count(bits)) for flag, bits in _OF_READING.items()},
        **{
            flag: bool(busy.count(bits) or after.count(bits))
            for flag, bits in _OF_READING_OR_THE_NEXT.items()
        },
    }
    return frozenset(flag for flag, holds in said.items() if holds)
