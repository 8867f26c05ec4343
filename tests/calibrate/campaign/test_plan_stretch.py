from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.calibrate.campaign import QUICK, for_sensor
from joulesplit.calibrate.campaign._plan import PLANS, Limits
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.windows import MINIMUM_IDLE_READINGS, WindowTiming


def changed(**fields):
    return msgspec.structs.replace(QUICK, **fields)


def test_work_that_is_too_short_for_the_sensor_is_stretched_to_the_edge_term():
    cycle_s = 0.05
    plan = for_sensor(QUICK, cycle_s)

    assert cycle_s / 6**0.5 / min(plan.work_s) == pytest.approx(QUICK.limits.edge_term)
    assert [a / b for a, b in zip(plan.work_s, QUICK.work_s, strict=True)] == pytest.approx(
        [plan.work_s[0] / QUICK.work_s[0]] * 3
    )
    assert cycle_s / 6**0.5 / max(plan.upload_lengths_s) <= QUICK.limits.edge_term * (1 + 1e-9)


@given(
    cycle_s=st.floats(0.001, 0.5),
    idle_s=st.floats(0.001, 2.0),
    taken=st.floats(0, 2),
    jitter=st.floats(0.9, 1.1),
)
def test_idle_that_is_too_short_for_the_sensor_holds_enough_whole_readings_at_any_phase(
    cycle_s, idle_s, taken, jitter
):
    plan = for_sensor(changed(timing=WindowTiming(idle_s=idle_s, settle_s=0.0)), cycle_s)

    paced_s = cycle_s * jitter
    # What the window before has taken reaches up to two cycles into the idle.
    ends_s = paced_s * (taken + np.arange(1, 3000))
    whole = np.count_nonzero(ends_s <= plan.timing.idle_s)
    assert whole >= MINIMUM_IDLE_READINGS
    assert plan.timing.idle_s >= idle_s
    assert plan.timing.idle_s <= max(idle_s, 8 * cycle_s * (1 + 1e-9))


def test_a_plan_that_a_slow_sensor_stretches_past_its_longest_time_is_refused():
    with pytest.raises(PlanError, match="duration_s"):
        for_sensor(changed(limits=Limits(duration_s=5.0)), 0.5)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_presets_suit_an_ina219_as_they_are(plan):
    assert for_sensor(plan, 0.0094) == plan


def test_a_plan_that_was_adapted_to_a_sensor_is_not_changed_by_adapting_it_again():
    """Resuming compares the two to the last digit; rounding alone once made them differ."""
    plan = changed(work_s=(0.1, 0.2))
    for cycle_s in (*np.linspace(0.009, 0.012, 1000), *np.linspace(0.012, 0.2, 1000)):
        adapted = for_sensor(plan, float(cycle_s))
        assert for_sensor(adapted, float(cycle_s)) == adapted
