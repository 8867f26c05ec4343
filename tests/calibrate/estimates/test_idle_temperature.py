"""P_0 with the temperature it holds at, and what a kelvin makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates import idle_of
from joulesplit.metrology import SystematicBudget
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
LEAKAGE_W_PER_K, WHITE_W, WINDOWS = 8e-3, 2e-3, 120


def records_of(random, swing_k=4.0, known=True):
    """A board that warms up by ``swing_k`` and leaks; the zone reads in steps of half a kelvin."""
    after_s = 4.0 * np.arange(WINDOWS)
    truth_c = 55 - swing_k * np.exp(-after_s / 90) + 0.3 * np.sin(after_s / 40)
    idle_w = 2.6 + LEAKAGE_W_PER_K * (truth_c - 50) + WHITE_W * random.standard_normal(WINDOWS)
    read_c = np.round(2 * truth_c) / 2
    return [
        window_record(
            net_j=1.0,
            work_s=2.0,
            idle_w=float(power_w),
            number=4 * number,
            temperature_c=float(degrees) if known else None,
        )
        for number, (power_w, degrees) in enumerate(zip(idle_w, read_c, strict=True))
    ], read_c


def test_p_0_says_at_which_temperature_it_holds_and_what_a_kelvin_makes_of_it():
    held = 0
    for seed in range(100):
        records, read_c = records_of(np.random.default_rng(seed))
        idle = idle_of(records, EXACT)

        assert idle.temperature_c == pytest.approx(read_c.mean())
        low, high = idle.temperature_coefficient_w_per_k.ci95
        assert high - low < LEAKAGE_W_PER_K
        held += low <= LEAKAGE_W_PER_K <= high
    assert held >= 90


def test_temperatures_that_hardly_differ_tell_no_coefficient():
    records, _ = records_of(np.random.default_rng(1), swing_k=0.5)
    idle = idle_of(records, EXACT)
    assert idle.temperature_coefficient_w_per_k is None
    assert idle.temperature_c is not None


def test_a_device_without_a_thermometer_has_neither():
    records, _ = records_of(np.random.default_rng(1), known=False)
    idle = idle_of(records, EXACT)
    assert idle.temperature_c is idle.temperature_coefficient_w_per_k is None
