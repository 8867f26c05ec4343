"""What common tools would have said of the same worlds: their estimators on the same readings.

Each tool gets what it asks for: whole inferences back to back for seconds, every reading of the
same sensor, and windows of 1 to 6 s. Their interval is the usual mean ± t·s/√n over windows, or
that of the slope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from joulesplit._simulation import WorldSetup
from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.estimates._stats import weighted_fit
from joulesplit.calibrate.sampling import Trace
from joulesplit.calibrate.workloads import truth_of
from joulesplit.metrology import Array
from proof.figures import Figure
from proof.stage import Stage, stage_of

IDLE_S = 5.0
"""The one idle measurement, at the start."""

PAUSE_S = (0.5, 1.5)
"""Between two windows: of any length, so that no clock of a tool stands still against them."""

REPETITIONS = (6, 12, 18, 24, 30, 36)
"""Inferences per window, rising as in a criterion-style run; about 1 to 6 s."""

COUNTER_S = 1.0
"""An energy counter is read once a second."""

POLL_S = 0.1
"""A script reads the sensor's last result ten times a second."""

RATE_BIT_PER_S = 20e6
"""Of the truth's E_c, which plays no part here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the tools have to work with.

    Attributes:
        trace: Every reading.
        idle: Start and end of the idle measurement, ns.
        windows: Start and end of each window of work, ns.
        repetitions: Inferences in each.
    """

    trace: Trace
    idle: tuple[int, int]
    windows: tuple[tuple[int, int], ...]
    repetitions: tuple[int, ...]


def record_session(stage: Stage, seed: int) -> Session:
    """Run the whole network as the tools want it and return every reading."""
    random = np.random.default_rng([seed, 10])
    clock, whole = stage.clock, stage.inference(1, len(stage.blocks))
    clock.advance_ns(round(float(random.uniform(0.0, COUNTER_S)) * 1e9))
    idle_start_ns = clock.now_ns()
    clock.advance_ns(round(IDLE_S * 1e9))
    idle = (idle_start_ns, clock.now_ns())
    windows = []
    for repetitions in REPETITIONS:
        done = whole.run(repetitions)
        windows.append((done.started_ns, done.ended_ns))
        clock.advance_ns(round(float(random.uniform(*PAUSE_S)) * 1e9))
    trace = stage.sampler.trace_until(clock.now_ns())
    return Session(trace=trace, idle=idle, windows=tuple(windows), repetitions=REPETITIONS)


Integrate = Callable[[Trace, int, int], float]
"""Energy between two times [ns] as a tool finds it, J."""


def gap_free(trace: Trace, start_ns: int, end_ns: int) -> float:
    """Return the sum over all readings, each by its share in the interval, J."""
    starts = np.maximum(trace.starts_ns, start_ns)
    ends = np.minimum(trace.records["t_ns"], end_ns)
    return float(np.sum(trace.power_w * np.maximum(ends - starts, 0)) * 1e-9)


def counter(trace: Trace, start_ns: int, end_ns: int) -> float:
    """Return the difference of an energy counter that moves once a second, J."""
    ticks = [
        trace.start_ns + int((t - trace.start_ns) // (COUNTER_S * 1e9) * COUNTER_S * 1e9)
        for t in (start_ns, end_ns)
    ]
    return gap_free(trace, ticks[0], ticks[1])


def polled(trace: Trace, start_ns: int, end_ns: int) -> float:
    """Return the trapezoid through the last reading known at each poll, ends interpolated, J."""
    step_ns = round(POLL_S * 1e9)
    first_ns = trace.start_ns + (start_ns - trace.start_ns) // step_ns * step_ns
    polls = np.arange(first_ns, end_ns + step_ns + 1, step_ns)
    latest = np.searchsorted(trace.records["t_ns"], polls, side="right") - 1
    power = trace.power_w[np.clip(latest, 0, None)]
    inside = polls[(polls > start_ns) & (polls < end_ns)]
    times = np.concatenate([[start_ns], inside, [end_ns]])
    at = np.interp(times, polls, power)
    return float(np.sum((at[1:] + at[:-1]) / 2 * np.diff(times)) * 1e-9)


def tool_figures(setup: WorldSetup, seed: int) -> dict[str, Figure]:
    """Return the net energy per inference of the whole network by each tool, J.

    Args:
        setup: The world.
        seed: Of the pauses between windows.
    """
    stage = stage_of(setup)
    session = record_session(stage, seed)
    truth = truth_of(setup.costs, stage.blocks, RATE_BIT_PER_S)
    net_j = sum(truth.block_energy_j)
    gross = _energies(session, gap_free, above_idle=False)
    net = _energies(session, gap_free, above_idle=True)
    return {
        "gross E/n": _mean(gross, session, net_j),
        "one idle at the start, E/n": _mean(net, session, net_j),
        "one idle at the start, slope over rising n": _slope(net, session, net_j),
        "counter at 1 s, one idle, E/n": _mean(
            _energies(session, counter, above_idle=True), session, net_j
        ),
        "polled at 10 Hz, trapezoid, one idle, E/n": _mean(
            _energies(session, polled, above_idle=True), session, net_j
        ),
    }


def _energies(session: Session, integrate: Integrate, *, above_idle: bool) -> Array:
    start_ns, end_ns = session.idle
    idle_w = integrate(session.trace, start_ns, end_ns) / ((end_ns - start_ns) * 1e-9)
    energies = [
        integrate(session.trace, start, end) - above_idle * idle_w * (end - start) * 1e-9
        for start, end in session.windows
    ]
    return np.array(energies)


def _mean(energies: Array, session: Session, truth: float) -> Figure:
    each = energies / np.array(session.repetitions)
    half = coverage_factor(len(each) - 1) * float(each.std(ddof=1)) / len(each) ** 0.5
    return _figure(float(each.mean()), half, truth)


def _slope(energies: Array, session: Session, truth: float) -> Figure:
    n = np.array(session.repetitions, dtype=np.float64)
    fit = weighted_fit(np.column_stack([np.ones_like(n), n]), energies, np.ones_like(n))
    half = coverage_factor(fit.degrees_of_freedom) * float(fit.covariance[1, 1]) ** 0.5
    return _figure(float(fit.coefficients[1]), half, truth)


def _figure(value: float, half: float, truth: float) -> Figure:
    return Figure(value=value, low=value - half, high=value + half, truth=truth)
