"""Windows made by hand, for whatever is computed from them."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from joulesplit.calibrate.windows import Rest, WindowKind, WindowRecord, WindowTask


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
