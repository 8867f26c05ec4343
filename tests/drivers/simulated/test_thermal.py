from __future__ import annotations

import math

import pytest

from joulesplit.drivers.simulated import LoadLog, LoadModel, LoadParameters, ThermalGovernor
from joulesplit.drivers.simulated._thermal import LeakagePath, ThermalParameters

MS = 1_000_000
S = 1_000_000_000
STILL = ThermalParameters(start_c=40.0, leakage_w_per_k=0.0, time_constant_s=20.0)


def test_without_leakage_a_step_of_power_warms_as_an_rc_circuit():
    governor = ThermalGovernor(STILL, idle_power_w=2.0, origin_ns=0)

    governor.spent(10 * S, 1.5)

    final_c = 25.0 + 9.0 * 3.5
    expected_c = final_c + (40.0 - final_c) * math.exp(-10 / 20)
    assert governor.temperature_c == pytest.approx(expected_c)


def test_with_leakage_the_board_settles_where_heat_and_leakage_balance():
    leaky = ThermalParameters(start_c=30.0, time_constant_s=5.0)
    path = LeakagePath(leaky)
    for _ in range(4000):
        path.extend(3.0)

    # T = T_a + R·(P + k·(T − T_ref)), solved for T.
    settled_c = (25 + 9 * (3 - 0.008 * 50)) / (1 - 9 * 0.008)
    assert path.temperature_c == pytest.approx(settled_c, rel=1e-6)


def test_throttling_begins_at_80_degrees_and_ends_below_the_release():
    hot = ThermalParameters(start_c=79.9, ambient_c=70.0, leakage_w_per_k=0.0, time_constant_s=5.0)
    governor = ThermalGovernor(hot, idle_power_w=1.0, origin_ns=0)
    assert governor.speed_and_power(0) == (1.0, 1.0)

    governor.spent(2 * S, 3.0)
    assert governor.speed_and_power(2 * S) == (hot.throttled_speed, hot.throttled_power)
    assert governor.throttled_bits == 0x40004

    # Idle settles at 79 °C: below 80, but not below the release.
    assert governor.speed_and_power(100 * S)[0] < 1.0
    cold = ThermalGovernor(hot, idle_power_w=0.5, origin_ns=0)
    cold.spent(2 * S, 3.0)
    cold.speed_and_power(2 * S)
    assert cold.speed_and_power(100 * S) == (1.0, 1.0)
    assert cold.throttled_bits == 0x40000


def load_of(step_ms: int) -> tuple[LoadModel, float]:
    """Return a leaky load that was asked in steps of this length for 6 s, and what it drew, J."""
    log = LoadLog.in_memory(16)
    thermal = ThermalParameters(start_c=45.0, time_constant_s=3.0)
    load = LoadModel(log, LoadParameters(idle_power_w=2.0, thermal=thermal))
    log.announce(500 * MS, 4000 * MS, 3.0)
    steps = [(t * MS, (t + step_ms) * MS) for t in range(0, 6000, step_ms)]
    return load, sum(load.mean_power_w(*step) * step_ms * 1e-3 for step in steps)


def test_leakage_is_one_path_whatever_intervals_are_asked_and_is_part_of_the_true_energy():
    fine, fine_j = load_of(4)
    coarse, coarse_j = load_of(100)

    assert fine_j == pytest.approx(coarse_j, rel=1e-9)
    assert fine.true_energy_j(0, 6 * S) == pytest.approx(fine_j, rel=1e-9)
    leak_j = fine.true_leakage_j(0, 6 * S)
    assert fine_j == pytest.approx(2.0 * 6 + 3.0 * 3.5 + leak_j, rel=1e-9)
    assert coarse.true_leakage_j(0, 6 * S) == pytest.approx(leak_j, rel=1e-9)
    # Warmer after the work than before it.
    assert fine.true_leakage_j(4 * S, 5 * S) > fine.true_leakage_j(0, S)
