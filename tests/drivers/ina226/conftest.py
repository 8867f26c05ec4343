"""A simulated bench with an INA226: chip, load, bus and clock, wired together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from joulesplit.drivers.ina226 import Ina226
from joulesplit.drivers.simulated import (
    EventfulClock,
    Ina226Parameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna226,
)
from joulesplit.drivers.simulated._load import BenchSource


@dataclass(slots=True, kw_only=True)
class Bench226:
    clock: SimulatedClock
    chip: SimulatedIna226
    bus: SimulatedI2cBus
    source: Any

    def sensor(self, **changes) -> Ina226:
        settings = {
            "shunt_ohm": 0.01,
            "shunt_tolerance": 0.01,
            "probe_every": 0,  # so that every conversion can be counted
            "clock": self.clock,
        }
        return Ina226(self.bus, **{**settings, **changes})


def build_bench_226(load=None, *, clock=None, scl_hz=400_000, **specimen) -> Bench226:
    clock = clock or SimulatedClock()
    source = load or BenchSource(current_a=0.6, voltage_v=5.0)
    chip = SimulatedIna226(
        source,
        clock,
        seed=7,
        parameters=Ina226Parameters(
            **{"shunt_ohm": 0.01, "noise_v_rms": 20e-6, "bus_noise_v_rms": 3e-3, **specimen}
        ),
    )
    bus = SimulatedI2cBus(1, {0x40: chip}, clock, scl_hz=scl_hz)
    return Bench226(clock=clock, chip=chip, bus=bus, source=source)


@pytest.fixture
def make_bench():
    return build_bench_226


@pytest.fixture
def make_eventful_bench():
    """A bench on whose clock things happen at their very time."""

    def make(load=None, **specimen):
        return build_bench_226(load, clock=EventfulClock(), **specimen)

    return make
