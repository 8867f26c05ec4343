"""Numbers with units: SI prefixes, digits that follow the uncertainty; reading them again. Pure.

The one place where a unit gets a prefix. ± always means the half-width of the 95 % interval.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import floor, isfinite, log10

from joulesplit.metrology.errors import UnreadableQuantityError

PREFIXES = {
    -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P",
}  # fmt: skip
"""SI prefixes by their powers of ten."""

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

TWO_DIGITS_BELOW = 30
"""An uncertainty keeps two digits if they are below this, else one."""


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
    decimals = max(0, digits - 1 - exponent(scaled))
    return f"{signed_digits(scaled, decimals)} {PREFIXES[power]}{unit}"


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


def interval_half_width(interval95: tuple[float, float] | None) -> float:
    """Return the half-width of an interval; 0 if none is stated."""
    low, high = interval95 or (0.0, 0.0)
    return (high - low) / 2


def exponent(value: float) -> int:
    """Return the power of ten of a value's first digit; 0 for 0."""
    return floor(log10(abs(value))) if value else 0


def _prefix_power(value: float) -> int:
    return min(max(exponent(value) // 3 * 3, min(PREFIXES)), max(PREFIXES))


def _decimals(width: float) -> int:
    """Return the decimals that an uncertainty leaves: its first digit, or first two if small."""
    power = exponent(float(f"{width:.1e}"))
    leading = round(width / 10.0 ** (power - 1))
    return 1 - power if leading < TWO_DIGITS_BELOW else -power


def _fixed(value: float, decimals: int) -> str:
    return signed_digits(round(value, decimals), max(decimals, 0))


def signed_digits(value: float, decimals: int) -> str:
    """Return digits with a true minus sign, and never a negative zero."""
    text = f"{value:.{decimals}f}"
    if not text.startswith("-"):
        return text
    return text[1:] if float(text) == 0 else f"−{text[1:]}"


UNITS = {**{unit: unit for unit in PREFIXED_UNITS}, "ohm": "ohm", "Ω": "ohm", "Ohm": "ohm"}
"""Units that are read, by what they may be called."""

_MULTIPLES = {symbol: power for power, symbol in PREFIXES.items()} | {"u": -6, "μ": -6}
"""Powers of ten by prefix; micro is also written with a Greek letter or a u."""

_TEXT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*")


def read_quantity(text: str, unit: str) -> float:
    """Return a quantity as a person writes it, in SI units: ``20M``, ``100m``, ``0.1 ohm``.

    A lone letter is a prefix, as in ``100m`` of ohms, so a unit that is a letter too (``m``) is
    not among those that are read.

    Args:
        text: A number, with a prefix or not, with the unit or not.
        unit: What it is a quantity of, an SI unit without prefix, e.g. ``bit/s``.

    Raises:
        UnreadableQuantityError: It is no number, or of another unit.
    """
    found = _TEXT.fullmatch(text)
    suffix = found[2] if found else ""
    power = _power_of(suffix, unit)
    if found is None or power is None:
        raise UnreadableQuantityError(
            f"{text!r} is no quantity in {unit}; write a number with or without a prefix and the "
            f"unit, like 20, 20k, 20 k{unit} or 2e4 {unit}"
        )
    # A decimal is scaled as text: 0.1 and 100m are then the same number to the last bit.
    return float(Decimal(found[1]).scaleb(power))


def _power_of(suffix: str, unit: str) -> int | None:
    """Return the power of ten that a prefix, alone or before the unit, stands for; None if none."""
    for prefix, power in _MULTIPLES.items():
        rest = suffix.removeprefix(prefix)
        if suffix.startswith(prefix) and (not rest or UNITS.get(rest, rest) == unit):
            return power
    return None
