from __future__ import annotations

import pytest

from joulesplit.calibrate.checks import (
    band_checks,
    downlink_checks,
    ending_checks,
    layout_checks,
)

WELL = {"complete": True, "reached": True, "reason": "enough", "warm": True}


def troubled(**changes):
    checks = ending_checks(**{**WELL, **changes})
    assert [check.name for check in checks] == ["complete", "stop-rule", "warm-up"]
    return {check.name: check for check in checks if check.outcome != "pass"}


def test_a_campaign_that_went_well_passes():
    assert troubled() == {}


@pytest.mark.parametrize(
    ("changes", "name", "advice"),
    [
        ({"complete": False, "reached": False}, "complete", "--resume"),
        ({"reached": False, "reason": "E_c ± 3 %"}, "stop-rule", "E_c ± 3 %: go on with"),
        ({"warm": False}, "warm-up", "stop what else runs"),
        ({"warm": False, "unsettled": "pace"}, "warm-up", "never took the same time twice"),
        ({"warm": False, "unsettled": "temperature"}, "warm-up", "still moving"),
        ({"warm": False, "unsettled": "band"}, "warm-up", "not in the plan's band"),
    ],
)
def test_each_way_to_go_wrong_is_told_by_its_own_check(changes, name, advice):
    found = troubled(**changes)
    assert list(found) == [name]
    assert (found[name].outcome, found[name].value) == ("warn", 1.0)
    assert advice in found[name].advice


def test_a_single_layout_of_memory_is_told_and_an_unknown_number_is_not():
    (one,), (three,) = layout_checks(1), layout_checks(3)

    assert (one.name, one.outcome, three.outcome) == ("one-layout", "warn", "pass")
    assert "layouts = 3" in one.advice
    assert layout_checks(None) == ()


def test_windows_outside_the_band_are_counted_and_unknown_temperatures_are_not():
    assert band_checks([None, None], (20.0, 70.0)) == ()
    (good,) = band_checks([20.0, None, 70.0], (20.0, 70.0))
    (bad,) = band_checks([19.5, 20.0, None, 71.0, 78.0], (20.0, 70.0))

    assert (good.name, good.outcome, good.value) == ("temperature-band", "pass", 0.0)
    assert (bad.outcome, bad.value) == ("warn", 3.0)
    assert bad.advice.startswith("3 of 4 windows began at 19.5 to 78 °C, and the plan's ")
    assert "limits.temperature_c is 20 to 70 °C" in bad.advice


def test_downloads_that_give_no_figure_are_told_with_the_reason():
    assert downlink_checks(measured=False, failure="") == ()
    (good,) = downlink_checks(measured=True, failure="")
    (bad,) = downlink_checks(measured=False, failure="too few windows")
    assert (good.name, good.outcome, bad.outcome) == ("downlink", "pass", "warn")
    assert bad.advice == "no figure of receiving: too few windows"
