"""Worlds of what a campaign does to itself and what outlasts its work, in three strengths."""

from __future__ import annotations

from typing import Literal

from joulesplit.cli._simulation import WorldSetup
from proof.disturbances import Housekeeping, Lateness, disturbed
from proof.worlds import perfect_sensor_world

Strength = Literal["harmless", "typical", "severe"]

HOUSEKEEPING: dict[Strength, Housekeeping] = {
    "harmless": Housekeeping(power_w=0.07, awake_s=0.02),
    "typical": Housekeeping(power_w=0.07, awake_s=0.25),
    "severe": Housekeeping(power_w=0.15, awake_s=1.5),
}
"""An SD card draws some 20 to 100 mA of 3.3 V while it writes, and stays awake for a while."""

LATE_SHARE: dict[Strength, float] = {"harmless": 0.001, "typical": 0.02, "severe": 0.05}
TAIL_W: dict[Strength, float] = {"harmless": 0.001, "typical": 0.012, "severe": 0.06}


def housekeeping_world(seed: int, strength: Strength = "typical") -> WorldSetup:
    """Return a world whose card stays awake after each line of the journal or of progress."""
    return disturbed(perfect_sensor_world(seed), housekeeping=HOUSEKEEPING[strength])


def late_work_world(seed: int, strength: Strength = "typical") -> WorldSetup:
    """Return a world in which a share of the work's energy is drawn a second late."""
    late = Lateness(share=LATE_SHARE[strength], late_s=1.0)
    return disturbed(perfect_sensor_world(seed), lateness=late)


def tail_world(seed: int, strength: Strength = "typical") -> WorldSetup:
    """Return a world in which some power lasts for a second after computing.

    It belongs to no inference: a long run of them pays it once.
    """
    late = Lateness(tail_w=TAIL_W[strength], tail_s=1.0)
    return disturbed(perfect_sensor_world(seed), lateness=late)
