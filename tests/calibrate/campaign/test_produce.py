from __future__ import annotations

from dataclasses import replace

import pytest

from joulesplit.calibrate.campaign import QUICK, Completion, profile_from_windows
from joulesplit.calibrate.errors import ReplayedError
from joulesplit.cli._resources import paper_network
from joulesplit.partition.reading import read_network
from proof.stage import proof_blocks
from proof.virtual import run_virtual, virtual_circumstances
from proof.worlds import clean_world

DONE = Completion(complete=True, reached=True, reason="", warm=True)


@pytest.fixture(scope="module")
def campaign():
    """Windows of a campaign, and its circumstances as if an INA219 had measured them."""
    blocks, setup = proof_blocks(), clean_world(1)
    outcome, sensor, _ = run_virtual(QUICK, blocks, setup)
    real = replace(sensor, simulated=False, kind="ina219")
    network = read_network(paper_network())
    around = virtual_circumstances(QUICK, network, blocks, setup, real)
    return outcome.records, replace(around, interface="wlan0", truth=None)


def test_windows_of_a_sensor_that_measured_them_give_a_measured_profile(campaign):
    records, around = campaign
    profile = profile_from_windows(records, around, DONE)
    assert (profile.source, profile.simulated) == ("measured", False)


@pytest.mark.parametrize("marks", [{"replayed": True}, {"kind": "replay"}])
def test_a_recording_of_another_time_never_makes_a_profile(campaign, marks):
    records, around = campaign
    replay = replace(around.sensor, name="replay of INA219 at 0x40 on bus 1", **marks)
    with pytest.raises(ReplayedError, match=r"INA219 at 0x40.*another time"):
        profile_from_windows(records, replace(around, sensor=replay), DONE)
