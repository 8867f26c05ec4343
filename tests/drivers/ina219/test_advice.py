from __future__ import annotations

import pytest

from joulesplit.drivers.ina2xx import advice
from joulesplit.drivers.ina219 import Ina219Wiring

GOOD = {"expected_peak_a": 1.5, "bus_clock_hz": 400_000, "supply_v": 5.1}


def wiring(samples, shunt_ohm=0.1):
    return Ina219Wiring(
        address=0x40,
        shunt_ohm=shunt_ohm,
        shunt_tolerance=0.01,
        expected_peak_a=None,
        grade=None,
        shunt_samples=samples,
        rail="5 V supply",
        simulated=False,
    )


@pytest.mark.parametrize(
    ("samples", "clock_hz", "warned"),
    [
        (1, 100_000, True), (2, 100_000, True), (16, 100_000, False), (1, 400_000, True),
        (2, 400_000, False), (1, None, False), (16, None, False),
    ],
)  # fmt: skip
def test_a_bus_that_cannot_follow_the_cycle_is_warned_about(samples, clock_hz, warned):
    lines = list(advice(wiring(samples), **{**GOOD, "bus_clock_hz": clock_hz}))
    assert bool(lines) == warned
    if warned:
        assert "i2c_arm_baudrate=400000" in lines[0]
        assert f"{clock_hz // 1000} kHz" in lines[0]


@pytest.mark.parametrize(
    ("peak_a", "shunt_ohm", "supply_v", "warned"),
    [
        (1.5, 0.1, 5.1, False),  # 4.95 V are left
        (2.5, 0.1, 5.1, True),  # 4.85 V, and 4.63 V + 5 % is 4.86 V
        (2.5, 0.1, 5.25, False),
        (2.5, 0.02, 5.1, False),
        (3.2, 0.1, 12.0, False),  # no Raspberry Pi stands on 12 V
    ],
)
def test_a_drop_that_may_trip_the_under_voltage_detector_is_warned_about(
    peak_a, shunt_ohm, supply_v, warned
):
    changes = {"expected_peak_a": peak_a, "supply_v": supply_v}
    lines = list(advice(wiring(16, shunt_ohm), **{**GOOD, **changes}))
    assert bool(lines) == warned
    if warned:
        assert "4.85 V of 5.1 V" in lines[0]
        assert "4.63 V" in lines[0]
