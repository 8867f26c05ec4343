"""What befalls a simulated sensor and its reader, and when: world side, in virtual time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from joulesplit.drivers.protocols import Clock
from joulesplit.drivers.simulated._chip import (
    CALIBRATION,
    CONFIGURATION,
    POWER_ON_WORD,
    SimulatedIna219,
)
from joulesplit.drivers.simulated._clock import NS_PER_S, EventfulClock, SteppedClock
from joulesplit.drivers.simulated._ina226 import SimulatedIna226

AnyChip = SimulatedIna219 | SimulatedIna226


@dataclass(frozen=True, slots=True, kw_only=True)
class Mishap:
    """Something that goes wrong once.

    Attributes:
        kind: ``reset``: the chip browns out. ``clock-stood-still``: the reader's clock does, as
            while a machine is suspended. ``held-up``: the reader does not get to run. ``stuck``:
            the chip goes on converting, and its results stay as they are. ``foreign-write``: a
            program beside configures the chip as Adafruit's library does for 32 V and 2 A.
        at_s: When, after the origin of the world, s.
        lasts_s: How long, s; a reset and a write take no time.
    """

    kind: Literal["reset", "clock-stood-still", "held-up", "stuck", "foreign-write"]
    at_s: float
    lasts_s: float = 0.0


def reader_clock(
    mishaps: Sequence[Mishap],
    chip: AnyChip,
    clock: Clock,
    *,
    origin_ns: int,
) -> Clock:
    """Let mishaps happen to a chip and to whoever reads it; return the clock that reader sees.

    Args:
        mishaps: What is to happen.
        chip: To what.
        clock: Of the chip.
        origin_ns: When the world begins, ns.

    Raises:
        ValueError: There are mishaps and time is not virtual.
    """
    if not mishaps:
        return clock
    if not isinstance(clock, EventfulClock):
        raise ValueError("mishaps happen in virtual time only; give the chip an EventfulClock")
    seen = SteppedClock(clock)
    for mishap in mishaps:
        _plan(mishap, chip, clock, seen, origin_ns + round(mishap.at_s * NS_PER_S))
    return seen


def _plan(
    mishap: Mishap,
    chip: AnyChip,
    clock: EventfulClock,
    seen: SteppedClock,
    at_ns: int,
) -> None:
    lasts_ns = round(mishap.lasts_s * NS_PER_S)
    if mishap.kind == "reset":
        clock.at(at_ns, chip.brown_out)
    elif mishap.kind == "clock-stood-still":
        clock.at(at_ns, lambda: seen.step_ns(-lasts_ns))
    elif mishap.kind == "held-up":
        clock.at(at_ns, lambda: clock.advance_ns(lasts_ns))
    elif mishap.kind == "foreign-write":
        clock.at(at_ns, lambda: _configure_as_adafruit_does(chip))
    else:
        clock.at(at_ns, chip.freeze)
        clock.at(at_ns + lasts_ns, lambda: chip.freeze(frozen=False))


def _configure_as_adafruit_does(chip: AnyChip) -> None:
    """Write what ``set_calibration_32V_2A`` of adafruit_ina219 writes; the same as after a reset.

    Only the calibration tells it from one.
    """
    chip.write_register(CALIBRATION, 4096)
    chip.write_register(CONFIGURATION, POWER_ON_WORD)
