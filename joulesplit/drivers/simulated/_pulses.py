"""Power that comes and goes faster than a conversion, with the energy of steady power."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from joulesplit.drivers.simulated._load_log import Segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulses:
    """How the power of work is spread in time.

    Attributes:
        period_ns: From one pulse to the next, ns.
        duty: Share of a period that a pulse takes, above 0 and below 1.
        more: How much more than the mean a pulse is, relative; the rest of its period is so much
            less that the mean stays. At most 1/duty - 1, where nothing is left between pulses.
    """

    period_ns: int
    duty: float
    more: float

    def of(self, start_ns: int, end_ns: int, power_w: float) -> Iterator[Segment]:
        """Yield segments with the energy of ``power_w`` from start to end, pulse by pulse.

        Only whole periods are spread, from the start on; the remainder is steady.
        """
        high_ns = round(self.duty * self.period_ns)
        less = self.more * high_ns / (self.period_ns - high_ns)
        at_ns = start_ns
        while at_ns + self.period_ns <= end_ns:
            yield at_ns, at_ns + high_ns, power_w * (1 + self.more)
            yield at_ns + high_ns, at_ns + self.period_ns, power_w * (1 - less)
            at_ns += self.period_ns
        if at_ns < end_ns:
            yield at_ns, end_ns, power_w
