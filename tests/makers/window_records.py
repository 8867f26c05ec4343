"""Windows made by hand, for whatever is computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from joulesplit.calibrate.windows import Rest, SamplerProbe, WindowKind, WindowRecord, WindowTask
from joulesplit.metrology import Array


def window_record(
    kind: WindowKind = "compute",
    *,
    net_j: float,
    work_s: float,
    subject: str | None = None,
    block: int = 0,
    repetitions: int = 1,
    idle_w: float = 2.0,
    number: int = 0,
    **fields: Any,
) -> WindowRecord:
    """Return a window that nothing was wrong with.

    Args:
        kind: Of the window.
        net_j: Energy above idle, J; the gross energy is that and the idle power's.
        work_s: How long the work took, s.
        subject: Its key; kind and block if not given.
        block: See ``WindowTask``.
        repetitions: See ``WindowTask``.
        idle_w: Idle power, W.
        number: Seconds after the first window that it began.
        fields: Of ``WindowRecord``, where they are to be others.
    """
    key = f"{kind} {block}" if subject is None else subject
    plain = WindowRecord(
        task=WindowTask(kind=kind, subject=key, block=block, repetitions=repetitions),
        started_ns=number * 10**9,
        work_s=work_s,
        idle_s=1.0,
        airtime_s=0.0,
        payload_bits=0,
        gross_j=net_j + idle_w * work_s,
        net_j=net_j,
        idle_power_w=idle_w,
        idle_step_w=0.0,
        peak_power_w=3.5,
        minimum_voltage_v=5.0,
        lost_s=0.0,
        readings=100,
        clipped=0,
        resets=0,
    )
    return msgspec.structs.replace(plain, **fields)


def rested(
    share: float,
    *,
    lasts_s: float = 3.0,
    fades_s: float | None = None,
    rest_s: float = 16.0,
    noise_w: float = 2e-3,
    slope_w_per_s: float = 0.0,
    seed: int = 0,
) -> Rest:
    """Return a rest after 8 s of work of 1.2 W above idle, of which a share is drawn late.

    Args:
        share: Of the work's power.
        lasts_s: How long it stays, s.
        fades_s: Or with which time constant it fades, s.
        rest_s: Length of the rest, s.
        noise_w: Standard deviation of a bin, W.
        slope_w_per_s: Of the idle power, as of a board that cools down, W/s.
        seed: Of the noise.
    """
    bins, work_w = np.arange(round(2 * rest_s)), 1.2
    late_w = share * work_w * np.clip(lasts_s / 0.5 - bins, 0, 1)
    if fades_s is not None:
        fine_s = np.arange(0.005, rest_s, 0.01)
        faded = np.exp(-fine_s / fades_s) - np.exp(-(fine_s + 8.0) / fades_s)
        late_w = share * work_w * faded.reshape(-1, 50).mean(axis=1)
    noise = noise_w * np.random.default_rng(seed).standard_normal(len(bins))
    power_w = 2.6 + slope_w_per_s * 0.5 * bins + late_w + noise
    return Rest(work_s=8.0, work_power_w=2.6 + work_w, bin_s=0.5, power_w=tuple(power_w.tolist()))


PROBED = (False, True, True, False, True, False, False, True)


def probed(
    idle_w: float, work_w: float, *, effort: float = 3.0, grows: float = 1.0, seed: int = 0
) -> Rest:
    """Return a rest in which reading the sensor takes some power at rest and other at work.

    Args:
        idle_w: At rest, W.
        work_w: At work, W; the work takes 1.2 W besides.
        effort: What the sampler does in every other part over what it does as usual.
        grows: What it takes goes with this power of what it does.
        seed: Of noise of 2 mW.
    """
    rest = rested(0.0, rest_s=32.0, seed=seed)
    random = np.random.default_rng([seed, 1])
    more = np.where(PROBED, effort**grows, 1.0)
    at_work, at_rest = (
        level_w + taken_w * more + 2e-3 * random.standard_normal(len(PROBED))
        for level_w, taken_w in ((3.8, work_w), (2.6, idle_w))
    )
    probe = SamplerProbe(
        rehearsed=PROBED,
        effort=effort,
        work_power_w=tuple(at_work.tolist()),
        idle_power_w=tuple(at_rest.tolist()),
    )
    return msgspec.structs.replace(rest, sampler=probe)


def windows_with_late_work(
    late: Mapping[WindowKind, tuple[float, float]],
    *,
    windows: int = 120,
    noise_w: float = 2e-3,
    slow_w: float = 0.0,
    seed: int = 0,
) -> list[WindowRecord]:
    """Return windows of inferences and uploads of 0.3 to 3 s, of which a share fades away later.

    The power is put together on a grid of 10 ms and read off it.

    Args:
        late: Share of the energy and time constant in s, by kind of window.
        windows: How many.
        noise_w: Standard deviation of each idle side, W.
        slow_w: Of noise with a correlation time of 5 s, W.
        seed: Of what is drawn.
    """
    random, step_s = np.random.default_rng(seed), 0.01
    sent = random.random(windows) < 0.3
    kinds: list[WindowKind] = ["upload" if one else "compute" for one in sent]
    work_s = np.round(random.uniform(0.3, 3.0, windows), 2)
    # Every twentieth window comes after a rest.
    pauses_s = np.where(np.arange(windows) % 20 == 19, 20.0, 0.0)
    start_s = np.round(np.cumsum(0.9 + work_s + pauses_s) - work_s, 2)
    count = round((start_s[-1] + 5.0) / step_s)
    power_w = np.full(count, 2.6)
    for kind in sorted(set(kinds)):
        own_w = np.zeros(count)
        for at in (n for n in range(windows) if kinds[n] == kind):
            first = round((start_s[at] + 0.3) / step_s)
            own_w[first : first + round(work_s[at] / step_s)] = 1.0
        share, fades_s = late.get(kind, (0.0, 1.0))
        kernel = np.exp(-np.arange(0.0, 8 * fades_s, step_s) / fades_s)
        power_w += (1 - share) * own_w
        power_w += share * np.convolve(own_w, kernel / kernel.sum())[:count]
    power_w += slow_w * _slow(count, step_s / 5.0, random)

    def mean_w(from_s: float, until_s: float) -> float:
        return float(power_w[round(from_s / step_s) : round(until_s / step_s)].mean())

    records = []
    for at, kind in enumerate(kinds):
        begins_s, ends_s = start_s[at] + 0.3, start_s[at] + 0.3 + work_s[at]
        sides = mean_w(start_s[at], begins_s), mean_w(ends_s, ends_s + 0.3)
        before_w, after_w = np.array(sides) + noise_w * random.standard_normal(2)
        idle_w = (before_w + after_w) / 2
        record = window_record(
            kind,
            net_j=(mean_w(begins_s, ends_s) - idle_w) * work_s[at],
            work_s=float(work_s[at]),
            idle_w=float(idle_w),
            idle_step_w=float(after_w - before_w),
            idle_s=0.6,
            started_ns=round(start_s[at] * 1e9),
        )
        records.append(record)
    return records


def _slow(count: int, step: float, random: np.random.Generator) -> Array:
    """Return noise of standard deviation 1 that forgets in so many steps, shape (count,)."""
    values, kept = np.empty(count), np.exp(-step)
    values[0] = random.standard_normal()
    for at, draw in enumerate(random.standard_normal(count - 1), start=1):
        values[at] = kept * values[at - 1] + np.sqrt(1 - kept**2) * draw
    return values
