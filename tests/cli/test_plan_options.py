"""What a plan is announced to take before anything starts."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK, for_sensor
from joulesplit.cli._plan_options import announcement
from joulesplit.cli._resources import paper_network
from joulesplit.partition.reading import read_network

QUICK_WORDS = "plan quick: 20 blocks, the head that wins, the whole network"
UNKNOWN_LINK = "; longer on a link below 10.0 Mbit/s"


def limited(duration_s):
    limits = msgspec.structs.replace(QUICK.limits, duration_s=duration_s)
    return msgspec.structs.replace(QUICK, limits=limits)


@pytest.mark.parametrize(
    ("duration_s", "end"),
    [(3600.0, "3 min"), (24.0, "3 min, but duration_s ends it after 24 s")],
)
def test_a_fixed_plan_that_its_own_limit_will_cut_says_so_before_it_starts(duration_s, end):
    line = announcement(limited(duration_s), read_network(paper_network()))
    assert re.fullmatch(rf"{QUICK_WORDS}; about {end}{UNKNOWN_LINK}", line)


def test_what_a_slow_sensor_stretches_is_announced_as_stretched():
    asked, stretched = (
        announcement(plan, read_network(paper_network()))
        for plan in (QUICK, for_sensor(QUICK, 0.0686))
    )
    assert asked == f"{QUICK_WORDS}; about 3 min{UNKNOWN_LINK}"
    assert stretched == f"{QUICK_WORDS}; about 6 min{UNKNOWN_LINK}"


def test_calibrate_measures_the_blocks_that_are_asked_for(joulesplit, model):
    asked = ("calibrate", model, "--show-plan", "--json")
    assert joulesplit(*asked).json["blocks"] == "residual"
    assert joulesplit(*asked, "--at", "block_3_project").json["blocks"] == [12, 64]
    assert len(joulesplit(*asked, "--blocks", 6).json["blocks"]) == 6
    without = joulesplit("calibrate", "--show-plan", "--blocks", 6, "--json")
    assert "give MODEL" in without.json["error"]["message"]


def test_a_plan_is_made_for_the_network_at_the_shape_it_will_be_measured_at(joulesplit):
    model = Path(__file__).parents[1] / "partition" / "models" / "cnn_open_image.tflite"
    asked = ("calibrate", model, "--show-plan", "--blocks", "2", "--json")
    assert "--input-shape" in joulesplit(*asked).json["error"]["message"]
    stated = ("--input-shape", "serving_default_image:0=1,32,32,3")
    assert len(joulesplit(*asked, *stated).json["blocks"]) == 2
