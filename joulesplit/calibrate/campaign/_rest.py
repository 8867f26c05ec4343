"""Rests: the device left alone after a block of work, to see what it still draws seconds later.

Windows stand close together. What a window's work draws seconds after it falls into others, work
and idle alike, where no step and no late energy shows it; only a rest that is longer does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import ceil

import numpy as np

from joulesplit.calibrate.campaign._bench import Bench
from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.campaign._sampler_probe import ORDER, SamplerProbing, without_rehearsals
from joulesplit.calibrate.campaign._schedule import REST_WORK_S, WHOLE_KEY, Subject
from joulesplit.calibrate.estimates import RESTED, RestedWork
from joulesplit.calibrate.sampling import Trace, joined
from joulesplit.calibrate.windows import Rest, WindowTask

BIN_S = 0.5
"""Bins of a rest, s: ten times the correlation time of a busy board's background, or more."""

BIN_CYCLES = 4
"""A bin has so many cycles of the sensor at least."""


def rest_positions(
    tasks: Sequence[WindowTask], rests: Mapping[RestedWork, int]
) -> dict[int, RestedWork]:
    """Return before which windows of the first round a rest comes, and after what work.

    They are windows of that work, one in each of as many equal parts of the round, the first at
    or after its middle; a part without any has no rest.

    Args:
        tasks: Of the round.
        rests: How many are wanted after each kind of work.
    """
    found: dict[int, RestedWork] = {}
    for work, wanted in rests.items():
        ends = [len(tasks) * part // max(wanted, 1) for part in range(wanted + 1)]
        for start, end in pairwise(ends):
            own = [i for i in range(start, end) if tasks[i].kind in RESTED[work]]
            chosen = [i for i in own if i >= (start + end) // 2][:1] or own[-1:]
            found.update(dict.fromkeys(chosen, work))
    return found


def rest_task(plan: Plan, subjects: Sequence[Subject], work: RestedWork) -> WindowTask:
    """Return the block of work that comes before a rest.

    Of computing it is the whole network, or its slowest block; of transfers what sends or receives
    most in a second. What can be parted for the sampler's probe goes before what cannot.

    Args:
        plan: Of the campaign.
        subjects: Everything there is to measure.
        work: That the rest comes after.
    """
    every = [s for s in subjects if s.kind in RESTED[work]]
    own = [s for s in every if ceil(REST_WORK_S / s.unit_s) >= len(ORDER)] or every
    whole = [s for s in own if plan.whole and s.key == WHOLE_KEY]
    chosen = max(whole or own, key=lambda s: (s.payload_bits / s.unit_s, s.unit_s))
    repetitions = max(1, ceil(REST_WORK_S / chosen.unit_s))
    return WindowTask(
        kind=chosen.kind, subject=chosen.key, block=chosen.block, repetitions=repetitions
    )


def run_rest(task: WindowTask, bench: Bench, settle_s: float, for_s: float) -> Rest | None:
    """Run a block of work and watch the rest after it; None if the sensor is too slow for that.

    What others take of the processors is told from the end of the work to that of the rest alone:
    kernel threads that drive a radio count as others. Looking takes some milliseconds, and nothing
    looks between.

    Args:
        task: From ``rest_task``.
        bench: What to run it with.
        settle_s: When the work has settled, s after its end.
        for_s: How long to watch after that, s.

    Raises:
        SamplerError: The sampler failed.
    """
    sampler, watch = bench.sampler, bench.foreign_load
    probing = SamplerProbing(bench.clock, sampler)
    began_ns, ended_ns = probing.work(bench.workload(task), task.repetitions)
    if watch:
        watch.begin()
    settled_ns = bench.clock.now_ns() + round(settle_s * 1e9)
    during = sampler.trace_until(ended_ns)
    probed_s = probing.rest_s(task.kind)
    parts = _watched(bench, settled_ns + round((for_s - probed_s) * 1e9))
    parts += [probing.rest()] if probed_s else []
    load = watch.since() if watch else None
    bin_s = max(BIN_S, BIN_CYCLES * sampler.description.cycle_s)
    work = during.between(began_ns, ended_ns)
    if not len(work) or bin_s > for_s:
        return None
    seen_w = _course_w(joined(parts), settled_ns, bin_s, int(for_s / bin_s))
    return Rest(
        work_s=(ended_ns - began_ns) * 1e-9,
        work_power_w=_mean_w(work),
        bin_s=bin_s,
        power_w=without_rehearsals(seen_w, bin_s, probing.idle_w, for_s - probed_s),
        foreign_cpu=load.share if load else None,
        work_ended_ns=ended_ns,
        sampler=probing.found(during),
    )


def _watched(bench: Bench, until_ns: int) -> list[Trace]:
    """Sleep until then; return what was read, taken over every second."""
    parts: list[Trace] = []
    while not parts or parts[-1].end_ns < until_ns:
        part_ns = min(bench.clock.now_ns() + 10**9, until_ns)
        bench.clock.sleep_until_ns(part_ns)
        parts.append(bench.sampler.trace_until(part_ns))
    return parts


def _course_w(trace: Trace, from_ns: int, bin_s: float, bins: int) -> tuple[float, ...]:
    """Return the mean power of each bin, W, by the middles of the readings."""
    middles_ns = (trace.starts_ns + trace.records["t_ns"]) / 2
    numbers = np.floor((middles_ns - from_ns) * 1e-9 / bin_s)
    weights, power_w = trace.durations_s, trace.power_w
    return tuple(
        float(np.average(power_w[inside], weights=weights[inside]))
        for inside in (numbers == number for number in range(bins))
        if inside.any()
    )


def _mean_w(trace: Trace) -> float:
    return float(np.average(trace.power_w, weights=trace.durations_s))
