"""Windows made by hand, for whatever is computed from them."""

from __future__ import annotations

from typing import Any

import msgspec

from joulesplit.calibrate.windows import WindowKind, WindowRecord, WindowTask


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
