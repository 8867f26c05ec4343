"""Idle power that wanders as 1/f does is told from white noise, and P_0 is then not better known.

The noise is made in the frequency domain over an hour; the estimator sees a mean per window.
"""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates._baseline import at_idle, idle_estimate
from joulesplit.calibrate.estimates._slow_noise import flicker_of
from joulesplit.metrology import Estimate
from proof.physical import GRID_S, flicker
from window_records import window_record

WINDOWS, WINDOW_S, IDLE_W, WHITE_W = 170, 4.0, 2.6, 1.8e-3
"""One round of the standard plan."""

CAMPAIGNS = 100


def idle_powers(random, flicker_w=0.0, warming_w=0.0):
    """The idle power of each window, W."""
    powers_w = IDLE_W + WHITE_W * random.standard_normal(WINDOWS)
    after_s = np.arange(WINDOWS) * WINDOW_S
    powers_w += warming_w * (np.exp(-after_s / 90) - np.exp(-after_s / 90).mean())
    if flicker_w:
        path = flicker(flicker_w, random)
        first = random.integers(len(path))
        each = round(WINDOW_S / GRID_S)
        cells = first + np.arange(WINDOWS)[:, None] * each + np.arange(each)
        powers_w += path[cells % len(path)].mean(axis=1)
    return powers_w


def records_of(powers_w):
    return [
        window_record(net_j=1.0, work_s=2.0, idle_w=float(power_w), number=round(n * WINDOW_S))
        for n, power_w in enumerate(powers_w)
    ]


def covers(found):
    return abs(found.value - IDLE_W) <= found.half_width


@pytest.mark.parametrize("flicker_w", [0.003, 0.02])
def test_the_interval_of_p_0_holds_the_long_mean_of_noise_that_wanders(flicker_w):
    random = np.random.default_rng(1)
    found = [idle_estimate(records_of(idle_powers(random, flicker_w))) for _ in range(CAMPAIGNS)]
    assert np.mean([covers(one) for one in found]) >= 0.9


@pytest.mark.parametrize("warming_w", [0.0, 0.008])
def test_white_noise_on_a_board_that_warms_up_is_seldom_taken_for_wandering(warming_w):
    random = np.random.default_rng(2)
    series = [idle_powers(random, warming_w=warming_w) for _ in range(CAMPAIGNS)]
    assert sum(flicker_of(powers_w) is not None for powers_w in series) <= 10
    covered = [covers(idle_estimate(records_of(powers_w))) for powers_w in series]
    assert np.mean(covered) >= 0.89


def test_few_windows_tell_no_spectrum():
    assert flicker_of(idle_powers(np.random.default_rng(3), flicker_w=0.02)[:20]) is None


def test_gross_energy_is_known_no_better_than_the_idle_power_in_it():
    gross = Estimate(value=1.0, u_stat=1e-3, degrees_of_freedom=60, n=80)
    idle = Estimate(value=IDLE_W, u_stat=5e-3, degrees_of_freedom=3, n=80)

    found = at_idle(gross, 2.0, idle)

    assert found.u_stat == pytest.approx(np.hypot(1e-3, 10e-3))
    assert found.degrees_of_freedom == pytest.approx(3 * 1.01**2, rel=0.01)
