"""Quantities with the interval of their scatter and bounds together. Pure."""

from __future__ import annotations

from math import isfinite

from joulesplit.calibrate.profile._quantity import Quantity
from joulesplit.metrology import Estimate, half_width_of


def with_interval(
    estimate: Estimate, unit: str, u_sys: float, *, flatness: float = 0.0
) -> Quantity:
    """Return an estimate as a quantity, given its systematic standard uncertainty in ``unit``.

    Args:
        estimate: Value and its statistics, in ``unit``.
        unit: SI unit.
        u_sys: Systematic standard uncertainty, in ``unit``.
        flatness: Of what that is made of, see ``SystematicBudget.flatness``; 0 for a normal
            distribution, whose tails are longer.

    Raises:
        UndeterminedError: The statistics have no degree of freedom.
    """
    half_width = half_width_of(estimate, u_sys, flatness)
    freedom = estimate.degrees_of_freedom
    return Quantity(
        value=estimate.value,
        unit=unit,
        ci95=(estimate.value - half_width, estimate.value + half_width),
        u_stat=estimate.u_stat,
        u_sys=u_sys,
        n=estimate.n,
        degrees_of_freedom=freedom if isfinite(freedom) else None,
    )
