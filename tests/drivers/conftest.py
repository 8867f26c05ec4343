"""A simulated bench: chip, load, bus and clock, wired together."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import (
    ChipParameters,
    EventfulClock,
    LoadLog,
    LoadModel,
    LoadParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)
from joulesplit.drivers.simulated._load import BenchSource, Load

ADDRESS = 0x40
SHUNT_OHM = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    clock: SimulatedClock
    chip: SimulatedIna219
    bus: SimulatedI2cBus

    def sensor(self, **changes) -> Ina219:
        settings = {
            "shunt_ohm": SHUNT_OHM,
            "shunt_tolerance": 0.01,
            "expected_peak_a": 1.5,
            "probe_every": 0,  # so that every conversion can be counted
            "grade": "B",
            "clock": self.clock,
        }
        return Ina219(self.bus, **{**settings, **changes})


def build_bench(
    load: Load | None = None, *, clock=None, scl_hz: int = 400_000, **chip_changes
) -> Bench:
    clock = clock or SimulatedClock()
    chip = SimulatedIna219(
        load or BenchSource(current_a=0.6, voltage_v=5.0),
        clock,
        seed=7,
        parameters=ChipParameters(**{"shunt_ohm": SHUNT_OHM, **chip_changes}),
    )
    return Bench(
        clock=clock, chip=chip, bus=SimulatedI2cBus(1, {ADDRESS: chip}, clock, scl_hz=scl_hz)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedBench:
    bench: Bench
    load: LoadModel
    log: LoadLog


def build_loaded_bench(*, capacity: int = 1 << 14, seed: int = 1, parameters=None, **chip_changes):
    clock = SimulatedClock()
    log = LoadLog.in_memory(capacity)
    load = LoadModel(
        log, parameters or LoadParameters(idle_power_w=3.0), seed, origin_ns=clock.now_ns()
    )
    return LoadedBench(bench=build_bench(load, clock=clock, **chip_changes), load=load, log=log)


@pytest.fixture
def make_bench():
    return build_bench


@pytest.fixture
def make_loaded_bench():
    return build_loaded_bench


@pytest.fixture
def make_eventful_bench():
    """A bench on whose clock things happen at their very time."""

    def make(load=None, **chip_changes):
        return build_bench(load, clock=EventfulClock(), **chip_changes)

    return make
