"""Is every figure of a profile in the unit that its field is in? Pure.

A figure in another unit reads like one a thousand or eight times as large: nothing else in a
profile would contradict it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from joulesplit.calibrate.profile._estimates import EstimateView
from joulesplit.calibrate.profile._quantity import GrossNet, Quantity

FIGURES = (Quantity, EstimateView)
"""What states a unit of its own beside a value."""


def wrong_units(part: msgspec.Struct, path: str = "") -> Iterator[str]:
    """Name the figures of a profile that are in another unit than their fields.

    Args:
        part: A profile, or what it is made of.
        path: Where that stands.

    Yields:
        One phrase each: where it stands, its unit, and the field's.
    """
    for name, unit in field_units(type(part)).items():
        yield from _wrong(getattr(part, name), unit, f"{path}.{name}" if path else name)


def _wrong(value: Any, unit: str | None, path: str) -> Iterator[str]:
    if isinstance(value, FIGURES):
        if value.unit != unit:
            yield f"{path} is in {value.unit!r} and has to be in {unit!r}"
    elif isinstance(value, GrossNet):
        yield from _wrong(value.gross, unit, f"{path}.gross")
        yield from _wrong(value.net, unit, f"{path}.net")
    elif isinstance(value, tuple):
        for index, inside in enumerate(value):
            yield from _wrong(inside, unit, f"{path}[{index}]")
    elif isinstance(value, msgspec.Struct):
        yield from wrong_units(value, path)


@cache
def field_units(kind: type[msgspec.Struct]) -> dict[str, str | None]:
    """Return the unit that each field's figures are in, by name; None where it holds none."""
    hints = get_type_hints(kind, include_extras=True)
    return {name: _unit_of(hints[name]) for name in kind.__struct_fields__}


def _unit_of(hint: Any) -> str | None:
    if get_origin(hint) is not Annotated:
        return None
    extras = (meta.extra or {} for meta in get_args(hint)[1:] if isinstance(meta, msgspec.Meta))
    return next((extra["unit"] for extra in extras if "unit" in extra), None)
