"""A range of numbers as an option's type."""

from __future__ import annotations

from math import isnan
from typing import Any

import click


class NumberRange(click.FloatRange):
    """A range without not-a-number, which compares with nothing and passes every range of click."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number.

        Raises:
            click.BadParameter: It is no number, or not in the range.
        """
        number = float(super().convert(value, param, ctx))
        if isnan(number):
            self.fail("nan is not a number: give one", param, ctx)
        return number
