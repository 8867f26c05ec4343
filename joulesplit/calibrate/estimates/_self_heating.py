"""How far errors that grow with the load reach a figure. Pure.

A shunt that its own heat makes larger reads a power P as P·(1 + c·P²): the heat goes with the
square of the current, and the rail's voltage hardly moves. The gross energy of work at P is wrong
by c·P² then. Its net energy is wrong by more: (P³ − P0³)/(P − P0) = P² + P·P0 + P0² times c,
three times as much where the work is small. The heat is taken to follow the load at once; in a
shunt that is slower the errors are smaller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joulesplit.calibrate.windows import WindowRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """Between which powers a figure's work happened.

    Attributes:
        idle_w: Without the work, W.
        work_w: While it lasts, W.
    """

    idle_w: float
    work_w: float

    @property
    def gross_w2(self) -> float:
        """What c is multiplied by in gross energy, W²."""
        return self.work_w**2

    @property
    def net_w2(self) -> float:
        """What c is multiplied by in net energy, W²."""
        return self.work_w**2 + self.work_w * self.idle_w + self.idle_w**2


def loads_of(records: Sequence[WindowRecord]) -> Loads | None:
    """Return idle and the hardest work of a campaign; None before there is a window."""
    if not records:
        return None
    return Loads(
        idle_w=max(record.idle_power_w for record in records),
        work_w=max(record.gross_j / record.work_s for record in records),
    )
