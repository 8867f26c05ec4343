"""What a plan's limits do to a campaign, in virtual time: the real procedure, no waiting."""

from __future__ import annotations

import msgspec
import pytest

from calibrate.campaign.plan import QUICK, StopPlan
from calibrate.campaign.procedure import Told
from calibrate.campaign.stopping import StopOpinion
from joulesplit.proving.stage import proof_blocks
from joulesplit.proving.worlds import clean_world
from joulesplit.virtual import run_virtual

BLOCKS = proof_blocks()
WORLD = clean_world(1)


def limited(plan=QUICK, **limits):
    return msgspec.structs.replace(plan, limits=msgspec.structs.replace(plan.limits, **limits))


@pytest.fixture(scope="module")
def planned():
    """The quick plan, whole."""
    return run_virtual(QUICK, BLOCKS, WORLD)[0]


def test_a_fixed_plan_that_its_own_limit_cuts_has_not_reached_what_it_asked_for(planned):
    assert planned.opinion.reached
    told = []

    outcome, _, _ = run_virtual(
        limited(duration_s=15.0), BLOCKS, WORLD, told=Told(progress=told.append)
    )

    done, total = len(outcome.records), len(planned.records)
    assert outcome.records == planned.records[:done]
    assert sum(record.span_s for record in outcome.records) <= 15.0
    assert (outcome.opinion.stop, outcome.opinion.reached) == (True, False)
    assert outcome.opinion.reason == (
        f"15 s are over and {total - done} of {total} windows were not run"
    )
    assert (told[-1].done, told[-1].total) == (done, total)


@pytest.mark.parametrize(("rounds", "reached"), [(1, False), (2, True)])
def test_figures_that_are_known_count_if_only_a_later_round_was_cut(planned, rounds, reached):
    round_s = sum(record.span_s for record in planned.records)

    def known_after(records):
        stop = len(records) > (rounds - 1) * len(planned.records)
        return StopOpinion(stop=stop, reached=stop, reason="E_d ± 1 %")

    plan = limited(
        msgspec.structs.replace(QUICK, stop=StopPlan(rule="precision")),
        duration_s=(rounds - 0.5) * round_s,
    )
    outcome, _, _ = run_virtual(plan, BLOCKS, WORLD, rule_for=lambda _: known_after)

    assert outcome.opinion.stop
    assert outcome.opinion.reached is reached
