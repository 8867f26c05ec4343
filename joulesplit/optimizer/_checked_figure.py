"""One figure of a profile by one account, checked: a figure that cannot be true is an error."""

from __future__ import annotations

import math

from joulesplit.calibrate.profile import (
    Account,
    GrossNet,
    Quantity,
    degrees_of_freedom_of,
    has_uncertainties,
    is_above_zero,
    may_be_a_cost,
)
from joulesplit.optimizer.errors import ProfileUnusableError


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
    if not is_above_zero(quantity.value):
        raise ProfileUnusableError(
            f"the profile gives {quantity.value} {quantity.unit} for {name}, which cannot be; "
            "calibrate again with more work per window"
        )
    if not has_uncertainties(quantity):
        raise ProfileUnusableError(
            f"the profile gives {name} with standard uncertainties "
            f"{(quantity.u_stat, quantity.u_sys)}, which cannot be; calibrate again"
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


def perhaps_zero(
    quantity: Quantity,
    name: str,
    advice: str = "calibrate the link again with more payload sizes",
) -> Quantity:
    """Check a figure that may be too small to tell: below zero only where zero is possible.

    Args:
        quantity: The figure.
        name: Names it.
        advice: What makes a figure that can be.

    Raises:
        ProfileUnusableError: It is below zero by more than chance explains, or no number.
    """
    if may_be_a_cost(quantity):
        return quantity
    raise ProfileUnusableError(
        f"the profile gives {quantity.value} {quantity.unit} for {name}, which cannot be; {advice}"
    )
