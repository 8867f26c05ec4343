"""Campaigns over a finite link with a queue, round trips and losses: right, or not called valid."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import msgspec
import numpy as np
import pytest

from campaign_counts import campaigns
from joulesplit.calibrate.campaign import (
    CampaignListener,
    announced_duration_s,
    for_link,
    run_campaign,
    upload_subjects,
)
from joulesplit.drivers.simulated import LinkParameters
from joulesplit.edge import probe_link
from joulesplit.metrology import CommonCauses, causes_of
from joulesplit.optimizer import Usage
from joulesplit.optimizer._linear_figures import COMMON_CAUSES, P_0, inverse_freedom_of
from joulesplit.optimizer._link_cost import sending_inputs
from joulesplit.optimizer._link_prices import sending_of, usable_link
from proof.campaign import NO_SYSTEMATIC_ERROR, estimates_of, judged, mean_leakage_w
from proof.link_worlds import (
    UPLOAD_PLAN,
    link_profile,
    link_stage,
    link_truth,
    run_link_campaign,
    sizes_sent,
)

pytestmark = pytest.mark.campaign

WORLDS = {
    # What does not fit into the window goes frame by frame, as acknowledgements come back: a bit
    # of the largest upload costs a third more than one of the smaller ones.
    "a round trip of 10 ms": LinkParameters(behind_bit_per_s=20e6, round_trip_s=10e-3),
    "three in ten frames lost": LinkParameters(frame_error_share=0.3),
    # The largest upload takes longer than a window: it follows a pause unless it is sent twice.
    "12 Mbit/s": LinkParameters(behind_bit_per_s=12e6),
}
LARGEST_ERROR = 0.04

SEEDS = range(campaigns(every=12, few=3))
WIDEST = {"net": 0.06, "gross": 0.015}


def test_e_c_holds_what_a_bit_costs_in_a_stream_of_uploads():
    """E_c was 7 % off at 10 ms and 18 % at 12 Mbit/s, by a straight line through bent sizes."""
    inside = []
    for link, seed in product(WORLDS.values(), (0, 1)):
        made, outcome = run_link_campaign(seed, link)
        stage, records = made.stage, outcome.records
        rate = UPLOAD_PLAN.stated_rate_bit_per_s
        found = estimates_of(records, stage.blocks, rate, NO_SYSTEMATIC_ERROR)
        low, high = found.uplink.e_c_bit_per_j.net.ci95
        truth = 1 / link_truth(seed, link, sizes_sent(records)).bit_j

        assert found.uplink.unpaced
        inside.append(low <= truth <= high)
        assert found.uplink.e_c_bit_per_j.net.value == pytest.approx(truth, rel=LARGEST_ERROR)
        # What is known worse than the check's limit is never called valid.
        narrow = (high - low) / 2 < 0.05 * found.uplink.e_c_bit_per_j.net.value
        assert narrow or judged(stage, records, found).verdict != "valid"
    # Chance takes one interval of 95 % in six past the truth every fourth time.
    assert inside.count(False) <= 1
    # None of these worlds is left to it at the first seed.
    assert all(inside[::2])


@pytest.mark.parametrize("round_trip_s", [2e-3, 10e-3, 26e-3])
def test_e_c_gross_holds_where_tcp_s_window_opens_over_more_than_one_upload(round_trip_s):
    """At 10 ms it was 1 % too low in the mean, and 7 of 12 intervals held."""
    link = LinkParameters(behind_bit_per_s=12e6, round_trip_s=round_trip_s)
    for seed in SEEDS:
        made, outcome = run_link_campaign(seed, link)
        records, rate = outcome.records, UPLOAD_PLAN.stated_rate_bit_per_s
        found = estimates_of(records, made.stage.blocks, rate, NO_SYSTEMATIC_ERROR)
        truth = link_truth(seed, link, sizes_sent(records))
        for account, idle_w in (("net", 0.0), ("gross", found.idle.value)):
            figure = getattr(found.uplink.e_c_bit_per_j, account)
            low, high = figure.ci95
            assert low <= 1 / (truth.bit_j + idle_w * truth.bit_s) <= high, (seed, account)
            assert (high - low) / 2 < WIDEST[account] * figure.value, (seed, account)


RECEIVERS = [
    # With a window of the receiver measured sizes lie near a line, and between them are steps.
    LinkParameters(behind_bit_per_s=20e6, round_trip_s=30e-3, receive_bits=8 * 32e3),
    LinkParameters(behind_bit_per_s=20e6, round_trip_s=30e-3, receive_bits=8 * 64e3),
    LinkParameters(behind_bit_per_s=2e6, round_trip_s=40e-3),
]


def priced(profile, account, sizes):
    """Return what uploads of sizes in a stream are said to cost, J, and half of their intervals."""
    sending = sending_of(profile, usable_link(profile), account)
    table = sending_inputs(sending, Usage(uploads_per_burst=1e9), [*sizes, 0], 0)
    known = np.zeros(COMMON_CAUSES)
    known[P_0] = inverse_freedom_of(profile.idle.power_w)
    statistical = np.arange(COMMON_CAUSES) == P_0
    causes = causes_of((table,), CommonCauses(statistical=statistical, inverse_freedom=known))
    halves_j = [causes.error(row).half_width for row in range(len(sizes))]
    return sending, table.parts.sum(axis=1)[:-1], np.array(halves_j)


def between(sizes):
    """Return sizes that no window had, two between each two."""
    shares = (0.5, 0.85)
    return [int(a ** (1 - p) * b**p) // 8 * 8 for a, b in pairwise(sizes) for p in shares]


@pytest.mark.parametrize("link", RECEIVERS, ids=["32 kB", "64 kB", "2 Mbit/s"])
def test_sizes_are_priced_by_their_own_windows_and_those_between_by_what_may_be_off(link):
    """Of 32 kB, 25 of 36 gross intervals of measured sizes held, and 12 of 48 of those between."""
    for seed in SEEDS:
        made, records, profile = link_profile(seed, link)
        measured = list(sizes_sent(records))
        sizes = [*measured, *between(measured)]
        truth = link_truth(seed, link, sizes)
        costs = made.stage.setup.costs
        idle_w = profile.truth.idle_power_w + mean_leakage_w(made.stage, records)
        waiting_j = idle_w * (truth.times_s + costs.start_s)
        inside, count = [], len(measured)
        for account, true_j in (("net", truth.energies_j), ("gross", truth.energies_j + waiting_j)):
            sending, energies_j, halves_j = priced(profile, account, sizes)
            inside += list(np.abs(energies_j - true_j) <= halves_j)
            if account == "gross":
                assert energies_j[:count] == pytest.approx(true_j[:count], rel=GROSS_OF_A_SIZE)
                assert (halves_j[:count] < WIDEST_OF_A_SIZE * true_j[:count]).all()
        times = [sending.time.usual(bits) for bits in sizes]
        assert [one.value_s for one in times[:count]] == pytest.approx(
            list(truth.times_s[:count]), rel=1e-3
        )
        inside += [
            abs(one.value_s - true_s) <= one.error.half_width + 1e-4 * true_s
            for one, true_s in zip(times, truth.times_s, strict=True)
        ]
        # Chance takes one of twenty past the truth, and those of a campaign go together.
        assert inside.count(False) <= 2, seed
        assert {sending.source(bits) for bits in sizes[count:]} == {"between sizes"}


GROSS_OF_A_SIZE = 0.006
"""Of before: 1.8 %."""

WIDEST_OF_A_SIZE = 0.02


def test_a_queue_that_overflows_is_told_by_name():
    """With 30 kB at 50 ms TCP's window recovers over seconds, and windows are shorter."""
    link = LinkParameters(behind_bit_per_s=20e6, round_trip_s=50e-3, queue_bits=8 * 30e3)
    plan = msgspec.structs.replace(UPLOAD_PLAN, rests=0)
    made, outcome = run_link_campaign(1, link, plan)
    stage, records = made.stage, outcome.records
    rate = plan.stated_rate_bit_per_s
    found = estimates_of(records, stage.blocks, rate, NO_SYSTEMATIC_ERROR)

    judgement = judged(stage, records, found)
    named = {check.name for check in judgement.checks if check.outcome != "pass"}
    assert "uploads-sent-again" in named
    assert judgement.verdict != "valid"


@pytest.mark.parametrize("behind_bit_per_s", [0.5e6, 2e6, 20e6])
def test_a_campaign_takes_as_long_as_was_announced_once_the_link_had_been_probed(behind_bit_per_s):
    """Before, a link of 0.5 Mbit/s took more than twice as long, and nobody had said so."""
    made = link_stage(0, LinkParameters(behind_bit_per_s=behind_bit_per_s))
    clock, blocks, sizes_bits = made.stage.clock, made.stage.blocks[:2], (32_000, 1_600_000)
    probe = probe_link(made.carry, 2_000_000)
    asked = msgspec.structs.replace(UPLOAD_PLAN, fit_rates=True, upload_sizes_bits=sizes_bits)
    plan = for_link(asked, probe.rate_bit_per_s.value)
    subjects = upload_subjects(plan, sizes_bits)
    bench = replace(made.stage.bench(subjects), uploads=made.uploads(subjects))
    bench = replace(bench, blocks={block.index: bench.blocks[block.index] for block in blocks})
    left, began_ns = [], []
    told = CampaignListener(
        start=lambda _: began_ns.append(clock.now_ns()),
        progress=lambda progress: left.append(progress.remaining_s),
    )

    asked_ns = clock.now_ns()
    run_campaign(plan, bench, subjects, told=told)

    announced_s = announced_duration_s(plan, blocks, sizes_bits, link=probe)
    assert announced_s == pytest.approx((clock.now_ns() - asked_ns) * 1e-9, rel=0.05)
    assert left[0] == pytest.approx((clock.now_ns() - began_ns[0]) * 1e-9, rel=0.05)
