"""The energy of any stretches of time from the readings that touch them. Pure.

Unlike ``calibrate.windows``, which needs idle on both sides and so has no edges to guess,
this asks nothing of what surrounds a stretch: its edges cut through readings, and how the power
was spread inside those is counted as an uncertainty.

Many stretches are worked out at once, as arrays: each costs what its own readings cost, however
many others there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import WindowError
from joulesplit.calibrate.estimates import Estimate, quantity
from joulesplit.calibrate.profile import Quantity
from joulesplit.calibrate.sampling import LOST_CYCLE_RATIO, Trace, cycle_of
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
    LATE_READER = "late-reader"
    """The machine woke up too late for the sensor's cycle: times are off by up to half of one."""
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
    WindowFlag.LATE_READER: ReadingFlag.LATE_READER,
    WindowFlag.RETRIED: ReadingFlag.RETRIED,
}
_OF_READING_OR_THE_NEXT = {
    WindowFlag.CHIP_RESET: ReadingFlag.CHIP_RESET,
    WindowFlag.FOREIGN_WRITER: ReadingFlag.FOREIGN_WRITER,
    WindowFlag.CLOCK_STEP: ReadingFlag.CLOCK_STEP,
}
"""What a reading says of the one before it as well."""

METERED_FIGURES = np.dtype(
    [
        ("started_ns", "<i8"),
        ("ended_ns", "<i8"),
        ("energy_j", "<f8"),
        ("u_stat_j", "<f8"),
        ("u_edges_j", "<f8"),
        ("peak_power_w", "<f8"),
        ("minimum_voltage_v", "<f8"),
        ("mean_voltage_v", "<f8"),
        ("lost_s", "<f8"),
        ("samples", "<u4"),
        ("gaps", "<u4"),
        ("flags", "<u2"),
        ("blocks", "u1"),
    ]
)
"""What is kept of a stretch, 83 bytes; ``flags`` has a bit for each ``WindowFlag``, ``samples`` is
0 where the readings do not cover it."""

_BITS = {flag: 1 << position for position, flag in enumerate(WindowFlag)}


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
    """Return the energy from start to end, see ``figures_between``.

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
    times = np.array([times_ns], dtype=np.int64)
    figures = figures_between(trace, times, np.array([interrupted]))[0]
    if not figures["samples"]:
        raise uncovered(name, *times_ns)
    return metered(figures, name, description)


def uncovered(name: str, start_ns: int, end_ns: int) -> WindowError:
    """Return the error of a stretch that the readings do not cover."""
    return WindowError(
        f"the readings do not cover the window {name!r} of {(end_ns - start_ns) * 1e-9:.6f} s; "
        "keep the sampler running from before its start until after its end"
    )


def metered(figures: np.void, name: str, description: SensorDescription) -> MeteredEnergy:
    """Return what is kept of a stretch with everything that follows from it.

    Args:
        figures: One of ``METERED_FIGURES``.
        name: Of the stretch.
        description: The sensor.
    """
    started_ns, ended_ns = int(figures["started_ns"]), int(figures["ended_ns"])
    duration_s, energy_j = (ended_ns - started_ns) * 1e-9, float(figures["energy_j"])
    of_sensor = {
        WindowFlag.SIMULATED: description.simulated,
        WindowFlag.MODELLED: description.modelled,
        WindowFlag.REPLAYED: description.replayed,
    }
    flags = {flag for flag, bit in _BITS.items() if figures["flags"] & bit}
    return MeteredEnergy(
        name=name,
        started_ns=started_ns,
        ended_ns=ended_ns,
        energy_j=_quantity(figures, duration_s, description),
        u_edges_j=float(figures["u_edges_j"]),
        mean_power_w=energy_j / duration_s,
        peak_power_w=float(figures["peak_power_w"]),
        minimum_voltage_v=float(figures["minimum_voltage_v"]),
        mean_voltage_v=float(figures["mean_voltage_v"]),
        samples=int(figures["samples"]),
        gaps=int(figures["gaps"]),
        lost_s=float(figures["lost_s"]),
        flags=frozenset(flags | {flag for flag, holds in of_sensor.items() if holds}),
    )


def _quantity(figures: np.void, duration_s: float, description: SensorDescription) -> Quantity:
    """Return the energy with everything that is not known about it."""
    energy_j, blocks = float(figures["energy_j"]), int(figures["blocks"])
    budget = budget_of(description.accuracy)
    if blocks < 2:
        u_sys = budget.of(energy_j, offset_duration=duration_s)
        return Quantity(value=energy_j, unit="J", ci95=None, u_stat=None, u_sys=u_sys, n=1)
    estimate = Estimate(
        value=energy_j, u_stat=float(figures["u_stat_j"]), degrees_of_freedom=blocks - 1, n=blocks
    )
    return quantity(estimate, "J", budget, offset_duration=duration_s)


def figures_between(
    trace: Trace, times_ns: NDArray[np.int64], interrupted: NDArray[np.bool_]
) -> NDArray[np.void]:
    """Return the energy of each of many stretches, and what else is kept of it.

    A reading that an edge cuts counts in proportion to its time inside. Where the power changed
    at the edge, that is off by up to a cycle times the change; the standard uncertainty of each
    edge is T/√12 times the spread of power around it (both together T/√6, if alike), which also
    covers the T/6 by which the interpolation is biased for a step exactly at the edge.

    Args:
        trace: Readings.
        times_ns: Starts and ends, CLOCK_MONOTONIC, ns, shape (m, 2), int64.
        interrupted: Blocks that were left by an exception, shape (m,), bool.

    Returns:
        Shape (m,), dtype ``METERED_FIGURES``; 0 samples where no reading covers it.
    """
    figures = np.zeros(len(times_ns), dtype=METERED_FIGURES)
    figures["started_ns"], figures["ended_ns"] = times_ns.T
    spans = _spans(trace, times_ns)
    covered = spans.counts > 0
    if covered.any():
        figures[covered] = _figures(
            trace, spans.of(covered), times_ns[covered], interrupted[covered]
        )
    return figures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spans:
    """The readings that touch each of m stretches: from ``firsts`` to before ``lasts``.

    Attributes:
        firsts: Position of the first, shape (m,), int64.
        lasts: Position after the last, likewise; not after ``firsts`` where they do not cover it.
        before_s: Time of the first that lies before the stretch, s, shape (m,), float64.
        after_s: Time of the last that lies after it, s, likewise.
    """

    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    before_s: NDArray[np.float64]
    after_s: NDArray[np.float64]

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of readings of each, shape (m,), int64."""
        return self.lasts - self.firsts

    def of(self, chosen: NDArray[np.bool_]) -> _Spans:
        """Return those of some stretches."""
        return _Spans(
            firsts=self.firsts[chosen],
            lasts=self.lasts[chosen],
            before_s=self.before_s[chosen],
            after_s=self.after_s[chosen],
        )

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of whole readings' values of each, shape (m,), float64."""
        return _over(np.add, values, self.firsts, self.lasts)


def _spans(trace: Trace, times_ns: NDArray[np.int64]) -> _Spans:
    ends, starts = trace.records["t_ns"], trace.starts_ns
    started, ended = times_ns.T
    firsts = np.searchsorted(ends, started, side="right").astype(np.int64)
    lasts = np.searchsorted(starts, ended, side="left").astype(np.int64)
    if not len(trace):
        nothing = np.zeros(len(times_ns))
        return _Spans(firsts=firsts, lasts=firsts, before_s=nothing, after_s=nothing)
    first, last = (np.clip(at, 0, len(trace) - 1) for at in (firsts, lasts - 1))
    before, after = started - starts[first], ends[last] - ended
    whole = (ended > started) & (lasts > firsts) & (before >= 0) & (after >= 0)
    return _Spans(
        firsts=firsts,
        lasts=np.where(whole, lasts, firsts),
        before_s=before * 1e-9,
        after_s=after * 1e-9,
    )


def _over(
    operation: np.ufunc,
    values: NDArray[Any],
    firsts: NDArray[np.int64],
    lasts: NDArray[np.int64],
) -> NDArray[Any]:
    """Return an operation over the readings of each span, none of which is empty."""
    padded = np.append(values, values[-1:])
    pairs = np.stack([firsts, lasts], axis=1).ravel()
    return np.asarray(operation.reduceat(padded, pairs)[::2])


def _figures(
    trace: Trace, spans: _Spans, times_ns: NDArray[np.int64], interrupted: NDArray[np.bool_]
) -> NDArray[np.void]:
    power_w, voltage_v, steps_s = trace.power_w, trace.voltage_v, trace.durations_s
    duration_s = (times_ns[:, 1] - times_ns[:, 0]) * 1e-9
    # Losses are told by the usual step, which a window of one reading does not show.
    cycle_s = cycle_of(trace)
    late = steps_s > LOST_CYCLE_RATIO * cycle_s
    lost_s = spans.sums(np.where(late, steps_s - cycle_s, 0.0))
    u_edges_j = _u_edges_j(trace.records["t_ns"], power_w, times_ns, cycle_s)
    blocks, u_scatter_w = _scatter_w(power_w, steps_s, spans)
    u_gaps_j = lost_s * float(np.ptp(power_w)) / sqrt(12)
    figures = np.zeros(len(times_ns), dtype=METERED_FIGURES)
    figures["started_ns"], figures["ended_ns"] = times_ns.T
    figures["energy_j"] = _inside(power_w, steps_s, spans)
    figures["u_stat_j"] = np.sqrt((u_scatter_w * duration_s) ** 2 + u_edges_j**2 + u_gaps_j**2)
    figures["u_edges_j"], figures["lost_s"] = u_edges_j, lost_s
    figures["peak_power_w"] = _over(np.maximum, power_w, spans.firsts, spans.lasts)
    figures["minimum_voltage_v"] = _over(np.minimum, voltage_v, spans.firsts, spans.lasts)
    figures["mean_voltage_v"] = _inside(voltage_v, steps_s, spans) / duration_s
    figures["samples"], figures["blocks"] = spans.counts, blocks
    figures["gaps"] = spans.sums(np.where(late, np.rint(steps_s / (cycle_s or 1.0)) - 1, 0.0))
    figures["flags"] = _flags(trace, spans, lost_s, interrupted)
    return figures


def _inside(
    values: NDArray[np.float64], steps_s: NDArray[np.float64], spans: _Spans
) -> NDArray[np.float64]:
    """Return ∫values dt over each stretch, shape (m,), of the values of the readings."""
    whole = spans.sums(values * steps_s)
    cut = values[spans.firsts] * spans.before_s + values[spans.lasts - 1] * spans.after_s
    return np.asarray(whole - cut)


def _u_edges_j(
    ends_ns: NDArray[np.int64],
    power_w: NDArray[np.float64],
    times_ns: NDArray[np.int64],
    cycle_s: float,
) -> NDArray[np.float64]:
    """Return what both edges of each stretch contribute, J, shape (m,)."""
    cut = np.searchsorted(ends_ns, times_ns)
    around = np.clip(cut[..., None] + np.arange(-1, 2), 0, len(power_w) - 1)
    spreads_w = np.ptp(power_w[around], axis=-1)
    return np.asarray(np.hypot(*spreads_w.T) * cycle_s / sqrt(12))


def _scatter_w(
    power_w: NDArray[np.float64], steps_s: NDArray[np.float64], spans: _Spans
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the number of blocks of each stretch, and what their means say of its own mean, W."""
    counts = np.minimum(MEAN_BLOCKS, spans.counts)
    stretch = np.repeat(np.arange(len(counts)), counts)
    begin = np.cumsum(counts) - counts
    number = np.arange(len(stretch)) - begin[stretch]
    first, last = number == 0, number == counts[stretch] - 1
    blocks = _Spans(
        firsts=spans.firsts[stretch] + number * spans.counts[stretch] // counts[stretch],
        lasts=spans.firsts[stretch] + (number + 1) * spans.counts[stretch] // counts[stretch],
        before_s=np.where(first, spans.before_s[stretch], 0.0),
        after_s=np.where(last, spans.after_s[stretch], 0.0),
    )
    means_w = _inside(power_w, steps_s, blocks) / _inside(np.ones_like(steps_s), steps_s, blocks)
    off_w = means_w - (np.add.reduceat(means_w, begin) / counts)[stretch]
    variance = np.add.reduceat(off_w**2, begin) / np.maximum(counts - 1, 1) / counts
    return counts, np.sqrt(variance)


def _flags(
    trace: Trace,
    spans: _Spans,
    lost_s: NDArray[np.float64],
    interrupted: NDArray[np.bool_],
) -> NDArray[np.uint16]:
    of_readings = trace.records["flags"]
    within = _over(np.bitwise_or, of_readings, spans.firsts, spans.lasts)
    following = within | np.append(of_readings, 0)[spans.lasts]
    said = {
        WindowFlag.INTERRUPTED: interrupted,
        WindowFlag.SHORT: spans.counts < 2,
        WindowFlag.GAPS: (lost_s > 0) | (within & int(ReadingFlag.GAP_BEFORE) != 0),
        **{flag: within & int(bits) != 0 for flag, bits in _OF_READING.items()},
        **{flag: following & int(bits) != 0 for flag, bits in _OF_READING_OR_THE_NEXT.items()},
    }
    bits = np.array([holds * _BITS[flag] for flag, holds in said.items()], dtype=np.uint16)
    return np.asarray(np.bitwise_or.reduce(bits, axis=0))
