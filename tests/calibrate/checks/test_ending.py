from __future__ import annotations

import pytest

from calibrate.checks.ending import downlink_checks, ending_checks

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
    ],
)
def test_each_way_to_go_wrong_is_told_by_its_own_check(changes, name, advice):
    found = troubled(**changes)
    assert list(found) == [name]
    assert (found[name].outcome, found[name].value) == ("warn", 1.0)
    assert advice in found[name].advice


def test_downloads_that_give_no_figure_are_told_with_the_reason():
    assert downlink_checks(measured=False, failure="") == ()
    (good,) = downlink_checks(measured=True, failure="")
    (bad,) = downlink_checks(measured=False, failure="too few windows")
    assert (good.name, good.outcome, bad.outcome) == ("downlink", "pass", "warn")
    assert bad.advice == "no figure of receiving: too few windows"
