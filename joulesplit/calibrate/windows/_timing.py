"""How long the parts of a window last. Plain data."""

from __future__ import annotations

import msgspec

from joulesplit.calibrate.windows._record import WindowKind


class WindowTiming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long the parts of every window last.

    Attributes:
        idle_s: Idle on each side of the work, s.
        settle_s: From the end of the work until the device counts as idle again, s.
        upload_settle_s: The same after the last bit of a transfer: a radio stays awake for a
            while; None takes ``settle_s``.
    """

    idle_s: float
    settle_s: float
    upload_settle_s: float | None = None

    def settle_after_s(self, kind: WindowKind) -> float:
        """Return how long the device takes to be idle again after a kind of work, s."""
        if kind in ("upload", "download") and self.upload_settle_s is not None:
            return self.upload_settle_s
        return self.settle_s
