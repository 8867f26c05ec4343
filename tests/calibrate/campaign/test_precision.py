from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.campaign import uplink_gains
from joulesplit.calibrate.estimates import link_problem
from window_records import window_record

RATES = (1e6, 20e6)
SIZES = (32_000, 600_000)
LENGTHS_S = (0.8, 4.0)


def upload(bits, rate, length_s, random):
    """A window of uploads that cost 5 mJ each, 0.55 W on the air, 12 nJ/bit and 20 mJ a burst."""
    unit_s = bits / rate + 0.01
    count = max(1, round(length_s / unit_s))
    airtime_s, work_s = count * bits / rate, count * unit_s + 0.8
    net_j = 5e-3 * count + 0.55 * airtime_s + 12e-9 * count * bits + 20e-3
    net_j += 4e-3 * random.standard_normal() * (work_s + work_s**2 / 3) ** 0.5
    return window_record(
        "upload", subject=f"{bits} at {rate}", repetitions=count, net_j=net_j, work_s=work_s,
        idle_w=2.6, idle_s=3.0, airtime_s=airtime_s, payload_bits=count * bits,
    )  # fmt: skip


@pytest.fixture
def records():
    random = np.random.default_rng(4)
    return [
        upload(bits, rate, length_s, random)
        for bits in SIZES
        for rate in RATES
        for length_s in LENGTHS_S
        for _ in range(3)
    ]


@pytest.mark.parametrize(
    "weights", [(0.0, 1e-6, 1.0, 0.0), (1.0, 0.4, 4e5, 1.0), (0.0, 0.0, 0.0, 1.0)]
)
def test_a_gain_is_what_one_more_window_takes_off_the_variance(records, weights):
    def variance(windows, scale):
        problem = link_problem([record.observation for record in windows], "net")
        scaled = problem.design / (scale * problem.spread)[:, np.newaxis]
        return weights @ np.linalg.solve(scaled.T @ scaled, np.array(weights))

    scale = link_problem([record.observation for record in records], "net").fit().scale
    before = variance(records, scale)
    taken = {}
    for record in records:
        subject = record.task.subject
        left = variance([*records, record], scale)
        taken[subject] = max(taken.get(subject, 0.0), before - left)

    gains = uplink_gains(records, 1e6, weights)

    assert gains == pytest.approx(taken, rel=1e-6)


def test_what_a_burst_costs_is_learnt_from_short_windows_and_what_a_bit_costs_from_many_bits(
    records,
):
    def most(weights):
        gains = uplink_gains(records, 1e6, weights)
        return max(gains, key=gains.__getitem__)

    # One upload of 600 kbit at 1 Mbit/s ends after 0.6 s, other short windows after 0.8 s.
    assert most((0.0, 0.0, 0.0, 1.0)) == "600000 at 1000000.0"
    assert most((0.0, 0.0, 1.0, 0.0)) == "600000 at 20000000.0"
