"""One figure of a profile by one account, checked: a figure that cannot be true is an error."""

from __future__ import annotations

import math

from joulesplit.calibrate.profile import Account, GrossNet, Quantity, degrees_of_freedom_of
from joulesplit.optimizer.errors import ProfileUnusableError

IMPOSSIBLE_AT = 4.0
"""Standard uncertainties below zero at which a cost that may be nought cannot be true any more:
chance alone takes a sound campaign there once in thirty thousand. At two of them it would refuse
one sound campaign in forty of a radio that neither wakes nor trails."""


BEYOND_NATURE = 1e100
"""No efficiency and no energy is so large, or one over it: such a figure was not measured, and its
square overflows."""


def by_account(figure: GrossNet, account: Account, name: str) -> Quantity:
    """Take a figure by an account; none is filled in from the other.

    Raises:
        ProfileUnusableError: There is no net one.
    """
    quantity = figure.net if account == "net" else figure.gross
    if quantity is None:
        raise ProfileUnusableError(
            f"the profile has no net figure for {name}; use the gross account"
        )
    return quantity


def positive(quantity: Quantity, name: str) -> Quantity:
    """Check that a figure is a number above zero, and its uncertainties at or above it.

    Raises:
        ProfileUnusableError: It is not.
    """
    if not 1.0 / BEYOND_NATURE < quantity.value < BEYOND_NATURE:
        raise ProfileUnusableError(
            f"the profile gives {quantity.value} {quantity.unit} for {name}, which cannot be; "
            "calibrate again with more work per window"
        )
    uncertainties = (quantity.u_stat, quantity.u_sys)
    if any(u is not None and not (math.isfinite(u) and u >= 0.0) for u in uncertainties):
        raise ProfileUnusableError(
            f"the profile gives {name} with standard uncertainties {uncertainties}, which cannot "
            "be; calibrate again"
        )
    return quantity


def inverted(quantity: Quantity, unit: str) -> Quantity:
    """Give one over a figure with its standard uncertainties; its interval is not needed."""
    value, freedom = 1.0 / quantity.value, degrees_of_freedom_of(quantity)
    return Quantity(
        value=value,
        unit=unit,
        ci95=None,
        u_stat=None if quantity.u_stat is None else value * quantity.u_stat / quantity.value,
        u_sys=None if quantity.u_sys is None else value * quantity.u_sys / quantity.value,
        n=quantity.n,
        degrees_of_freedom=freedom if math.isfinite(freedom) else None,
    )


def perhaps_zero(quantity: Quantity, name: str) -> Quantity:
    """Check a figure that may be too small to tell: below zero only where zero is possible.

    Raises:
        ProfileUnusableError: It is below zero by more than chance explains, or no number.
    """
    floor = -IMPOSSIBLE_AT * math.hypot(quantity.u_stat or 0.0, quantity.u_sys or 0.0)
    if math.isfinite(quantity.value) and quantity.value >= floor:
        return quantity
    raise ProfileUnusableError(
        f"the profile gives {quantity.value} {quantity.unit} for {name}, which cannot be; "
        "calibrate the link again with more payload sizes"
    )
