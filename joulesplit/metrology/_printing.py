"""Shares, counts, probabilities and tables for people. Pure text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import floor

from joulesplit.metrology._units import PREFIXED_UNITS, exponent, si, signed_digits

SMALLEST_SHARE = 1e-6
"""Shares below this are not told apart: they come from rounding."""

MANY_DEGREES_OF_FREEDOM = 1000
"""Beyond it Student's law and the normal one give the same digits."""


def counted(count: int, noun: str) -> str:
    """Return ``1 block``, ``2 blocks``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


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


def freedom(degrees_of_freedom: float) -> str:
    """Return ``ν = 9``, rounded down (GUM G.4.1, note 1); what is as good as no limit as such."""
    if degrees_of_freedom > MANY_DEGREES_OF_FREEDOM:
        return f"ν > {MANY_DEGREES_OF_FREEDOM}"
    return f"ν = {floor(degrees_of_freedom)}"


def html_table(caption: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a table for a notebook.

    Args:
        caption: Stands above it, as text.
        rows: Of cells as text; the first cell of each is its heading.
    """
    body = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    return f"<table><caption>{escape(caption)}</caption>{body}</table>"
