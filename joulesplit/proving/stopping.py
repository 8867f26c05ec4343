"""Does stopping early spoil anything? Campaigns that end when their rule says so."""

from __future__ import annotations

import msgspec

from calibrate.campaign.plan import QUICK, StopPlan
from calibrate.campaign.precision import assess_e_d_and_e_c
from calibrate.campaign.stopping import precision_rule
from joulesplit.proving.campaign import Measured, run_world
from joulesplit.proving.stage import proof_blocks
from joulesplit.proving.worlds import perfect_sensor_world

STOPPED = msgspec.structs.replace(
    QUICK,
    name="quick, until known",
    stop=StopPlan(rule="precision", relative_half_width=0.006, looks=6),
)
"""Ends after one to six rounds: E_c of one quick round is known to about 1.3 %."""


def measure_stopped(seed: int) -> Measured:
    """Run a campaign that ends when E_d and E_c are known well enough."""
    rule = precision_rule(STOPPED.stop, assess_e_d_and_e_c(STOPPED, len(proof_blocks())))
    return run_world(perfect_sensor_world(seed), STOPPED, exact_sensor=True, rule=rule)
