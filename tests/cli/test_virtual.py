"""A campaign in virtual time is its seed and nothing else."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign import QUICK
from proof.stage import proof_blocks
from proof.virtual import run_virtual
from proof.worlds import clean_world, throttling_world


def windows(world, seed):
    return run_virtual(QUICK, proof_blocks(), world(seed))[0].records


@pytest.mark.parametrize("world", [clean_world, throttling_world])
def test_the_same_seed_gives_the_same_windows_and_another_seed_others(world):
    first = windows(world, 1)

    assert windows(world, 1) == first
    assert windows(world, 2) != first
