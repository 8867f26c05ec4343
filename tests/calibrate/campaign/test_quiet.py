"""How long writing and drawing are waited for, and what comes after a window."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.campaign._quiet import WATCHED_WINDOWS, QuietTime
from joulesplit.calibrate.sampling import Trace
from joulesplit.calibrate.sampling._trace import RECORD
from window_records import window_record

CYCLE_NS = 9_000_000
IDLE_S = 0.16


def after_housekeeping(seed, *, awake_s, power_w, idle_w=2.6, noise_w=0.02, lasts_s=0.8):
    ends_ns = CYCLE_NS * np.arange(1, round(lasts_s * 1e9) // CYCLE_NS + 1)
    records = np.zeros(len(ends_ns), dtype=RECORD)
    power = idle_w + noise_w * np.random.default_rng(seed).standard_normal(len(ends_ns))
    power += power_w * (ends_ns <= awake_s * 1e9)
    records["t_ns"], records["voltage_v"], records["current_a"] = ends_ns, 5.0, power / 5.0
    return Trace(start_ns=0, records=records)


def learned(**awake):
    quiet = QuietTime(IDLE_S)
    record = window_record(
        block=1, repetitions=5, net_j=0.5, work_s=0.36, idle_w=2.6, idle_s=0.3, readings=50
    )
    for seed in range(WATCHED_WINDOWS):
        quiet.learn(after_housekeeping(seed, **awake), record)
    return quiet.wait_s


@pytest.mark.parametrize("power_w", [0.07, -0.07])
def test_what_stays_awake_after_a_write_is_waited_for_and_half_as_long_again(power_w):
    wait_s = learned(awake_s=0.25, power_w=power_w)

    assert 0.25 <= wait_s <= 0.45


def test_where_writing_leaves_nothing_behind_nothing_is_waited_for():
    assert learned(awake_s=0.0, power_w=0.0) == 0.0


def test_what_outlasts_the_longest_wait_keeps_it():
    assert learned(awake_s=0.7, power_w=0.1) == pytest.approx(0.8)
