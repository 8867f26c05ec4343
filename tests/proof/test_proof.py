"""The proof in small: does the truth lie where a calibration says, and is a spoilt one called so?

``make proof`` runs many more campaigns and writes docs/proof.md.
"""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from campaign_counts import campaigns, fewest_inside
from joulesplit.calibrate.campaign import QUICK
from proof.campaign import run_world
from proof.classes import measure_classes
from proof.report import proof_page
from proof.run import FAULTS, FIGURES, HEADLINES, ProofPlan, measure, methods_of, prove
from proof.stopping import measure_stopped
from proof.tally import scores, verdicts, worst_block_bias
from proof.tools import tool_figures
from proof.worlds import (
    clean_world,
    cool_world,
    ina226_world,
    long_tail_world,
    perfect_sensor_world,
    phase_locked_world,
    stuck_world,
)

CAMPAIGNS = campaigns(every=60, few=12)

FAULTY = campaigns(every=5, few=2)

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def perfect():
    return [measure(perfect_sensor_world, seed, exact_sensor=True) for seed in range(CAMPAIGNS)]


@pytest.mark.xdist_group("proof")
def test_with_a_perfect_sensor_no_figure_is_biased_and_the_intervals_cover(perfect):
    table = scores(perfect)

    for name in (*HEADLINES, "e_l", "P_0"):
        assert abs(table[name].bias) <= 4 * table[name].bias_u, name
        assert abs(table[name].bias) - 2 * table[name].bias_u <= 2e-3, name
    assert abs(worst_block_bias(table).bias) - 2 * worst_block_bias(table).bias_u <= 2e-3
    # Four standard errors around 95 %, were they independent: 2.5 % of 1200 intervals of e_l.
    assert abs(table["e_l"].coverage - 0.95) <= 4 * (0.95 * 0.05 / (20 * CAMPAIGNS)) ** 0.5
    for name in FIGURES:
        assert table[name].coverage >= fewest_inside(CAMPAIGNS, 0.94) / CAMPAIGNS, name


@pytest.mark.xdist_group("proof")
def test_campaigns_with_an_ina226_are_valid_and_their_intervals_hold():
    """Anywhere within its data sheet, behind a shunt of 50 mΩ anywhere within its tolerance."""
    count = campaigns(every=60, few=8)
    measured = [run_world(ina226_world(seed)) for seed in range(count)]
    assert {each.quality.verdict for each in measured} == {"valid"}
    for name in (*HEADLINES, "P_0"):
        held = sum(each.figures[name].inside for each in measured)
        assert held >= fewest_inside(count, 0.95), name


@pytest.mark.xdist_group("proof")
def test_other_methods_find_the_same_figures_and_their_intervals_cover_too(perfect):
    names = {found.name for found in methods_of(scores(perfect))}

    assert {f"{e} {a}, huber" for e in ("E_d", "E_c", "e_l") for a in ("net", "gross")} <= names
    for found in methods_of(scores(perfect)):
        assert abs(found.bias) <= 4 * found.bias_u, found.name
        assert found.coverage >= fewest_inside(CAMPAIGNS, 0.94) / CAMPAIGNS, found.name


@pytest.mark.xdist_group("proof")
def test_every_method_gives_the_blocks_intervals_that_cover(perfect):
    found = {s.name: s for s in methods_of(scores(perfect)) if s.name.startswith("e_")}

    methods = ("weighted", "ordinary", "huber", "weighted, bootstrap", "ordinary, bootstrap")
    assert set(found) == {f"e_l {a}, {method}" for a in ("net", "gross") for method in methods}
    for name, of_all in found.items():
        # Those of a campaign share its scatter, so allow more than four standard errors below.
        assert of_all.campaigns == 20 * CAMPAIGNS
        apart = (of_all.coverage - 0.95) / (0.95 * 0.05 / of_all.campaigns) ** 0.5
        assert -4.8 <= apart <= 4, name


@pytest.mark.xdist_group("proof")
def test_a_clean_campaign_passes_every_check(perfect):
    found = verdicts(perfect)

    assert found.verdicts.get("valid", 0) >= fewest_inside(CAMPAIGNS, 0.98)
    assert "rejected" not in found.verdicts


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.world.__name__)
def test_a_spoilt_campaign_is_called_so_by_the_check_of_its_fault(fault):
    """Of the seeds from 0, one is the campaign in a hundred whose drift 14 uploads cannot tell."""
    campaigns = [measure(fault.world, seed, plan=fault.plan) for seed in range(5, 5 + FAULTY)]
    found = verdicts(campaigns, fault.checks)

    assert found.called == 1.0
    assert found.by_right_check == FAULTY


def test_a_sensor_that_is_stuck_for_a_while_is_called_so():
    """Its windows take nothing, so that E_d is too good; an energy may even come out negative."""
    found = verdicts([measure(stuck_world, seed) for seed in range(4)], ("stuck-readings",))

    assert found.verdicts == {"rejected": 4}
    assert found.by_right_check == 4


def test_work_that_goes_with_the_sensors_cycle_lies_in_its_intervals():
    """Of 100 intervals of e_l, 95 % hold the truth; fewer than 85 would not happen by chance."""
    found = [measure(phase_locked_world, seed, exact_sensor=True) for seed in range(5)]
    blocks = [
        figure
        for campaign in found
        for name, figure in campaign.figures.items()
        if name.removeprefix("e_").isdecimal()
    ]

    assert sum(figure.low <= figure.truth <= figure.high for figure in blocks) >= 85
    for campaign in found:
        e_d = campaign.figures["E_d net"]
        assert abs(e_d.value / e_d.truth - 1) < 0.01


def test_a_radio_awake_through_the_windows_that_follow_makes_bits_too_cheap():
    """No step of the idle power within a window shows it; the others' idle powers do."""
    campaigns = [measure(long_tail_world, seed) for seed in range(6)]

    assert np.mean([campaign.figures["E_c net"].error for campaign in campaigns]) > 0.03
    named = Counter(
        check.name
        for campaign in campaigns
        for check in campaign.quality.checks
        if check.outcome != "pass"
    )
    assert named.pop("settled-after-upload") == len(campaigns)
    assert named.pop("late-uploads") == len(campaigns)
    # What is seen to come late is in the interval of E_c.
    named.pop("e_c-interval", None)
    # Chance may have a say once, no other check in every campaign.
    assert named.total() <= 1


def width(figure):
    return (figure.high - figure.low) / figure.value


def test_a_drawn_sensor_leaves_e_d_over_e_c_as_sharp_as_a_perfect_one():
    sharp = measure(perfect_sensor_world, 7, exact_sensor=True).figures["E_d/E_c gross"]
    # Neither has what the campaign leaves open besides.
    alone = run_world(clean_world(7), counts_campaign=False).figures["E_d/E_c gross"]
    drawn = measure(clean_world, 7).figures

    assert width(alone) < 1.5 * width(sharp)
    assert width(drawn["E_d gross"]) > 3 * width(drawn["E_d/E_c gross"])


def test_e_d_over_e_c_is_known_better_than_either_but_for_the_scatter_of_few_uploads():
    figures = [measure(clean_world, seed).figures for seed in range(5)]

    def mean_width(name):
        return np.mean([width(found[name]) for found in figures])

    assert mean_width("E_d/E_c gross") < mean_width("E_d gross") / 3
    for account in ("net", "gross"):
        assert mean_width(f"E_d/E_c {account}") < mean_width(f"E_c {account}"), account
    # A quick campaign's uploads scatter as much as the scale is open, net of two thirds of them.
    apart = np.hypot(mean_width("E_d net"), mean_width("E_c net"))
    assert mean_width("E_d/E_c net") < 0.75 * apart


def test_estimators_of_common_tools_are_wrong_where_ours_is_not():
    seeds = range(5)
    tools = [tool_figures(cool_world(seed), seed) for seed in seeds]
    ours = [run_world(cool_world(seed), exact_sensor=True).figures["E_d net"] for seed in seeds]

    def bias(name):
        return sum(figures[name].error for figures in tools) / len(tools)

    assert bias("gross E/n") > 1.5
    assert bias("one idle at the start, E/n") > 0.003
    assert bias("one idle at the start, slope over rising n") > 0.01
    assert bias("counter at 1 s, one idle, E/n") < -0.05
    assert abs(sum(figure.error for figure in ours) / len(ours)) < 0.002


def test_windows_of_one_length_bill_waking_and_tail_to_the_bits_and_are_called_so():
    plan = msgspec.structs.replace(QUICK, upload_spread=1.0, repeats=2, lone_uploads=False)
    campaigns = [
        run_world(perfect_sensor_world(seed), plan, exact_sensor=True) for seed in range(5)
    ]
    figures = [campaign.figures for campaign in campaigns]

    # Once per window of 0.3 s: 31 mJ beside about 0.3 J.
    assert np.mean([found["E_c net"].error for found in figures]) < -0.03
    assert all("E_burst" not in found for found in figures)
    assert verdicts(campaigns, ("burst-told",)).by_right_check == 5


def test_costs_by_class_are_those_of_a_board_that_pays_for_classes():
    found = [measure_classes(seed) for seed in range(12)]

    for name in ("J/FLOP convolution", "J/FLOP depthwise"):
        errors = np.array([costs.figures[name].error for costs in found])
        assert abs(errors.mean()) <= 4 * errors.std(ddof=1) / len(errors) ** 0.5
        # Of twelve intervals of 95 %, fewer than nine hold in two of a thousand such tests.
        assert sum(costs.figures[name].inside for costs in found) >= 9
    assert max(costs.leave_one_out_rms for costs in found) < 0.01


def test_a_campaign_that_stops_when_enough_is_known_says_so():
    measured = measure_stopped(3)

    assert "±" in measured.reason
    assert measured.figures["E_d net"].error == pytest.approx(0.0, abs=0.01)


def test_the_page_of_the_proof_holds_every_table():
    plan = ProofPlan(campaigns=2, drawn=2, faulty=1, tools=2, classes=2)

    page = proof_page(prove(plan, map), command="c", took_s=60.0, where="here")

    assert page.count("95 % intervals that held the truth |") == 5
    assert "| E_d/E_c net |" in page
    assert "| throttles at 80 °C | 1 | 100.0 % | 100.0 % |" in page
