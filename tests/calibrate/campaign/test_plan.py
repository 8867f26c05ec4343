from __future__ import annotations

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK, STANDARD, UNLIMITED, StopPlan, for_decision
from joulesplit.calibrate.campaign._plan import RIGOROUS, Limits
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.windows import WindowTiming

NAN, INF = float("nan"), float("inf")


def changed(**fields):
    return msgspec.structs.replace(QUICK, **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"work_s": (0.5,)}, "two lengths"),
        ({"work_s": (0.5, 0.6)}, "twofold"),
        ({"rates_bit_per_s": (1e6, 1e6)}, "one rate"),
        ({"rates_bit_per_s": (UNLIMITED,)}, "one of them a number"),
        ({"repeats": 0}, "positive"),
        ({"upload_s": 0.0}, "positive"),
        ({"upload_s": float("inf")}, "positive"),
        ({"stop": StopPlan(looks=0)}, "positive"),
        ({"limits": Limits(temperature_c=(60.0, 50.0))}, "band"),
        ({"limits": Limits(temperature_c=(NAN, NAN))}, "band"),
        ({"limits": Limits(temperature_c=(0.0, NAN))}, "band"),
        ({"limits": Limits(temperature_c=(-INF, 75.0))}, "band"),
        ({"limits": Limits(cool_down_s=NAN)}, "cool_down_s"),
        ({"limits": Limits(cool_down_s=INF)}, "cool_down_s"),
        ({"limits": Limits(warm_up_s=-5.0)}, "warm_up_s"),
        ({"limits": Limits(edge_term=NAN)}, "positive"),
        ({"timing": WindowTiming(idle_s=0.2, settle_s=NAN)}, "settle_s"),
        ({"timing": WindowTiming(idle_s=0.2, settle_s=0.0, upload_settle_s=-1.0)}, "settle_s"),
        ({"repeats": 100_000_000}, "repeats"),
        ({"work_s": (1e5, 2e5)}, "repeats"),
    ],
)
def test_a_plan_that_cannot_determine_the_figures_is_refused(fields, message):
    with pytest.raises(PlanError, match=message):
        changed(**fields)


def test_e_c_is_stated_at_the_last_rate_that_is_a_number():
    assert changed(rates_bit_per_s=(5e6, 2e6, UNLIMITED)).stated_rate_bit_per_s == 2e6


@pytest.mark.parametrize("plan", [STANDARD, RIGOROUS])
def test_a_plan_for_the_decision_measures_less_of_everything_and_still_both_ends(plan):
    decision = for_decision(plan, 0.02)

    assert decision.stop.rule == "decision"
    assert decision.stop.relative_regret == 0.02
    assert decision.stop.looks == plan.stop.looks
    assert max(decision.work_s) >= 2 * min(decision.work_s)
    assert max(decision.work_s) < max(plan.work_s)
    assert decision.stated_rate_bit_per_s == plan.stated_rate_bit_per_s
    assert min(decision.paced_rates_bit_per_s) == min(plan.paced_rates_bit_per_s)
    assert len(decision.rates_bit_per_s) < len(plan.rates_bit_per_s)


def test_the_stated_rate_stays_stated_whatever_its_place():
    for rates in ((20e6, 1e6, 5e6), (1e6, 5e6), (5e6, 1e6), (5e6, 1e6, UNLIMITED, 20e6)):
        plan = changed(rates_bit_per_s=rates)
        assert for_decision(plan).stated_rate_bit_per_s == plan.stated_rate_bit_per_s


@pytest.mark.parametrize("plan", [QUICK, STANDARD, RIGOROUS, for_decision(STANDARD)])
def test_every_preset_meets_several_layouts_and_rests(plan):
    """So what another start would measure, and what comes seconds late, are in its intervals."""
    assert plan.layouts >= 3
    assert plan.rests >= 1
