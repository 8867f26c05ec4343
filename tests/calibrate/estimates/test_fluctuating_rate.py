"""A link whose rate is another one from window to window: no figure is better known than times."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates import uplink_of
from joulesplit.calibrate.windows import WindowTransfers
from joulesplit.metrology import SystematicBudget
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
LINK, ROUND_TRIP_S, E_0_J, BURST_J, IDLE_W = 20e6, 10e-3, 6e-3, 0.03, 2.6
AIR_W = 0.7
UPLOADS = ((32_000, 28), (32_000, 70), (800_000, 7), (800_000, 17), (12_800_000, 4))
ALONE = (32_000, 800_000, 12_800_000)
FLUCTUATION = 0.02
CAMPAIGNS = 60
HELD = 0.93
STEADY_HALF_WIDTH = 0.015
ROUNDING = 1e-9


def campaign(seed, *, fluctuation, late_trips=1.0, sag_s=0.0):
    """The windows of a quick campaign; each has a rate of its own."""
    random = np.random.default_rng(seed)
    kinds = [*UPLOADS, *((bits, 1) for bits in ALONE)]
    records = []
    for number, place in enumerate(random.permutation(len(kinds))):
        bits, n = kinds[int(place)]
        one_s = ROUND_TRIP_S + bits / LINK * np.exp(fluctuation * random.standard_normal())
        one_s += sag_s * (bits == 800_000)
        late_s = late_trips * ROUND_TRIP_S * (bits > 32_000)
        airtime_s = n * one_s + late_s
        net_j = n * E_0_J + AIR_W * airtime_s + BURST_J
        times_s = tuple(sorted([one_s] * (n - 1) + [one_s + late_s]))
        records.append(
            window_record(
                "upload", subject=f"{bits} {n == 1}", repetitions=n, work_s=airtime_s,
                net_j=net_j + 2e-3 * airtime_s**0.5 * random.standard_normal(), idle_w=IDLE_W,
                number=20 * number, airtime_s=airtime_s, payload_bits=n * bits, pace="unlimited",
                transfers=WindowTransfers(
                    transfers=n, methods=("acknowledgement",), transfer_s=airtime_s,
                    u_transfer_s=1e-5, times_s=times_s, first_s=one_s + late_s,
                    begin_s=tuple([one_s + late_s] + [one_s] * (min(n, 4) - 1)),
                    min_rtt_s=ROUND_TRIP_S, segments=100 * n, retransmitted_segments=0,
                ),
            )
        )  # fmt: skip
    # P_0 needs more windows than uploads alone are.
    more = [
        window_record("compute", work_s=1.0, net_j=1.0, idle_w=IDLE_W, number=1000 + number)
        for number in range(8)
    ]
    return records + more


def gross(seed, **world):
    return uplink_of(campaign(seed, **world), LINK, EXACT).e_c_bit_per_j.gross


TRUTH = LINK / (AIR_W + IDLE_W)


def test_intervals_of_e_c_gross_hold_where_the_rate_fluctuates():
    """The largest uploads' time was taken for exact: 3 to 7 times too narrow, 3 in 10 held."""
    intervals = [gross(seed, fluctuation=FLUCTUATION).ci95 for seed in range(CAMPAIGNS)]
    assert sum(low <= TRUTH <= high for low, high in intervals) >= HELD * CAMPAIGNS


def test_intervals_of_each_size_s_time_hold_where_the_rate_fluctuates():
    """Of the largest size there is one window, and by the law of the others 64 of 100 held."""
    held = dict.fromkeys(ALONE, 0)
    for seed in range(CAMPAIGNS):
        time = uplink_of(campaign(seed, fluctuation=FLUCTUATION), LINK, EXACT).time
        for size in time.sizes:
            low, high = size.transfer_s.ci95
            held[size.payload_bits] += low <= ROUND_TRIP_S + size.payload_bits / LINK <= high
    assert all(count >= 0.9 * CAMPAIGNS for count in held.values())


@pytest.mark.parametrize("world", [{}, {"late_trips": 3.0}, {"sag_s": 2e-4}])
def test_a_steady_link_s_stay_sharp(world):
    """Waits for TCP's window and sizes off the straight line are no fluctuation."""
    for seed in range(3):
        figure = gross(seed, fluctuation=0.0, **world)
        low, high = figure.ci95
        assert (high - low) / 2 < STEADY_HALF_WIDTH * figure.value


def test_what_a_bit_costs_is_stated_no_better_than_e_c():
    """A decision is made with the costs, and their covariance is what their intervals say."""
    uncertainties = []
    for seed in range(20):
        stated = uplink_of(campaign(seed, fluctuation=FLUCTUATION), LINK, EXACT).stated_gross
        covariance, bit = np.array(stated.covariance), stated.bit_energy_j
        scale = np.sqrt(np.diag(covariance))
        assert bit.u_stat == pytest.approx(scale[1])
        assert np.all(np.linalg.eigvalsh(covariance / np.outer(scale, scale)) > -ROUNDING)
        uncertainties.append(bit.u_stat / bit.value)
    # One window alone has the largest uploads that follow others.
    assert np.sqrt(np.mean(np.square(uncertainties))) > FLUCTUATION / 2
