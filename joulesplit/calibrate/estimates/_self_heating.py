"""Between which powers a campaign measured: how far errors that grow with the load reach. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from joulesplit.calibrate.windows import WindowRecord
from joulesplit.metrology import Loads


def loads_of(records: Sequence[WindowRecord]) -> Loads | None:
    """Return idle and the hardest work of a campaign; None before there is a window."""
    if not records:
        return None
    return Loads(
        idle_w=max(record.idle_power_w for record in records),
        work_w=max(record.gross_j / record.work_s for record in records),
    )
