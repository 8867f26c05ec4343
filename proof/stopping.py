"""Does stopping early spoil anything? Campaigns that end when their rule says so."""

from __future__ import annotations

import msgspec

from joulesplit.calibrate.campaign import QUICK, StopPlan, assess_e_d_and_e_c, precision_rule
from proof.campaign import Measured, run_world
from proof.stage import proof_blocks
from proof.worlds import perfect_sensor_world

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
