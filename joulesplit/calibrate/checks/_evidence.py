"""What the checks look at. Plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joulesplit.calibrate.profile import Check, Quantity
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.drivers.readings import SensorDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the checks look at.

    Attributes:
        records: Every window.
        sampling: How the sampler fared.
        throttled_bits: From the system after the campaign; None where it cannot be known.
        e_d: E_d by net energy.
        e_c: E_c by net energy.
        stated_rate_bit_per_s: Rate that it is stated at, bit/s.
        rates_left_out_bit_per_s: Measured rates that E_c could not be stated at, bit/s.
        loopback: The uploads never left the machine.
        simulated: The power was simulated.
        sensor: As opened; None leaves out what only it can tell.
        board: Model of the board, as its device tree has it; None if unknown.
        extra: Checks that others have made, e.g. of the machine's state.
    """

    records: Sequence[WindowRecord]
    sampling: SamplerStatistics
    throttled_bits: int | None
    e_d: Quantity
    e_c: Quantity
    stated_rate_bit_per_s: float
    rates_left_out_bit_per_s: Sequence[float]
    loopback: bool
    simulated: bool
    sensor: SensorDescription | None = None
    board: str | None = None
    extra: Sequence[Check] = ()

    def of_kind(self, kind: str) -> list[WindowRecord]:
        """Return the windows of one kind, in order of time."""
        return [record for record in self.records if record.task.kind == kind]
