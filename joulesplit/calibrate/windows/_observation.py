"""One window as the fits see it. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Pace = float | Literal["unlimited"]
"""Rate that a transfer was paced at, bit/s, or as fast as the link took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One window as the fits see it.

    Attributes:
        block: l for compute windows, 0 for uploads.
        repetitions: Inferences or uploads in the window.
        airtime_s: Time on the air, s; 0 for compute.
        payload_bits: Payload sent, bit; 0 for compute.
        gross_j: ∫P dt over the work, J.
        net_j: The same less the local idle power, J.
        work_s: Duration of the work, s.
        settle_s: From the end of the work until the device counted as idle again, s.
        idle_s: Idle time behind the local idle power, s.
        begin_s: Transfer times of the first ones in turn, which came after a pause, s; empty if
            not known.
        stated_idle_w: P_0 that gross energies are stated at, W; 0 if not known.
        pace: Of its transfers; None for compute, and in windows of before it was kept.
    """

    block: int
    repetitions: int
    airtime_s: float
    payload_bits: int
    gross_j: float
    net_j: float
    work_s: float
    settle_s: float
    idle_s: float
    pace: Pace | None = None
    begin_s: tuple[float, ...] = ()
    stated_idle_w: float = 0.0
