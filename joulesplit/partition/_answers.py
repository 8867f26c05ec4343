"""What a network answers with something of it sent in an encoding, counted. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCounts:
    """How often the answer of a network stays, on inputs that were run.

    An answer is the place of the largest value of the first output, or a text itself.

    Attributes:
        inputs: So many were run.
        same: Of so many the answer is what it is without the encoding.
        right: Of so many it is the input's label, without the encoding; None without labels.
        lost: So many of these are wrong with it; None likewise.
        gained: So many more are right with it; None likewise.
    """

    inputs: int
    same: int
    right: int | None = None
    lost: int | None = None
    gained: int | None = None
