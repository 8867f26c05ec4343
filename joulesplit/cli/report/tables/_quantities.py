"""Quantities of a profile for people."""

from __future__ import annotations

from joulesplit.calibrate.profile import Quantity
from joulesplit.metrology import interval, si, uncertain


def half_width(quantity: Quantity) -> float | None:
    """Return the half-width of a quantity's 95 % interval, in its unit; None if none is stated."""
    return None if quantity.ci95 is None else (quantity.ci95[1] - quantity.ci95[0]) / 2


def quantity_text(quantity: Quantity) -> str:
    """Return a quantity with its ±; a literature value has none and says so by its absence."""
    width = half_width(quantity)
    if width is None:
        return si(quantity.value, quantity.unit)
    return uncertain(quantity.value, width, quantity.unit)


def interval_text(quantity: Quantity) -> str:
    """Return a quantity's 95 % interval, or ``not stated``."""
    return "not stated" if quantity.ci95 is None else interval(*quantity.ci95, quantity.unit)
