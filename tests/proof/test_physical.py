"""Boards of physics that no estimator was made for: is the truth where a calibration says?

How many of a hundred campaigns are right in each is counted by hand, see docs/proof.md.
"""

from __future__ import annotations

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK
from proof.physical import Physics, run_physical

pytestmark = pytest.mark.campaign

WITH_HEADS = msgspec.structs.replace(QUICK, heads="candidates", whole=True)
COLD_J = {(1, 20): 0.02, (5, 5): 0.02, (12, 12): 0.02}
"""Three subjects whose first inference takes 20 mJ more."""


def test_a_cold_start_that_some_subjects_have_is_a_figure_of_its_own_and_biases_no_slope():
    run = run_physical(Physics(cold_j=COLD_J), 1, WITH_HEADS)

    slopes = [
        run.figures[name] for name in ("E_d net", "head_20", *(f"e_{b}" for b in range(1, 21)))
    ]
    # Of 22 intervals of 95 %, fewer than 18 hold in three of a thousand such tests.
    assert sum(slope.inside for slope in slopes) >= 18
    for name in ("e_5", "e_12", "head_20"):
        slope, start = run.figures[name], run.figures[f"E_start {name}"]
        # Twice the half-width of 95 %: one in ten thousand lies beyond it.
        assert abs(slope.value - slope.truth) < slope.high - slope.low, name
        assert abs(start.value - start.truth) < start.high - start.low, name
        # Half of it cannot be another subject's: the others wake up for 3 mJ.
        assert start.low > 0.01, name
    assert run.figures["E_start head_15"].high < 0.015


@pytest.mark.parametrize(
    ("late", "named", "biased"),
    [
        (
            Physics(late_share=0.02, late_upload_share=0.1, late_s=2.5),
            {"late-work", "late-uploads"},
            {"E_d net": 0.01, "E_c net": 0.05},
        ),
        (Physics(late_share=0.02, late_s=7.0), {"late-work"}, {"E_d net": 0.01}),
        # What fades over so long is hardly told from a board that cools down: no name is promised.
        (
            Physics(late_share=0.02, late_upload_share=0.05, late_s=7.0, late_fades=True),
            set(),
            {"E_d net": 0.01, "E_c net": 0.03},
        ),
    ],
)
def test_work_that_comes_seconds_late_is_named_and_in_the_intervals(late, named, biased):
    """It makes E_d 2 %, E_c 11 % too good; what is watched after windows is over by then."""
    run = run_physical(late, 3)

    assert named <= set(run.warned)
    for name, bias in biased.items():
        assert run.figures[name].error > bias, name
    for name in (*biased, "E_d gross", "P_0"):
        assert run.figures[name].inside, name


def test_a_sampler_that_costs_more_in_idle_than_at_work_is_named_and_in_the_intervals():
    """Each transfer on the bus takes 0.2 mJ of a board that sleeps and 0.08 of one that works."""
    run = run_physical(Physics(asked_idle_j=2e-4, asked_work_j=0.8e-4), 2)

    assert "sampler-alike" in run.warned
    assert run.figures["E_d net"].error > 0.02
    for name in ("E_d net", "E_c net", "E_d/E_c net"):
        assert run.figures[name].inside, name


def test_less_of_it_than_is_named_is_in_the_intervals_all_the_same():
    run = run_physical(Physics(late_share=0.008, late_s=2.5), 4)

    assert run.verdict == "valid"
    assert run.figures["E_d net"].error > 0.005
    assert run.figures["E_d net"].inside


def test_a_board_that_ends_when_it_answers_is_not_called_late():
    run = run_physical(Physics(), 5)

    assert run.verdict == "valid"
    assert run.figures["E_d net"].inside


def test_several_layouts_of_memory_are_in_the_intervals_and_a_single_one_is_not():
    def held(layouts):
        plan = msgspec.structs.replace(QUICK, layouts=layouts, rests=0)
        runs = [run_physical(Physics(launch_u_rel=0.015), seed, plan) for seed in (1, 2)]
        return sum(run.figures[f"e_{block}"].inside for run in runs for block in range(1, 21))

    # Of 40 intervals of 95 %; those of one layout held 7 to 22 %.
    assert held(layouts=3) >= 33
    assert held(layouts=1) <= 25
