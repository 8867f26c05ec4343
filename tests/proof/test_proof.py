"""The proof in small: does the truth lie where a calibration says, and is a spoilt one called so?

``make proof`` runs many more campaigns and writes docs/proof.md.
"""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from calibrate.campaign.plan import QUICK
from joulesplit.proving.campaign import run_world
from joulesplit.proving.report import proof_page
from joulesplit.proving.run import FAULTS, HEADLINES, ProofPlan, measure, prove
from joulesplit.proving.stopping import measure_stopped
from joulesplit.proving.tally import scores, verdicts, worst_block_bias
from joulesplit.proving.tools import tool_figures
from joulesplit.proving.worlds import (
    bursty_world,
    clean_world,
    cool_world,
    perfect_sensor_world,
)

CAMPAIGNS = 60

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def perfect():
    return [measure(perfect_sensor_world, seed, exact_sensor=True) for seed in range(CAMPAIGNS)]


@pytest.mark.xdist_group("proof")
def test_with_a_perfect_sensor_no_figure_is_biased_and_the_intervals_cover(perfect):
    table = scores(perfect)

    for name in (*HEADLINES, "P_0", "e_l"):
        assert abs(table[name].bias) <= 4 * table[name].bias_u, name
        assert abs(table[name].bias) - 2 * table[name].bias_u <= 2e-3, name
    assert abs(worst_block_bias(table).bias) - 2 * worst_block_bias(table).bias_u <= 2e-3
    # 1200 intervals of e_l: three standard errors around 95 %, were they independent, are 1.9 %.
    assert 0.925 <= table["e_l"].coverage <= 0.975
    for name in HEADLINES:
        # A thousand campaigns give 93 to 96 %. Of 60 intervals that hold the truth in 93 %,
        # fewer than 48 happen by chance in one of two thousand such tests.
        assert table[name].coverage >= 0.8, name


@pytest.mark.xdist_group("proof")
def test_other_methods_find_the_same_e_d_and_their_intervals_cover_too(perfect):
    table = scores(perfect)

    for name in (name for name in table if name.startswith("E_d net, ")):
        assert abs(table[name].bias) <= 4 * table[name].bias_u, name
        assert table[name].coverage >= 0.85, name


@pytest.mark.xdist_group("proof")
def test_a_clean_campaign_passes_every_check(perfect):
    found = verdicts(perfect)

    # Two per cent of 60 is 1.2; more than four happen by chance in one of a hundred such tests.
    assert found.verdicts.get("valid", 0) >= CAMPAIGNS - 4
    assert "rejected" not in found.verdicts


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.checks[0])
def test_a_spoilt_campaign_is_called_so_by_the_check_of_its_fault(fault):
    found = verdicts([measure(fault.world, seed) for seed in range(12)], fault.checks)

    assert found.called == 1.0
    assert found.by_right_check == 12


def test_a_drawn_sensor_leaves_e_d_over_e_c_as_sharp_as_a_perfect_one():
    sharp = measure(perfect_sensor_world, 7, exact_sensor=True).figures["E_d/E_c gross"]
    drawn = measure(clean_world, 7).figures

    def width(figure):
        return (figure.high - figure.low) / figure.value

    assert width(drawn["E_d/E_c gross"]) < 1.5 * width(sharp)
    assert width(drawn["E_d gross"]) > 3 * width(drawn["E_d/E_c gross"])


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


@pytest.mark.parametrize(("spread", "biased"), [(1.0, True), (3.0, False)])
def test_waking_and_tail_are_told_from_airtime_if_upload_windows_differ_in_length(spread, biased):
    timing = msgspec.structs.replace(QUICK.timing, upload_settle_s=0.12)
    plan = msgspec.structs.replace(QUICK, timing=timing, upload_spread=spread, repeats=2)
    errors = np.array(
        [
            run_world(bursty_world(seed), plan, exact_sensor=True).figures["E_c net"].error
            for seed in range(5)
        ]
    )

    if biased:
        # Once per window of 0.4 s: 22 mJ beside about 0.3 J.
        assert errors.mean() < -0.03
    else:
        assert abs(errors.mean()) <= 4 * errors.std(ddof=1) / len(errors) ** 0.5


def test_a_campaign_that_stops_when_enough_is_known_says_so():
    measured = measure_stopped(3)

    assert "±" in measured.reason
    assert measured.figures["E_d net"].error == pytest.approx(0.0, abs=0.01)


def test_the_page_of_the_proof_holds_every_table():
    plan = ProofPlan(campaigns=2, drawn=2, faulty=1, tools=2)

    page = proof_page(prove(plan, map), command="c", took_s=60.0, where="here")

    assert page.count("95 % intervals that held the truth |") == 4
    assert "| E_d/E_c net |" in page
    assert "| throttles at 80 °C | 1 | 100.0 % | 100.0 % |" in page
