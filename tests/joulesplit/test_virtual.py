"""A campaign in virtual time is its seed and nothing else."""

from __future__ import annotations

import pytest

from calibrate.campaign.plan import QUICK
from joulesplit.proving.stage import proof_blocks
from joulesplit.proving.worlds import clean_world, throttling_world
from joulesplit.virtual import run_virtual


def windows(world, seed):
    return run_virtual(QUICK, proof_blocks(), world(seed))[0].records


@pytest.mark.parametrize("world", [clean_world, throttling_world])
def test_the_same_seed_gives_the_same_windows_and_another_seed_others(world):
    first = windows(world, 1)

    assert windows(world, 1) == first
    assert windows(world, 2) != first
