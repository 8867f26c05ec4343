"""The budget of a figure: which estimate adds how much to its uncertainty. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from joulesplit.metrology._coverage import NEARLY_NORMAL
from joulesplit.metrology._linear_figures import Causes


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """One line of an uncertainty budget.

    Attributes:
        name: Of the estimate, or of the systematic term.
        u: What it adds, standard uncertainty in the figure's unit.
        degrees_of_freedom: Behind it; ``inf`` for what has no limit, or is a bound.
        share: Of the figure's variance, 0 to 1.
    """

    name: str
    u: float
    degrees_of_freedom: float
    share: float


def budget_table(causes: Causes, figure: int, names: Sequence[str]) -> tuple[BudgetRow, ...]:
    """Return the budget of one figure, the largest part first; what adds nothing has no row.

    Args:
        causes: Of error.
        figure: Position of the figure.
        names: Of the estimates, in their order.
    """
    squares = np.square(causes.effects[figure])
    variances = np.bincount(causes.estimates, squares, minlength=len(names))
    total = float(variances.sum())
    rows = [
        BudgetRow(
            name=name,
            u=float(variance**0.5),
            degrees_of_freedom=1 / inverse if inverse > NEARLY_NORMAL else inf,
            share=variance / total,
        )
        for name, variance, inverse in zip(
            names, variances.tolist(), causes.inverse_freedom.tolist(), strict=True
        )
        if variance > 0
    ]
    return tuple(sorted(rows, key=lambda row: -row.u))
