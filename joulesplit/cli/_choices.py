"""What the user chose on the command line. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from joulesplit._sensors import SIMULATED_SEED, own_records
from joulesplit.drivers import SensorRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorChoice(SensorRequest):
    """What the user said about the power source.

    Attributes:
        records: Directory of zeros and spans; this user's own unless another is given.
        seed: Of a simulated world.
        supply_v: Voltage before the shunt, V; for the warning about its drop.
    """

    records: Path | None = field(default_factory=own_records)
    seed: int = SIMULATED_SEED
    supply_v: float = 5.1


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeChoice:
    """What the user said about the edge server.

    Attributes:
        url: ``http://HOST:PORT``; None if not given.
        token: What the server was started with; None if not given.
    """

    url: str | None
    token: str | None
