"""The simulated link against closed formulas of what a station and TCP do."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import pytest

from joulesplit.drivers.simulated import LinkParameters, WirelessLink
from joulesplit.drivers.simulated._wireless_link import HEADER_BITS, SEGMENT_BITS

PLAIN = LinkParameters(wake_s=0.0)
FRAME_BITS = SEGMENT_BITS + HEADER_BITS
S = 10**9


class Spent:
    """What was announced, J."""

    def __init__(self):
        self.energy_j = 0.0

    def __call__(self, start_ns, end_ns, power_w):
        self.energy_j += (end_ns - start_ns) * 1e-9 * power_w


def link_of(parameters, seed=1):
    spent = Spent()
    return WirelessLink(parameters, spent, seed=seed, origin_ns=0), spent


def test_one_frame_takes_an_access_its_bits_and_a_round_trip_and_costs_what_they_do():
    link, spent = link_of(PLAIN)
    carried = link.carry(S, SEGMENT_BITS, None)

    air_s = PLAIN.access_s + FRAME_BITS / PLAIN.phy_bit_per_s
    assert carried.transfer_s == pytest.approx(air_s + PLAIN.round_trip_s, abs=1e-8)
    awake_s = carried.transfer_s + PLAIN.tail_s
    assert spent.energy_j == pytest.approx(
        air_s * PLAIN.transmit_power_w + PLAIN.frame_j + awake_s * PLAIN.awake_power_w, rel=1e-6
    )


def test_a_slow_way_behind_the_access_point_sets_the_rate_whatever_the_pace_says():
    parameters = replace(PLAIN, behind_bit_per_s=2e6)
    frames = ceil(800_000 / SEGMENT_BITS)
    for pace in (None, 24e6):
        link, _ = link_of(parameters)
        carried = link.carry(S, 800_000, pace)
        least_s = frames * FRAME_BITS / 2e6
        assert least_s < carried.transfer_s < least_s + 0.02


def test_frames_in_bundles_cost_less_than_frames_one_by_one():
    unpaced, spent = link_of(PLAIN)
    unpaced.carry(S, 8_000_000, None)
    paced, spent_paced = link_of(PLAIN)
    paced.carry(S, 8_000_000, 5e6)
    assert spent.energy_j < 0.5 * spent_paced.energy_j


def test_a_paced_upload_lasts_as_long_as_its_schedule_and_the_last_round_trip():
    link, _ = link_of(PLAIN)
    carried = link.carry(S, 4_000_000, 5e6)
    # The last chunk goes at its own time, not a chunk's time later.
    assert carried.transfer_s == pytest.approx(4e6 / 5e6 - 0.01 + PLAIN.round_trip_s, abs=2e-3)


def test_after_a_pause_the_window_opens_again_a_round_trip_at_a_time():
    link, _ = link_of(replace(PLAIN, round_trip_s=0.1))
    first = link.carry(S, 80 * SEGMENT_BITS, None)
    # Windows of 10, 20, 40 and 80 segments: four round trips.
    assert 0.4 < first.transfer_s < 0.42
    at_once = link.carry(first.ended_ns + 10**6, 80 * SEGMENT_BITS, None)
    assert at_once.transfer_s < 0.2
    rested = link.carry(at_once.ended_ns + S, 80 * SEGMENT_BITS, None)
    assert rested.transfer_s == pytest.approx(first.transfer_s, rel=0.01)


def test_frames_that_are_lost_are_sent_again_and_paid_again():
    clean, spent = link_of(PLAIN)
    clean.carry(S, 20_000_000, None)
    lossy, spent_lossy = link_of(replace(PLAIN, frame_error_share=0.2))
    lossy.carry(S, 20_000_000, None)
    assert spent_lossy.energy_j / spent.energy_j == pytest.approx(1.25, abs=0.06)


def test_a_queue_that_is_full_drops_and_tcp_sends_again():
    link, _ = link_of(replace(PLAIN, behind_bit_per_s=2e6, queue_bits=8 * 20_000))
    carried = link.carry(S, 8_000_000, None)
    assert carried.retransmitted_segments > 0
    assert carried.transfer_s == pytest.approx(ceil(8e6 / SEGMENT_BITS) * FRAME_BITS / 2e6, rel=0.1)


def test_an_outage_is_waited_for_and_told():
    link, _ = link_of(replace(PLAIN, outages=((1.01, 8.0),)))
    carried = link.carry(S, 8_000_000, None)
    assert carried.transfer_s > 8
    assert carried.stalled_s == pytest.approx(8.0, abs=0.1)


def test_a_radio_that_is_still_awake_is_not_paid_for_twice():
    link, spent = link_of(replace(PLAIN, transmit_power_w=0.0, frame_j=0.0))
    first = link.carry(S, SEGMENT_BITS, None)
    second = link.carry(first.ended_ns + 50_000_000, SEGMENT_BITS, None)
    whole_s = (second.ended_ns - first.started_ns) * 1e-9 + PLAIN.tail_s
    assert spent.energy_j == pytest.approx(whole_s * PLAIN.awake_power_w, rel=1e-6)


def test_the_rate_on_the_air_steps_when_it_is_told_to():
    link, _ = link_of(replace(PLAIN, rate_steps=((2.0, 6.5e6),)))
    before = link.carry(S, 8_000_000, None).transfer_s
    after = link.carry(3 * S, 8_000_000, None).transfer_s
    assert after > 5 * before
