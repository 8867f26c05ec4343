"""Worlds of what a campaign does to itself and what outlasts its work, in three strengths."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from joulesplit._simulation import WorldSetup
from joulesplit.drivers.simulated import Pulses
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


SOURCE_OHM: dict[Strength, float] = {"harmless": 0.05, "typical": 0.35, "severe": 0.7}
"""From a bench supply beside the board to a metre of thin cable with two plugs."""

BURSTS = Pulses(period_ns=2_300_000, duty=0.45, more=0.8)
"""Work in bursts of a millisecond, as of threads that wait for each other or frames on the air."""

SLEW: dict[Strength, float] = {"harmless": 20e-6, "typical": 250e-6, "severe": 500e-6}
"""The kernel slews CLOCK_MONOTONIC by 500 ppm at most (adjtime, ntp_adjtime)."""


def bursts_world(seed: int, strength: Strength = "typical") -> WorldSetup:
    """Return a world whose work comes in bursts, behind a source of some resistance."""
    setup = perfect_sensor_world(seed)
    load = replace(setup.load, source_resistance_ohm=SOURCE_OHM[strength])
    return disturbed(replace(setup, load=load, pulses=BURSTS))


def slewed_world(seed: int, strength: Strength = "typical") -> WorldSetup:
    """Return a world in which NTP lets the reader's clock run fast all the time."""
    return disturbed(perfect_sensor_world(seed), slew=SLEW[strength])
