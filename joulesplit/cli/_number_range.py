"""Ranges of numbers, and words, as an option's type."""

from __future__ import annotations

from math import isfinite
from typing import Any

import click


class NumberRange(click.FloatRange):
    """A range of finite numbers: click has not-a-number in every range, and infinity in most."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number.

        Raises:
            click.BadParameter: It is no number, or not in the range.
        """
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{value} is not a number that can be measured: give one", param, ctx)
        return number


class OwnWords(click.types.StringParamType):
    """Words of a person's own, which say something."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the words.

        Raises:
            click.BadParameter: There are none.
        """
        words = str(super().convert(value, param, ctx))
        if not words.strip():
            self.fail("nothing is said: give a word at least", param, ctx)
        return words


OWN_WORDS = OwnWords()
ABOVE_ZERO = NumberRange(min=0, min_open=True)
NOT_BELOW_ZERO = NumberRange(min=0)
SHARE = NumberRange(min=0, max=1)
ONE_OR_MORE = NumberRange(min=1)

COUNT = click.IntRange(min=0)
COUNT_FROM_ONE = click.IntRange(min=1)
PORT = click.IntRange(0, 65535)

THREADS = click.IntRange(min=1, max=1024)
"""More than any board's processor has: the runtimes take no larger number."""
