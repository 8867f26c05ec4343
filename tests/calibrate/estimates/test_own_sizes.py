"""Uploads of which a bit costs another amount in small ones than in large ones."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.estimates import uplink_of
from joulesplit.calibrate.estimates._own_sizes import bend_u_rel
from joulesplit.calibrate.windows import WindowTransfers
from joulesplit.metrology import SystematicBudget
from window_records import window_record

EXACT = SystematicBudget(terms=(), scale_u_rel=0.0, offset_u_w=0.0)
LINK, ROUND_TRIP_S, E_0_J, BURST_J = 40e6, 2e-3, 6e-3, 0.03
SIZES = ((32_000, 20), (800_000, 4), (3_200_000, 2))
BIT_J = 3e-8


def campaign(dearer, *, noise=3e-3, seed=1, longer_s=0.0, large_burst_j=0.0):
    """Windows; of unpaced uploads the bits beyond the first 800 kbit cost more.

    And those of 800 kbit take longer, for nothing above idle, and all but the smallest more once.
    """
    random = np.random.default_rng(seed)
    both = ("unlimited", 5e6)
    kinds = [(p, bits, n) for p in both for bits, once in SIZES for n in (once, 3 * once)] * 3
    records = []
    for number, place in enumerate(random.permutation(len(kinds))):
        pace, bits, n = kinds[int(place)]
        one_s = ROUND_TRIP_S + bits / (LINK if pace == "unlimited" else pace)
        one_s += longer_s * (pace == "unlimited" and bits == 800_000)
        beyond = max(0, bits - 800_000) if pace == "unlimited" else bits
        bit_j = BIT_J * (bits + dearer * beyond)
        burst_j = BURST_J + large_burst_j * (pace == "unlimited" and bits > 32_000)
        net_j = (n * (E_0_J + bit_j) + burst_j) * (1 + noise * random.standard_normal())
        records.append(
            window_record(
                "upload", subject=f"{bits} {pace}", repetitions=n, work_s=n * one_s, net_j=net_j,
                idle_w=2.5, number=number, airtime_s=n * one_s, payload_bits=n * bits,
                pace=pace,
                transfers=WindowTransfers(
                    transfers=n, methods=("acknowledgement",), transfer_s=n * one_s,
                    u_transfer_s=1e-5, times_s=(one_s,) * n, first_s=one_s,
                ),
            )
        )  # fmt: skip
    return records


def mean_slope(dearer):
    """What a bit costs from the smallest size to the largest, J."""
    return BIT_J * (1 + dearer * 2_400_000 / (3_200_000 - 32_000))


@pytest.mark.parametrize("dearer", [0.0, 0.1, 0.3])
def test_an_interval_holds_what_a_bit_costs_where_sizes_bend(dearer):
    """By the straight line not one of twenty does at 0.3, and 95 of 100 should."""
    held, off = 0, []
    for seed in range(20):
        e_c = uplink_of(campaign(dearer, seed=seed), 20e6, EXACT).e_c_bit_per_j.net
        low, high = e_c.ci95
        held += low <= 1 / mean_slope(dearer) <= high
        off.append(e_c.value * mean_slope(dearer) - 1)
    assert held >= 17
    assert abs(np.mean(off)) < 2e-3


def test_what_is_straight_has_no_bend_beyond_its_scatter():
    assert np.mean([bend_u_rel(campaign(0.0, seed=seed)) for seed in range(20)]) < 3e-3
    assert bend_u_rel(campaign(0.0, noise=0.0)) < 1e-9
    # The size in between lies a fifth of the bend below the line between the others.
    sag = BIT_J * 0.3 * 2_400_000 * (800_000 - 32_000) / (3_200_000 - 32_000)
    sag_rel = sag / (E_0_J + BIT_J * 800_000) / 3**0.5
    assert bend_u_rel(campaign(0.3, noise=1e-6)) == pytest.approx(sag_rel, rel=0.02)


def test_the_bend_is_found_though_each_size_tells_no_burst_by_itself():
    """A test against each size's own energy was not made where it left the burst out."""
    uplink = uplink_of(campaign(0.3), 20e6, EXACT)
    assert uplink.campaign.net_u_rel == pytest.approx(bend_u_rel(campaign(0.3)))


def test_a_size_off_the_line_is_kept_with_its_own_energy_and_without_the_term_of_the_bend():
    """It was priced by the line, with how far it lies from it in what every upload may be off."""
    uplink = uplink_of(campaign(0.3, noise=1e-4), 20e6, EXACT)
    sag_j = BIT_J * 0.3 * 2_400_000 * (800_000 - 32_000) / (3_200_000 - 32_000)
    for costs in (uplink.stated, uplink.stated_gross):
        (off,) = costs.off_line
        assert off.payload_bits == 800_000
        assert off.energy_j.value == pytest.approx(-sag_j, rel=0.03)
        assert costs.payload_bits == (32_000, 800_000, 3_200_000)
        assert costs.covariance[-1][-1] ** 0.5 == pytest.approx(off.energy_j.u_stat)
    assert uplink.campaign_of_sizes.net_u_rel < uplink.campaign.net_u_rel / 10
    straight = uplink_of(campaign(0.0), 20e6, EXACT)
    assert straight.stated.off_line == ()
    assert straight.campaign_of_sizes is None


def test_a_size_that_takes_longer_is_off_the_line_of_gross_energies():
    """Net energies lie on a line, and only they were looked at."""
    longer_s = 2e-3
    off = [
        uplink_of(campaign(0.0, seed=seed, longer_s=longer_s), 20e6, EXACT).stated_gross.off_line
        for seed in range(10)
    ]
    assert all(off)
    mean_j = np.mean([one.energy_j.value for (one,) in off])
    assert mean_j == pytest.approx(2.5 * longer_s, rel=0.1)


def test_bursts_that_cost_another_amount_from_size_to_size_are_known_no_better_than_that():
    """One cost of a burst was taken for all, and known to its scatter."""

    def burst(more_j):
        return uplink_of(campaign(0.0, noise=1e-3, large_burst_j=more_j), 20e6, EXACT).stated

    differing, alike = burst(BURST_J / 2).burst_cost_j, burst(0.0).burst_cost_j
    low, high = differing.ci95
    assert alike.u_stat < BURST_J / 20
    assert BURST_J / 8 < differing.u_stat < BURST_J / 2
    assert low < BURST_J < high
    assert low < 1.5 * BURST_J < high
