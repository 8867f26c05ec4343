from __future__ import annotations

import msgspec
import numpy as np
import pytest

from calibrate.campaign.plan import (
    PLANS,
    QUICK,
    RIGOROUS,
    STANDARD,
    UNLIMITED,
    Limits,
    StopPlan,
    for_decision,
    for_sensor,
)
from calibrate.errors import PlanError


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
    ],
)
def test_a_plan_that_cannot_determine_the_figures_is_refused(fields, message):
    with pytest.raises(PlanError, match=message):
        changed(**fields)


def test_e_c_is_stated_at_the_last_rate_that_is_a_number():
    assert changed(rates_bit_per_s=(5e6, 2e6, UNLIMITED)).stated_rate_bit_per_s == 2e6


def test_work_that_is_too_short_for_the_sensor_is_stretched_to_the_edge_term():
    cycle_s = 0.05
    plan = for_sensor(QUICK, cycle_s)

    assert cycle_s / 6**0.5 / min(plan.work_s) == pytest.approx(QUICK.limits.edge_term)
    assert [a / b for a, b in zip(plan.work_s, QUICK.work_s, strict=True)] == pytest.approx(
        [plan.work_s[0] / QUICK.work_s[0]] * 3
    )
    assert cycle_s / 6**0.5 / max(plan.upload_lengths_s) <= QUICK.limits.edge_term * (1 + 1e-9)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_presets_suit_an_ina219_as_they_are(plan):
    assert for_sensor(plan, 0.0094) == plan


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


def test_a_plan_that_was_adapted_to_a_sensor_is_not_changed_by_adapting_it_again():
    """Resuming compares the two to the last digit; rounding alone once made them differ."""
    plan = changed(work_s=(0.1, 0.2))
    for cycle_s in np.linspace(0.009, 0.012, 1000):
        adapted = for_sensor(plan, float(cycle_s))
        assert for_sensor(adapted, float(cycle_s)) == adapted
