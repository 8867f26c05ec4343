"""What a campaign does to itself, and what outlasts its work: right, or not called valid."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from joulesplit.calibrate.campaign import QUICK
from joulesplit.calibrate.estimates import window_budget
from proof.campaign import run_on, run_world
from proof.campaign_worlds import (
    bursts_world,
    housekeeping_world,
    late_work_world,
    slewed_world,
    tail_world,
)
from proof.stage import stage_of

SEED = 1001


@cache
def measured(world, strength="typical"):
    return run_world(world(SEED, strength), exact_sensor=True)


def test_a_card_awake_after_each_line_of_the_journal_is_not_taken_for_idle():
    """Taken for idle, its 70 mW for 250 ms make E_d 2.7 % and E_c 4.8 % too good."""
    figures = measured(housekeeping_world).figures

    assert abs(figures["E_d net"].error) < 0.006
    assert abs(figures["E_c net"].error) < 0.02
    for name in ("E_d net", "E_c net", "E_d/E_c net", "P_0"):
        assert figures[name].inside, name


def test_a_card_awake_for_longer_than_is_waited_for_makes_a_profile_suspect():
    assert measured(housekeeping_world, "severe").quality.verdict == "suspect"


@pytest.mark.parametrize("world", [late_work_world, tail_world])
def test_work_that_goes_on_after_the_settling_is_named_and_in_the_interval(world):
    """2 % of the work a second late make E_d 2.3 % too good, 12 mW for a second 0.7 %."""
    found = measured(world)

    named = {check.name for check in found.quality.checks if check.outcome != "pass"}
    assert "settled-after-compute" in named
    assert found.figures["E_d net"].inside


def test_bursts_behind_a_resistance_are_not_billed_with_what_the_voltage_falls():
    """Mean voltage times mean current has R·var(I) too much: 1 % of the work's power."""
    records = run_on(stage_of(bursts_world(SEED)), QUICK).records
    windows = [record for record in records if record.task.kind == "compute"]
    share = sum(r.hidden_w * r.work_s for r in windows) / sum(r.net_j for r in windows)

    assert share == pytest.approx(0.01, abs=0.003)
    figures = measured(bursts_world).figures
    for name in ("E_d net", "E_c net", "E_d gross", "E_c gross"):
        assert figures[name].inside, name
    # One campaign scatters by a thousandth: four in the mean are held to half of 0.25 %.
    others = (run_world(bursts_world(SEED + n), exact_sensor=True).figures for n in (1, 2, 3))
    errors = [one["E_d gross"].error for one in (figures, *others)]
    assert abs(np.mean(errors)) < 0.00125


def test_a_clock_that_is_slewed_is_in_the_budget():
    stage = stage_of(slewed_world(SEED, "severe"))
    records = run_on(stage, QUICK).records

    (term,) = (t for t in window_budget(records, stage.sampler.description) if "clock" in t.name)
    assert term.standard_uncertainty == pytest.approx(500e-6 / 3**0.5, rel=0.01)
