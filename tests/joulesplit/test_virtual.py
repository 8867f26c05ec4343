"""Virtual time may become quicker, but not another time: what a campaign measures stays."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from calibrate.campaign.plan import QUICK
from joulesplit.proving.stage import proof_blocks
from joulesplit.proving.worlds import clean_world, perfect_sensor_world, throttling_world
from joulesplit.virtual import run_virtual


def fingerprint(records):
    """Return a digest of every number of every window, to nine figures.

    The chip's codes are whole numbers, so that a rounding error in the world's energies leaves
    no trace; one in the sums over a window's readings is cut off.
    """
    digest = hashlib.sha256()
    for record in records:
        values = msgspec.to_builtins(record)
        task = values.pop("task")
        rounded = {k: f"{v:.9g}" if isinstance(v, float) else v for k, v in values.items()}
        digest.update(repr((task, rounded)).encode())
    return digest.hexdigest()[:16]


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (perfect_sensor_world, "ee26c34fa178bb78"),
        (clean_world, "9af39295fd855a2b"),
        (throttling_world, "5e664924be8ebb88"),
    ],
)
def test_a_seeds_campaign_in_virtual_time_gives_the_same_windows_as_ever(world, expected):
    """Pinned before the world's arithmetic was made quicker; the noise is numpy's ``PCG64``."""
    outcome, _, _ = run_virtual(QUICK, proof_blocks(), world(1))

    assert fingerprint(outcome.records) == expected
