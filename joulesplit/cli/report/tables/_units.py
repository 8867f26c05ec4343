"""Quantities, shares and counts for people. Pure text."""

from __future__ import annotations

from joulesplit.calibrate.profile import Quantity
from joulesplit.metrology import (
    PREFIXED_UNITS,
    exponent,
    interval,
    interval_half_width,
    prefixed,
    si,
    signed_digits,
    uncertain,
)

__all__ = ["interval", "prefixed", "si", "uncertain"]

SMALLEST_SHARE = 1e-6
"""Shares below this are not told apart: they come from rounding."""


def counted(count: int, noun: str) -> str:
    """Return ``1 block``, ``2 blocks``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def half_width(quantity: Quantity) -> float | None:
    """Return the half-width of a quantity's 95 % interval, in its unit; None if none is stated."""
    return None if quantity.ci95 is None else interval_half_width(quantity.ci95)


def quantity_text(quantity: Quantity) -> str:
    """Return a quantity with its ±; a literature value has none and says so by its absence."""
    width = half_width(quantity)
    if width is None:
        return si(quantity.value, quantity.unit)
    return uncertain(quantity.value, width, quantity.unit)


def interval_text(quantity: Quantity) -> str:
    """Return a quantity's 95 % interval, or ``not stated``."""
    return "not stated" if quantity.ci95 is None else interval(*quantity.ci95, quantity.unit)


def percent(fraction: float | None, digits: int = 2) -> str:
    """Return a ratio in percent; ``?`` if it is not known."""
    if fraction is None:
        return "?"
    if fraction == 0:
        return "0 %"
    if abs(fraction) < SMALLEST_SHARE:
        return f"below {percent(SMALLEST_SHARE, 1)}"
    decimals = max(0, digits - 1 - exponent(100 * fraction))
    return f"{signed_digits(100 * fraction, decimals)} %"


def signed_percent(fraction: float) -> str:
    """Return a difference in percent with its sign; what is too small to show has none."""
    size = percent(abs(fraction))
    if abs(fraction) < SMALLEST_SHARE:
        return size
    return f"{'+' if fraction > 0 else '−'}{size}"


def measure(value: float, unit: str) -> str:
    """Return any value with any unit: ratios in percent, flags in words, counts as they are."""
    if unit == "flag":
        return "not ok" if value else "ok"
    if unit == "1":
        return percent(value)
    if unit in PREFIXED_UNITS:
        return si(value, unit)
    text = f"{value:.0f}" if value == round(value) else f"{value:.3g}"
    return f"{text.replace('-', '−')} {unit}"


def ratio(value: float) -> str:
    """Return a factor, ``2.56 ×``."""
    return f"{value:.3g} ×"


def probability(value: float) -> str:
    """Return a probability that Monte Carlo or a tail gives, never as certainty."""
    if value > 0.999:
        return "> 0.999"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
