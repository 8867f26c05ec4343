"""The quick plan measures the head that wins, and prices the choice by it. Virtual time."""

from __future__ import annotations

import msgspec
import pytest

import joulesplit as js
from joulesplit._decision_stop import rule_of
from joulesplit._simulation import COLD_SHARE, draw_world
from joulesplit.calibrate.campaign import (
    QUICK,
    Completion,
    for_decision,
    head_key,
    profile_from_windows,
)
from joulesplit.calibrate.workloads import BoardCosts, truth_of
from joulesplit.cli._resources import paper_network
from joulesplit.optimizer import Usage, decide
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.virtual import run_virtual, virtual_circumstances

NETWORK = read_network(paper_network())
BLOCKS = residual_blocks(NETWORK)
COSTS = BoardCosts(cold_share=COLD_SHARE)
DONE = Completion(complete=True, reached=True, reason="", warm=True)
WORLDS = 6

pytestmark = pytest.mark.campaign


def campaign(seed, plan=QUICK, costs=COSTS):
    """Run a campaign; return its world, outcome, profile, decision and circumstances."""
    setup, around = draw_world(seed, origin_ns=10**9, costs=costs), None

    def rule_for(sensor):
        nonlocal around
        around = virtual_circumstances(plan, NETWORK, BLOCKS, setup, sensor)
        return rule_of(plan, NETWORK, around, usage=Usage())

    outcome, _, _ = run_virtual(plan, BLOCKS, setup, rule_for=rule_for)
    profile = profile_from_windows(outcome.records, around, DONE)
    return setup, outcome, profile, decide(NETWORK, BLOCKS, profile, account="net"), around


@pytest.fixture(scope="module")
def campaigns():
    return [campaign(seed) for seed in range(WORLDS)]


def test_the_choice_rests_on_a_head_that_was_run_as_one_network_after_it_was_chosen(campaigns):
    for _, outcome, _, decision, _ in campaigns:
        key = head_key(decision.best.block, len(BLOCKS))
        subjects = [record.task.subject for record in outcome.records]
        first_round = max(place for place, name in enumerate(subjects) if name == "block 1")

        assert outcome.opinion.reached
        assert decision.best.priced_by == "measured head"
        assert subjects.index(key) > first_round
        # No other head costs time: a look said which one matters.
        assert {name for name in subjects if name.startswith("head")} == {key}


def test_what_it_is_priced_at_is_what_it_costs_and_its_blocks_are_not(campaigns):
    inside, by_blocks = 0, []
    for setup, _, profile, decision, _ in campaigns:
        true_j = truth_of(setup.costs, BLOCKS, 20e6).head_energy_j[decision.best.block - 1]
        last = decision.best.block
        (head,) = (head for head in profile.compute.heads if head.last_block == last)
        low_j, high_j = head.energy_j.net.ci95
        inside += low_j <= true_j <= high_j
        blocks_j = sum(block.energy_j.net.value for block in profile.compute.blocks[:last])
        by_blocks.append(blocks_j / head.energy_j.net.value - 1)

    assert inside >= WORLDS - 2
    assert sum(by_blocks) / WORLDS == pytest.approx(-COLD_SHARE, abs=0.02)


def test_a_winner_that_needs_no_head_ends_the_campaign_with_the_first_look():
    slow = msgspec.structs.replace(QUICK, rates_bit_per_s=(5e5, 1e6))

    _, outcome, _, decision, _ = campaign(1, slow)

    assert decision.best.where == "device"
    assert decision.best.priced_by == "measured head"
    assert not [r for r in outcome.records if r.task.kind == "head"]


def test_a_rule_chooses_among_the_forms_of_the_input_that_a_decision_offers(campaigns):
    """As bytes the picture costs less than any split: no head is worth measuring."""
    _, outcome, profile, as_it_is, around = campaigns[0]
    offered = js.decide(NETWORK, profile, account="net", allow_rejected=True)
    assert (offered.best.block, offered.best.sent_as) == (0, "uint8")
    assert as_it_is.best.where == "split"

    opinion = rule_of(for_decision(QUICK), NETWORK, around)(outcome.records)

    assert opinion.reason.startswith("everything on the server")


def test_without_anybody_to_decide_no_head_is_chosen():
    outcome, _, _ = run_virtual(QUICK, BLOCKS, draw_world(1, origin_ns=10**9, costs=COSTS))
    assert not [r for r in outcome.records if r.task.kind == "head"]
