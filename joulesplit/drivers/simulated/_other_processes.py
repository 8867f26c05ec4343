"""Other programs on the simulated device: they draw power, and slow down what runs beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from joulesplit.drivers.simulated._clock import NS_PER_S
from joulesplit.drivers.simulated._thermal import ThermalGovernor


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One stretch of another program, or of its traffic.

    Attributes:
        at_s: When it begins, after the origin of the world, s.
        lasts_s: How long, s.
        power_w: Above idle, W.
        speed: What an inference that begins meanwhile keeps of its speed, relative.
    """

    at_s: float
    lasts_s: float
    power_w: float
    speed: float = 1.0

    def span_ns(self, origin_ns: int) -> tuple[int, int]:
        """Return when it begins and ends, given the origin of the world, ns."""
        start_ns = origin_ns + round(self.at_s * NS_PER_S)
        return start_ns, start_ns + round(self.lasts_s * NS_PER_S)


class SharedProcessor:
    """A governor whose processor others use too.

    Args:
        visits: When they do.
        announce: Puts their power into the world: from [ns], until [ns], W.
        origin_ns: When the world begins, ns.
        alone: Governs as if nobody else were there; None for always at full speed.
    """

    def __init__(
        self,
        visits: Sequence[Visit],
        announce: Callable[[int, int, float], None],
        *,
        origin_ns: int,
        alone: ThermalGovernor | None,
    ) -> None:
        self._spans_ns = [(*visit.span_ns(origin_ns), visit.speed) for visit in visits]
        self._alone = alone
        for visit in visits:
            announce(*visit.span_ns(origin_ns), visit.power_w)

    def speed_and_power(self, t_ns: int) -> tuple[float, float]:
        """Return the relative speed and power for work that begins at ``t_ns``."""
        speed, power = self._alone.speed_and_power(t_ns) if self._alone else (1.0, 1.0)
        for start_ns, end_ns, left in self._spans_ns:
            if start_ns <= t_ns < end_ns:
                speed *= left
        return speed, power

    def spent(self, end_ns: int, power_w: float) -> None:
        """Take note of ``power_w`` above idle until ``end_ns``."""
        if self._alone is not None:
            self._alone.spent(end_ns, power_w)
