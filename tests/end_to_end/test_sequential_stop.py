"""Looking often must neither spoil the intervals nor the choice. Whole campaigns, virtual time."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from statistics import median

import msgspec
import numpy as np
import pytest

from campaign_counts import campaigns, fewest_inside
from joulesplit._decision_stop import rule_of
from joulesplit._simulation import draw_world, without_errors
from joulesplit.calibrate.campaign import (
    QUICK,
    Completion,
    StopPlan,
    for_decision,
    profile_from_windows,
    storable,
)
from joulesplit.calibrate.estimates import compute_of, coverage_factor, uplink_of
from joulesplit.calibrate.workloads import truth_of
from joulesplit.cli._resources import paper_network
from joulesplit.optimizer import Usage, decide
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.campaign import MODEL, RUNTIME, SCATTER_ALONE
from proof.virtual import run_virtual, virtual_circumstances

NETWORK = read_network(paper_network())
BLOCKS = residual_blocks(NETWORK)
CAMPAIGNS = campaigns(every=20, few=6)
DONE = Completion(complete=True, reached=True, reason="", warm=True)
NOISY_SD_W = 0.1
"""Twelve times the background of the default world, so that one round is not enough."""

LEVEL_BIT_J = 3.632e-8

PRECISE = msgspec.structs.replace(
    QUICK, stop=StopPlan(rule="precision", relative_half_width=0.05, looks=8)
)
RIGOROUS = msgspec.structs.replace(
    QUICK, repeats=4, stop=StopPlan(rule="precision", relative_half_width=0.03, looks=8)
)

pytestmark = pytest.mark.campaign


def noisy_world(seed):
    """A noisy background and a sensor without systematic errors, so that statistics are all."""
    setup = draw_world(seed, origin_ns=10**9)
    return replace(
        setup,
        load=replace(setup.load, background_sd_w=NOISY_SD_W),
        chip=without_errors(setup.chip),
    )


def level_world(seed):
    """The same, but a bit costs so much that splits 5 and 8 are level to a few parts in 10 000."""
    setup = noisy_world(seed)
    return replace(setup, costs=replace(setup.costs, bit_energy_j=LEVEL_BIT_J))


def campaign(plan, setup):
    """Run a campaign; return its outcome and circumstances."""
    around = None

    def rule_for(sensor):
        nonlocal around
        around = storable(virtual_circumstances(plan, NETWORK, BLOCKS, setup, sensor))
        around = replace(around, sensor=replace(around.sensor, accuracy=()))
        return rule_of(plan, NETWORK, around, usage=Usage())

    outcome, _, _ = run_virtual(plan, BLOCKS, setup, rule_for=rule_for)
    return outcome, around


def measuring_time_s(outcome):
    return sum(record.span_s for record in outcome.records)


def split_of(outcome, around):
    profile = profile_from_windows(outcome.records, around, DONE)
    decision = decide(NETWORK, BLOCKS, profile, account="net", allow_rejected=True)
    return decision.best.block


def scatter_alone(records):
    """Return E_d, E_c and every e_l, net, their intervals of scatter alone: what a rule judges by.

    What a campaign leaves open beside it is looked for in part of the windows only.
    """
    compute = compute_of(records, BLOCKS, SCATTER_ALONE, model=MODEL, runtime=RUNTIME)
    uplink = uplink_of(records, PRECISE.stated_rate_bit_per_s, SCATTER_ALONE)
    return (
        compute.e_d_flop_per_j.net,
        uplink.e_c_bit_per_j.net,
        *(block.energy_j.net for block in compute.blocks),
    )


def test_stopping_when_precise_enough_keeps_the_intervals_and_takes_several_looks(capsys):
    plan, inside, widths, rounds = PRECISE, [], [], []
    for seed in range(CAMPAIGNS):
        setup = noisy_world(seed)
        outcome, _ = campaign(plan, setup)
        sent_bit_per_s = plan.sent_rate_bit_per_s(setup.link_rate_bit_per_s)
        truth = truth_of(setup.costs, BLOCKS, sent_bit_per_s)
        true_values = (
            truth.e_d_flop_per_j["net"],
            truth.e_c_bit_per_j["net"],
            *truth.block_energy_j,
        )
        pairs = list(zip(scatter_alone(outcome.records), true_values, strict=True))
        inside.append([q.ci95[0] <= true <= q.ci95[1] for q, true in pairs])
        widths.append([(q.ci95[1] - q.ci95[0]) / 2 / q.value for q, _ in pairs[:2]])
        rounds.append(len(outcome.records))
        assert outcome.opinion.reached
        assert max(widths[-1]) <= plan.stop.relative_half_width

    held = np.mean(inside, axis=0)
    with capsys.disabled():
        sys.stdout.write(
            f"\nsequential stop at 5 %, {CAMPAIGNS} campaigns: E_d {held[0]:.0%}, "
            f"E_c {held[1]:.0%}, e_l {held[2:].mean():.1%} inside; "
            f"{min(rounds)} to {max(rounds)} windows\n"
        )
    assert len(set(rounds)) > 1, "every campaign stopped at the same look: nothing was tested"
    assert held[0] >= fewest_inside(CAMPAIGNS) / CAMPAIGNS
    assert held[1] >= fewest_inside(CAMPAIGNS) / CAMPAIGNS
    # Three standard errors of so many intervals, correlated within a campaign.
    chance = 3 * (0.95 * 0.05 / (20 * CAMPAIGNS)) ** 0.5
    assert abs(held[2:].mean() - 0.95) <= chance


def test_stopping_for_the_decision_chooses_the_same_split_in_a_fraction_of_the_time(capsys):
    shares, splits = [], []
    for seed in range(campaigns(every=5, few=2)):
        setup = noisy_world(seed)
        thorough, quickly = campaign(RIGOROUS, setup), campaign(for_decision(QUICK), setup)
        splits.append((split_of(*thorough), split_of(*quickly)))
        shares.append(measuring_time_s(quickly[0]) / measuring_time_s(thorough[0]))
        assert quickly[0].opinion.reached

    with capsys.disabled():
        sys.stdout.write(
            f"\nfor the decision, {len(splits)} campaigns: same split in "
            f"{sum(a == b for a, b in splits)}, median {median(shares):.0%} of the measuring time\n"
        )
    assert all(one == other for one, other in splits)
    assert median(shares) <= 0.25


def looks_at(plan, setup):
    """Run a campaign; return what its rule said at each look."""
    asked = []

    def rule_for(sensor):
        around = storable(virtual_circumstances(plan, NETWORK, BLOCKS, setup, sensor))
        inner = rule_of(plan, NETWORK, around, usage=Usage())

        def rule(records):
            opinion = inner(records)
            asked.append(opinion)
            return opinion

        return rule

    run_virtual(plan, BLOCKS, setup, rule_for=rule_for)
    return asked


def test_a_choice_that_is_hard_gets_the_windows_where_it_is_decided():
    plan = for_decision(QUICK, relative_regret=0.002)

    asked = looks_at(plan, level_world(3))

    measured = {key for opinion in asked for key in opinion.measure_next}
    assert asked[-1].stop or len(asked) == plan.stop.looks
    assert measured, "the first look decided already: the world is too easy for this test"
    # Nothing that lies beyond both rivals can change the choice between them.
    assert len(measured) < len(BLOCKS)


def test_where_heads_price_the_splits_heads_are_measured_more_and_the_blocks_in_them_are_not():
    headed = msgspec.structs.replace(QUICK, heads="candidates", whole=True)

    asked = looks_at(for_decision(headed, relative_regret=0.005), level_world(3))

    measured = {key for opinion in asked for key in opinion.measure_next}
    assert measured & {"head 5", "head 8"}
    assert not measured & {f"block {index}" for index in range(1, 6)}


def test_a_choice_is_told_in_words_with_what_it_may_cost_and_what_is_missing():
    slow_link = msgspec.structs.replace(QUICK, rates_bit_per_s=(5e5, 1e6))
    hard = for_decision(QUICK, relative_regret=1e-5)
    hard = msgspec.structs.replace(hard, stop=msgspec.structs.replace(hard.stop, looks=2))

    alone, _ = campaign(for_decision(slow_link), noisy_world(3))
    level, _ = campaign(hard, level_world(3))

    assert re.fullmatch(
        r"everything on the device; (no other can save anything \(statistics\)"
        r"|any other saves at most 0\.\d+ % \(statistics\))",
        alone.opinion.reason,
    )
    assert not level.opinion.reached
    assert re.fullmatch(
        r"split after block \d; any other saves at most [\d.]+ % \(statistics\); the goal is "
        r"0.001 %, but 2 rounds are done; about \d+ more windows would be needed",
        level.opinion.reason,
    )


def test_the_confidence_of_each_look_makes_it_stricter_than_one_look():
    assert coverage_factor(40, 0.95) < coverage_factor(40, 1 - 0.05 / PRECISE.stop.looks)
