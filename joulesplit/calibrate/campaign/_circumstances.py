"""Everything that a profile records beside its windows."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from joulesplit.calibrate.profile import (
    Check,
    Device,
    ModelIdentity,
    Runtime,
    SimulatedTruth,
    Tool,
)
from joulesplit.calibrate.sampling import SamplerStatistics
from joulesplit.drivers.readings import SensorDescription
from joulesplit.edge import LOOPBACK_INTERFACE
from joulesplit.partition import Block, Operator


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Everything a profile records beside the windows.

    Attributes:
        created: ISO 8601 with offset.
        tool: What measures.
        device: The machine.
        sensor: As opened.
        sampling: How the sampler fared.
        model: The network.
        runtime: What ran it.
        blocks: Of the network.
        interface: Network interface of the uplink.
        stated_rate_bit_per_s: Rate that E_c is stated at, bit/s.
        throttled_bits: After the campaign; None where it cannot be known.
        truth: Of a simulated world; None for anything measured.
        operators: Of the network, in execution order; without them there are no costs by class
            of operator.
        checks: That others have made, of the machine's state.
    """

    created: str
    tool: Tool
    device: Device
    sensor: SensorDescription
    sampling: SamplerStatistics
    model: ModelIdentity
    runtime: Runtime
    blocks: Sequence[Block]
    interface: str
    stated_rate_bit_per_s: float
    throttled_bits: int | None
    truth: SimulatedTruth | None
    operators: Sequence[Operator] = ()
    checks: Sequence[Check] = ()

    @property
    def loopback(self) -> bool:
        """The uploads never leave the machine."""
        return self.interface == LOOPBACK_INTERFACE


def storable(around: Circumstances) -> Circumstances:
    """Return circumstances that JSON can hold: it knows no infinity, as of an unbounded range."""
    bounded_a = min(around.sensor.full_scale_a, sys.float_info.max)
    return replace(around, sensor=replace(around.sensor, full_scale_a=bounded_a))
