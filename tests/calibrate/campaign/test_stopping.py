from __future__ import annotations

from math import fsum, sqrt

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from joulesplit.calibrate.campaign import (
    Precision,
    StopPlan,
    heaviest,
    look_confidence,
    once,
    precision_rule,
    windows_needed,
)
from joulesplit.calibrate.campaign._stopping import BEYOND_REACH
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import coverage_factor

STOP = StopPlan(rule="precision", relative_half_width=0.01, looks=5)


def figure(name="E_d", u_rel=1e-3, windows=40, **variances):
    return Precision(
        name=name,
        u_rel=u_rel,
        degrees_of_freedom=30.0,
        variances=variances or {"block 1": 1.0},
        windows=windows,
    )


def opinion(*figures):
    return precision_rule(STOP, lambda _: figures)([])


def test_a_fixed_plan_stops_after_its_windows():
    assert once([]).stop
    assert once([]).reached


def test_looks_share_the_risk_of_stopping_by_luck():
    assert look_confidence(1) == pytest.approx(0.95)
    assert look_confidence(5) == pytest.approx(0.99)


def test_it_stops_when_the_stricter_interval_of_every_figure_is_narrow_enough():
    factor = coverage_factor(30.0, 0.99)
    just, too_wide = 0.01 / factor * 0.999, 0.01 / factor * 1.001

    assert opinion(figure(u_rel=just), figure("E_c", u_rel=just)).stop
    open_still = opinion(figure(u_rel=just), figure("E_c", u_rel=too_wide))
    assert not open_still.stop
    assert not open_still.reached
    # An interval at plain 95 % would have been narrow enough: looking five times is not free.
    assert coverage_factor(30.0) * too_wide < 0.01


def test_it_says_how_many_windows_are_missing_and_which():
    known = figure("E_d", **{"block 1": 1.0})
    vague = figure("E_c", 0.02, windows=20, **{"upload a": 8.0, "upload b": 1.0, "upload c": 1.0})

    told = opinion(known, vague)

    def width(more):
        return coverage_factor(30.0 + more, 0.99) * 0.02 * sqrt(20 / (20 + more))

    assert width(told.windows_needed) <= 0.01 < width(told.windows_needed - 1)
    assert told.measure_next == ("upload a",)
    assert "E_d ± " in told.reason
    assert "goal is 1 %" in told.reason


def test_few_degrees_of_freedom_are_no_reason_to_ask_for_thousands_of_windows():
    wide = {"windows": 5, "confidence": 0.99375}

    certain = windows_needed(0.01, 0.02, degrees_of_freedom=1e9, **wide)
    few = windows_needed(0.01, 0.02, degrees_of_freedom=2, **wide)

    # At 2 degrees of freedom the interval is 12 standard uncertainties wide: 1/√n alone would
    # take 5 · ((12 · 0.01 / 0.02)² − 1) windows to make up for it.
    factor = coverage_factor(2, wide["confidence"])
    assert factor == pytest.approx(12.6, abs=0.1)
    assert 5 * ((factor * 0.01 / 0.02) ** 2 - 1) > 190
    assert certain == 5
    assert few == 10


@pytest.mark.parametrize("goal", [1e-3, 1e-9, 1e-100])
def test_the_windows_needed_are_counted_as_far_as_anyone_could_run_them(goal):
    needed = windows_needed(0.01, goal, windows=9, degrees_of_freedom=4, confidence=0.99)

    normal = coverage_factor(float("inf"), 0.99)
    assert needed >= min(9 * ((normal * 0.01 / goal) ** 2 - 1), BEYOND_REACH)


def test_windows_that_do_not_give_the_figures_yet_are_no_reason_to_stop():
    def assess(_):
        raise EstimateError("8 windows cannot determine 9 figures")

    told = precision_rule(STOP, assess)([])
    assert (told.stop, told.measure_next) == (False, ())
    assert "8 windows" in told.reason


@example(
    variances={"a": 509.0, "b": 2.1164310589266506, "c": 1.424817384317464,
               "d": 1.383650816568263, "e": 0.0},
    share=1.0,
)  # fmt: skip
@given(
    variances=st.dictionaries(st.text(max_size=3), st.floats(0, 1e3), min_size=1, max_size=8),
    share=st.floats(0.1, 1.0),
)
def test_the_heaviest_are_the_fewest_that_make_the_share(variances, share):
    chosen = heaviest(variances, share)

    total = fsum(variances.values())
    taken = [variances[key] for key in chosen]
    assert fsum(taken) >= share * total
    assert fsum(taken[:-1]) < share * total or not taken
    left = [v for key, v in variances.items() if key not in chosen]
    assert not taken or not left or min(taken) >= max(left)
