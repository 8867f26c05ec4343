"""What a profile says of itself: may its figures be used? Frozen plain data."""

from __future__ import annotations

from typing import Literal

import msgspec

Verdict = Literal["valid", "suspect", "rejected"]
"""Whether the figures may be used, and what speaks against it."""
Outcome = Literal["pass", "warn", "fail"]
"""Of a check."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One named check over the recorded data.

    Attributes:
        value: What was found, in ``unit``.
        limit: The bound it was held against, in ``unit``.
        outcome: ``warn`` makes the profile suspect, ``fail`` rejects it.
        advice: What to do next; empty if passed.
    """

    name: str
    value: float
    limit: float
    unit: str
    outcome: Outcome
    advice: str = ""


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the figures may be used, and what speaks against it."""

    verdict: Verdict
    checks: tuple[Check, ...]
