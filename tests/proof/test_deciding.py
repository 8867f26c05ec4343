"""The proof of ``--for-decision`` in small; ``make proof`` compares three hundred worlds."""

from __future__ import annotations

from math import sqrt

import pytest

from campaign_counts import campaigns
from joulesplit.calibrate.campaign import announced_duration_s, for_decision
from joulesplit.calibrate.campaign._plan import RIGOROUS
from proof.agreement import (
    STATED_REGRET,
    TIME_AT_MOST,
    Agreement,
    Choice,
    Chosen,
    by_closeness,
    wilson,
)
from proof.deciding import choose, chosen, on_another_day, split_world
from proof.decision_part import decision_part
from proof.stage import proof_blocks

QUICKLY_DECIDED = (3, 6, 10, 28, 177, 224)
"""Their best splits are 0, 5, 8 and 20; in five of them the two best differ by less than 2 %."""


@pytest.mark.campaign
@pytest.mark.xdist_group("deciding")
def test_a_split_chosen_in_a_quarter_of_the_time_costs_no_more_than_the_stated_regret():
    worlds = [split_world(seed) for seed in QUICKLY_DECIDED[: campaigns(every=6, few=3)]]
    found = [chosen(on_another_day(world), for_decision(world.plan)) for world in worlds]

    sizes = [block.output_bits for block in proof_blocks()]
    for world, choice in zip(worlds, found, strict=True):
        # Whatever it finds, the rigorous plan runs one round at least.
        round_s = announced_duration_s(world.plan, proof_blocks(), sizes)
        assert choice.reached
        assert choice.duration_s <= TIME_AT_MOST * round_s
        assert choice.regret <= STATED_REGRET
    best = [choice.block == world.best for world, choice in zip(worlds, found, strict=True)]
    assert sum(best) >= len(best) - 1
    assert len({choice.block for choice in found}) >= len(found) - 2


@pytest.mark.campaign
@pytest.mark.xdist_group("deciding")
def test_the_rigorous_plan_chooses_the_same_split_in_four_times_the_time():
    choice = choose(10)

    assert choice.same
    assert choice.decided.duration_s <= TIME_AT_MOST * choice.rigorous.duration_s
    assert choice.rigorous.windows > 5 * choice.decided.windows


def test_the_plan_for_the_decision_keeps_what_the_rigorous_one_promises():
    assert for_decision(RIGOROUS).stop.relative_regret == STATED_REGRET


def choice_of(*, gap=0.1, rigorous=8, decided=8, seconds=400.0, regret=0.0):
    def measured(block, duration_s, costs):
        return Chosen(block=block, regret=costs, duration_s=duration_s, windows=1, reached=True)

    return Choice(
        best=8,
        gap=gap,
        rigorous=measured(rigorous, 3200.0, 0.0 if rigorous == 8 else gap),
        decided=measured(decided, seconds, regret),
    )


def agreement_of(*, same, other, **fields):
    choices = [choice_of(**fields)] * same + [choice_of(decided=5, **fields)] * other
    return Agreement(choices=tuple(choices))


@pytest.mark.parametrize(
    ("found", "broken"),
    [
        (agreement_of(same=297, other=3), []),
        (agreement_of(same=296, other=4), ["chooses another split in 4"]),
        (agreement_of(same=1, other=0, seconds=801.0), ["takes 25% of the rigorous time"]),
        (agreement_of(same=1, other=0, regret=0.011), ["costs more than it says in 1 worlds"]),
    ],
)
def test_a_claim_that_does_not_hold_is_named(found, broken):
    lines = list(found.broken_claims())

    assert len(lines) == len(broken)
    assert all(words in line for words, line in zip(broken, lines, strict=True))


def test_worlds_are_grouped_by_how_far_apart_their_best_splits_are():
    gaps = (0.0005, 0.0099, 0.01, 0.2, 3.0)
    groups = by_closeness(Agreement(choices=tuple(choice_of(gap=gap) for gap in gaps)))

    assert {name: group.worlds for name, group in groups.items()} == {
        "below 1 %": 2,
        "1–5 %": 1,
        "5 % or more": 2,
    }


@pytest.mark.parametrize(("count", "of"), [(10, 10), (299, 300), (150, 300)])
def test_the_interval_of_a_share_is_wilsons(count, of):
    p, z = count / of, 1.959964
    middle = (p + z**2 / (2 * of)) / (1 + z**2 / of)
    half = z / (1 + z**2 / of) * sqrt(p * (1 - p) / of + z**2 / (4 * of**2))

    assert wilson(count, of) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_the_page_counts_agreement_time_and_regret_and_lists_where_the_plans_differ():
    found = Agreement(
        choices=(
            *[choice_of()] * 97,
            *[choice_of(gap=0.002)] * 2,
            choice_of(gap=0.003, decided=5, regret=0.003),
        )
    )

    page = "\n".join(decision_part(found))

    assert "| below 1 % | 3 | 2 | 2 | 3 | 12.5 % | 12.5 % |" in page
    assert "| **all** | 100 | 99 | 99 | 100 | 12.5 % | 12.5 % |" in page
    assert "in 99.0 % (Wilson's 95 % interval: 94.6 % to 99.8 %)" in page
    assert "| more than 0.2 % | 1 | 0 |" in page
    assert "for the decision 5 (costs 0.30 % more), rigorous 8 (costs 0.00 % more)" in page
