"""Steps of a known load: this machine's own processor, busy for a while and idle again.

A source of power readings says how often it has a new one. Whether it does, how late that is and
how it follows a step, it does not say: a meter behind a radio, a filter or a slow display answers
like any other. So it is shown steps whose times are known, before anything is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from joulesplit.calibrate.response._fit import SensorResponse, fit_response
from joulesplit.calibrate.sampling import Sampler, Trace, joined
from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.readings import SensorDescription

STEPS_S = ((1.0, 0.413), (1.037, 0.701), (1.719, 0.328), (0.613, 0.527))
"""Idle and then busy, s. No two alike, so that no delay makes the steps fall on each other, and of
no common measure, so that no clock of the source goes with them."""

LAST_IDLE_S = 2.5
"""Idle after the last step, s: what comes late is seen."""

PLAIN_CYCLE_S, LONGEST_STRETCH = 0.1, 5.0
"""Sensors of a longer cycle are shown longer steps, up to so many times as long."""

KNOWN_KINDS = ("ina219", "ina226")
"""Our own drivers time each conversion by the chip's own ready bit: nothing is left to find."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSteps:
    """What a sensor showed of steps of load.

    Attributes:
        trace: Readings from before the first step until long after the last.
        busy_ns: From when until when the processor was busy, CLOCK_MONOTONIC, ns.
    """

    trace: Trace
    busy_ns: tuple[tuple[int, int], ...]


def is_known(sensor: SensorDescription) -> bool:
    """Return whether there is nothing to find out by steps of this machine's load.

    That is so for our own drivers of the INA219 and the INA226, for simulated power, which does not
    follow this machine's work, and for recordings.
    """
    return sensor.simulated or sensor.replayed or sensor.kind in KNOWN_KINDS


def keep_busy(clock: Clock, until_ns: int) -> None:
    """Keep one processor busy until a time, CLOCK_MONOTONIC, ns."""
    while clock.now_ns() < until_ns:
        pass


def take_steps(
    sampler: Sampler, clock: Clock, busy: Callable[[Clock, int], None] = keep_busy
) -> LoadSteps:
    """Show a sensor steps of load, and return what it made of them.

    Args:
        sampler: Running sampler.
        clock: Time.
        busy: Makes the load until a time, ns.

    Raises:
        SamplerError: The sampler failed.
        SensorError: The sensor failed.
    """
    stretch = min(max(sampler.description.cycle_s / PLAIN_CYCLE_S, 1.0), LONGEST_STRETCH)
    sampler.trace_until(clock.now_ns())
    steps: list[tuple[int, int]] = []
    traces: list[Trace] = []
    for idle_s, busy_s in STEPS_S:
        clock.sleep_until_ns(clock.now_ns() + round(stretch * idle_s * 1e9))
        begun_ns = clock.now_ns()
        busy(clock, begun_ns + round(stretch * busy_s * 1e9))
        steps.append((begun_ns, clock.now_ns()))
        traces.append(sampler.trace_so_far())
    clock.sleep_until_ns(clock.now_ns() + round(stretch * LAST_IDLE_S * 1e9))
    traces.append(sampler.trace_until(clock.now_ns()))
    return LoadSteps(trace=joined(traces), busy_ns=tuple(steps))


def observe_response(
    sampler: Sampler, clock: Clock, busy: Callable[[Clock, int], None] = keep_busy
) -> SensorResponse | None:
    """Return how a sensor follows this machine's load; None where that is known beforehand.

    Args:
        sampler: Running sampler.
        clock: Time.
        busy: Makes the load until a time, ns.

    Raises:
        SamplerError: The sampler failed.
        SensorError: The sensor failed.
    """
    if is_known(sampler.description):
        return None
    steps = take_steps(sampler, clock, busy)
    return fit_response(steps.trace, steps.busy_ns, sampler.description.cycle_s)
