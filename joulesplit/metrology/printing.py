"""Numbers for people: SI prefixes, digits that follow the uncertainty. Pure text.

The one place where a unit gets a prefix. ± always means the half-width of the 95 % interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from math import floor, isfinite, log10

PREFIXES = {
    -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P",
}  # fmt: skip

PREFIXED_UNITS = frozenset(
    [
        "J",
        "W",
        "s",
        "V",
        "A",
        "FLOP",
        "FLOP/s",
        "FLOP/J",
        "J/FLOP",
        "bit",
        "bit/s",
        "bit/J",
        "J/bit",
        "FLOP/bit",
        "byte",
        "byte/s",
        "Hz",
    ]
)
"""Units that take a prefix; counts and ratios do not."""

SMALLEST_SHARE = 1e-6
"""Shares below this are not told apart: they come from rounding."""

TWO_DIGITS_BELOW = 30
"""An uncertainty keeps two digits if they are below this, else one."""


MANY_DEGREES_OF_FREEDOM = 1000
"""Beyond it Student's law and the normal one give the same digits."""


def si(value: float, unit: str, digits: int = 3) -> str:
    """Return a value with a prefixed unit and a fixed number of significant digits.

    Args:
        value: In ``unit``.
        unit: SI unit without prefix.
        digits: Significant digits.
    """
    if not isfinite(value):
        return f"{value} {unit}"
    if value == 0:
        return f"0 {unit}"
    rounded = float(f"{value:.{digits - 1}e}")
    power = _prefix_power(rounded)
    scaled = rounded / 10.0**power
    decimals = max(0, digits - 1 - _exponent(scaled))
    return f"{_signed(scaled, decimals)} {PREFIXES[power]}{unit}"


def prefixed(text: str) -> str:
    """Return a text of a lower floor, which states quantities in SI units, with prefixes.

    Significant digits stay, up to four.
    """
    return _QUANTITY.sub(_with_prefix, text)


_QUANTITY = re.compile(
    r"(?<![\w.,])(\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?) "
    rf"({'|'.join(sorted(PREFIXED_UNITS, key=len, reverse=True))})(?![\w/])"
)


def _with_prefix(quantity: re.Match[str]) -> str:
    number = quantity[1].replace(",", "")
    mantissa = number.split("e")[0]
    stated = mantissa.replace(".", "") if "." in mantissa else mantissa.rstrip("0")
    digits = len(stated.lstrip("0"))
    return si(float(number), quantity[2], min(max(digits, 1), 4))


def counted(count: int, noun: str) -> str:
    """Return ``1 block``, ``2 blocks``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def uncertain(value: float, half_width: float, unit: str) -> str:
    """Return ``2.68 ± 0.03 GJ``: as many digits as the uncertainty leaves.

    Args:
        value: In ``unit``.
        half_width: Of the 95 % interval, in ``unit``.
        unit: SI unit without prefix.
    """
    if not (isfinite(value) and isfinite(half_width)) or half_width <= 0:
        return si(value, unit, 4)
    power = _prefix_power(max(abs(value), half_width)) if unit in PREFIXED_UNITS else 0
    scaled, width = value / 10.0**power, half_width / 10.0**power
    decimals = _decimals(width)
    return (
        f"{_fixed(scaled, decimals)} ± {_fixed(width, decimals)} {PREFIXES[power]}{unit}".rstrip()
    )


def interval(low: float, high: float, unit: str) -> str:
    """Return ``2.65 … 2.71 GJ``, with digits that follow its width."""
    if not (isfinite(low) and isfinite(high)) or high <= low:
        return f"{si(low, unit, 4)} … {si(high, unit, 4)}"
    power = _prefix_power(max(abs(low), abs(high))) if unit in PREFIXED_UNITS else 0
    decimals = _decimals((high - low) / 2 / 10.0**power)
    ends = (_fixed(end / 10.0**power, decimals) for end in (low, high))
    return f"{' … '.join(ends)} {PREFIXES[power]}{unit}".rstrip()


def percent(fraction: float | None, digits: int = 2) -> str:
    """Return a ratio in percent; ``?`` if it is not known."""
    if fraction is None:
        return "?"
    if fraction == 0:
        return "0 %"
    if abs(fraction) < SMALLEST_SHARE:
        return f"below {percent(SMALLEST_SHARE, 1)}"
    decimals = max(0, digits - 1 - _exponent(100 * fraction))
    return f"{_signed(100 * fraction, decimals)} %"


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


def _exponent(value: float) -> int:
    return floor(log10(abs(value))) if value else 0


def _prefix_power(value: float) -> int:
    return min(max(_exponent(value) // 3 * 3, min(PREFIXES)), max(PREFIXES))


def _decimals(width: float) -> int:
    """Return the decimals that an uncertainty leaves: its first digit, or first two if small."""
    exponent = _exponent(float(f"{width:.1e}"))
    leading = round(width / 10.0 ** (exponent - 1))
    return 1 - exponent if leading < TWO_DIGITS_BELOW else -exponent


def _fixed(value: float, decimals: int) -> str:
    return _signed(round(value, decimals), max(decimals, 0))


def _signed(value: float, decimals: int) -> str:
    """Return digits with a true minus sign, and never a negative zero."""
    text = f"{value:.{decimals}f}"
    if not text.startswith("-"):
        return text
    return text[1:] if float(text) == 0 else f"−{text[1:]}"
