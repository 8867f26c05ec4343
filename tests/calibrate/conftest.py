"""Windows, readings and blocks made by hand, with known energies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from calibrate.fitting import Observation
from calibrate.trace import RECORD, Trace
from partition.network import Block

CYCLE_NS = 9_000_000
VOLTAGE_V = 5.0


@pytest.fixture
def make_trace() -> Callable[..., Trace]:
    """Return a maker of traces from a power per reading, W, at a 9 ms cycle."""

    def make(power_w: list[float], *, start_ns: int = 0, cycle_ns: int = CYCLE_NS) -> Trace:
        records = np.zeros(len(power_w), dtype=RECORD)
        records["t_ns"] = start_ns + cycle_ns * np.arange(1, len(power_w) + 1)
        records["voltage_v"] = VOLTAGE_V
        records["current_a"] = np.array(power_w) / VOLTAGE_V
        return Trace(start_ns=start_ns, records=records)

    return make


@pytest.fixture
def make_block() -> Callable[..., Block]:
    """Return a maker of blocks."""

    def make(index: int, flop: int, output_bits: int) -> Block:
        return Block(
            index=index,
            name=f"block_{index}",
            first_operator=index - 1,
            last_operator=index - 1,
            flop=flop,
            mac_flop=flop,
            output_bits=output_bits,
            tensors=(f"t{index}",),
        )

    return make


@pytest.fixture
def make_observation() -> Callable[..., Observation]:
    """Return a maker of observations with idle power 2 W."""

    def make(
        block: int,
        repetitions: int,
        net_j: float,
        *,
        work_s: float = 1.0,
        airtime_s: float = 0.0,
        payload_bits: int = 0,
    ) -> Observation:
        return Observation(
            block=block,
            repetitions=repetitions,
            airtime_s=airtime_s,
            payload_bits=payload_bits,
            gross_j=net_j + 2.0 * work_s,
            net_j=net_j,
            work_s=work_s,
            idle_s=0.5,
        )

    return make
