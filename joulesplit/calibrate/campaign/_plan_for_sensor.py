"""A plan whose lengths suit the sensor that it is carried out with. Pure."""

from __future__ import annotations

import msgspec

from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.windows import MINIMUM_IDLE_READINGS

ROUNDING_OF_ONE = 1e-9
"""What rounding may make of 1."""

IDLE_CYCLES = MINIMUM_IDLE_READINGS + 4
"""Idle of so many sensor cycles holds the readings it needs. Up to two cycles at its beginning go
to readings that the window before has taken, for it looks one reading past its own end; one
straddles the end, and one is to spare for a cycle that is slower than timed, or lost."""


def for_sensor(plan: Plan, cycle_s: float) -> Plan:
    """Return a plan whose work and idle are long enough for the sensor's cycle.

    A window's edge falls anywhere in a cycle, so timing each end of the work by the nearest
    reading would err by T_cycle/√12, both together by T_cycle/√6. Of uploads that goes for the
    longest windows, which the price of a bit rests on. The idle on a side holds the readings it
    needs as whole ones, whatever the phase.

    Args:
        plan: As asked for.
        cycle_s: The sensor's cycle, s.

    Raises:
        PlanError: Stretched so, it takes longer than its longest time.
    """
    shortest_s = cycle_s / 6**0.5 / plan.limits.edge_term
    stretch = shortest_s / min(plan.work_s)
    # A plan that was stretched for this cycle stays as it is, to the last digit: a campaign that
    # is gone on with compares it.
    if stretch < 1 + ROUNDING_OF_ONE:
        stretch = 1.0
    upload_s = max(plan.upload_s, shortest_s / plan.upload_spread)
    idle_s = max(plan.timing.idle_s, IDLE_CYCLES * cycle_s)
    return msgspec.structs.replace(
        plan,
        timing=msgspec.structs.replace(plan.timing, idle_s=idle_s),
        work_s=tuple(seconds * stretch for seconds in plan.work_s),
        upload_s=upload_s,
    )
