"""Can a figure be true at all? What a decision refuses and what ``profile check`` finds. Pure."""

from __future__ import annotations

from math import hypot, inf, isfinite

from joulesplit.calibrate.profile._quantity import Quantity

IMPOSSIBLE_LEVEL = 0.99994
"""Level of the interval that ends below zero where a cost that may be nought cannot be true any
more: chance alone takes a sound campaign there once in thirty thousand, at 4 standard uncertainties
if these are known without limit and at 8.5 with seven degrees of freedom. At 95 % it would refuse
one sound campaign in forty of a radio that neither wakes nor trails."""

BEYOND_NATURE = 1e100
"""No efficiency and no energy is so large, or one over it: such a figure was not measured, and its
square overflows."""

FORM_CHECKS = frozenset({"sound-intervals", "sound-numbers", "in-order", "sound-covariances"})
"""Checks whose failure leaves nothing to compute with, whatever a user allows."""


def is_above_zero(value: float) -> bool:
    """Say whether a value is a number above zero that something in nature can have."""
    return 1.0 / BEYOND_NATURE < value < BEYOND_NATURE


def has_uncertainties(quantity: Quantity) -> bool:
    """Say whether what a figure states of its scatter can be: numbers that are not below zero."""
    stated = (u for u in (quantity.u_stat, quantity.u_sys) if u is not None)
    freedom = quantity.degrees_of_freedom
    return all(0.0 <= u < BEYOND_NATURE for u in stated) and (
        freedom is None or is_above_zero(freedom)
    )


def may_be_a_cost(quantity: Quantity) -> bool:
    """Say whether a cost that may be too small to tell is not below zero by more than chance."""
    from joulesplit.metrology import coverage_factor

    freedom = quantity.degrees_of_freedom
    factor = coverage_factor(inf if freedom is None else freedom, IMPOSSIBLE_LEVEL)
    floor = -factor * hypot(quantity.u_stat or 0.0, quantity.u_sys or 0.0)
    return isfinite(quantity.value) and floor <= quantity.value < BEYOND_NATURE
