"""A link that takes less than the plan asks for: told, and priced at what it takes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from joulesplit._simulation import draw_world
from joulesplit.calibrate.campaign import QUICK, Completion, profile_from_windows
from joulesplit.calibrate.workloads import truth_of
from joulesplit.cli._exit_codes import ExitCode
from joulesplit.cli._resources import paper_network
from joulesplit.optimizer import Usage, decide
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.reading import read_network
from proof.virtual import run_virtual, virtual_circumstances

NETWORK = read_network(paper_network())
BLOCKS = residual_blocks(NETWORK)
LINK_BIT_PER_S = 8e6


@pytest.fixture(scope="module")
def profile():
    setup = replace(draw_world(1, origin_ns=10**9), link_rate_bit_per_s=LINK_BIT_PER_S)
    outcome, sensor, _ = run_virtual(QUICK, BLOCKS, setup)
    around = virtual_circumstances(QUICK, NETWORK, BLOCKS, setup, sensor)
    ended = Completion(complete=True, reached=True, reason="", warm=True)
    return profile_from_windows(outcome.records, around, ended)


def test_a_rate_that_the_link_never_had_makes_the_profile_suspect(profile):
    troubled = [check for check in profile.quality.checks if check.outcome != "pass"]

    assert [check.name for check in troubled] == ["rates-carried"]
    assert troubled[0].advice.startswith("1e+07 bit/s: what uploads came to was less")
    assert profile.quality.verdict == "suspect"
    # There is no figure at these rates.
    assert [cost.rate_bit_per_s for cost in profile.link.uplink.at_rates] == [5e6]


def test_e_c_and_a_decision_are_at_what_the_link_takes(profile):
    decision = decide(NETWORK, BLOCKS, profile)

    # As an inference sends, even by the shortest of plans.
    assert profile.link.uplink.unpaced
    assert profile.link.uplink.rate_bit_per_s == decision.rate_bit_per_s
    assert decision.rate_bit_per_s == pytest.approx(LINK_BIT_PER_S, rel=0.01)
    truth = truth_of(draw_world(1, origin_ns=10**9).costs, BLOCKS, LINK_BIT_PER_S)
    assert decision.e_c_bit_per_j == pytest.approx(truth.e_c_bit_per_j["net"], rel=0.02)
    # By the price at 20 Mbit/s the network would be split where an upload is twice as long.
    insisted = decide(NETWORK, BLOCKS, profile, usage=Usage(rate_bit_per_s=20e6))
    assert (decision.best.block, insisted.best.block) == (8, 5)


@pytest.mark.live
def test_a_stated_rate_beyond_the_link_is_one_line_and_nothing_is_measured(tmp_path):
    """The simulated link takes 40 Mbit/s, of whoever asks for more too."""
    (tmp_path / "plan.toml").write_text('base = "quick"\nrates_bit_per_s = [5e6, 80e6]\n')
    command = ["calibrate", str(paper_network()), "--sensor", "simulated", "--plan", "plan.toml"]
    ran = subprocess.run(
        [sys.executable, "-m", "joulesplit", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert ran.returncode == ExitCode.EDGE
    said = ran.stderr.strip().splitlines()
    assert said[-1].startswith("joulesplit: error: the link carried ")
    assert "of the 8e+07 bit/s" in said[-1]
    assert "state a rate that it carries" in said[-1]
    assert not any(line.startswith(("plan", "link:")) for line in said)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.toml"]
