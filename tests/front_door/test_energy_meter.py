"""The energy meter of the front door: a real process samples a chip that others emulate."""

from __future__ import annotations

import asyncio
import time

import pytest

import joulesplit as js
from joulesplit.calibrate.errors import SamplerError
from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import ChipParameters, SimulatedI2cBus, SimulatedIna219
from joulesplit.drivers.simulated._load import BenchSource

POWER_W = 2.5


def two_and_a_half_watt():
    """Return an INA219, not yet open, through which half an ampere flows at 5 V."""
    clock = MonotonicClock()
    chip = SimulatedIna219(
        BenchSource(current_a=0.5, voltage_v=5.0),
        clock,
        parameters=ChipParameters(shunt_ohm=0.1, noise_v_rms=20e-6),
    )
    return Ina219(
        SimulatedI2cBus(1, {0x40: chip}, clock), address=0x40, shunt_ohm=0.1,
        shunt_tolerance=0.01, expected_peak_a=1.5, clock=clock,
    )  # fmt: skip


@pytest.mark.parametrize(
    "sensor", [two_and_a_half_watt, two_and_a_half_watt()], ids=["maker", "object"]
)
def test_a_window_holds_the_energy_that_flowed(sensor):
    with js.EnergyMeter(sensor) as meter, meter.window("work") as window:
        time.sleep(0.2)
    energy = window.result.energy_j
    true_j = POWER_W * window.result.duration_s
    assert energy.ci95[0] < true_j < energy.ci95[1]
    assert energy.value == pytest.approx(true_j, rel=0.02)
    assert meter.results == [window.result]
    assert meter.statistics().readings >= window.result.samples


def test_a_function_is_decorated_before_the_meter_runs_and_measured_at_each_call():
    meter = js.EnergyMeter(two_and_a_half_watt)

    @meter.measured("plain")
    def plain(seconds):
        time.sleep(seconds)
        return "done"

    @meter.measured("awaited")
    async def awaited():
        await asyncio.sleep(0.03)

    with meter:
        assert plain(0.03) == "done"
        asyncio.run(awaited())
    assert [result.name for result in meter.results] == ["plain", "awaited"]


def test_a_meter_is_used_inside_with_and_can_be_used_again():
    meter = js.EnergyMeter(two_and_a_half_watt)
    with pytest.raises(SamplerError, match="use it inside `with`"):
        meter.window("too early")
    for _ in range(2):
        with meter, meter.window("work") as window:
            time.sleep(0.03)
        assert window.result.energy_j.value == pytest.approx(
            POWER_W * window.result.duration_s, rel=0.05
        )
