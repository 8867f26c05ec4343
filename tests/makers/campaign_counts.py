"""How many campaigns a test runs, and what chance makes of so many."""

from __future__ import annotations

import os

from scipy.stats import binom

EVERY_CAMPAIGN = "JOULESPLIT_EVERY_CAMPAIGN"
"""Set by ``make campaigns``: all of them instead of a few, in two hours instead of minutes."""


def campaigns(every: int, few: int) -> int:
    """Return how many campaigns are run.

    Args:
        every: By ``make campaigns``.
        few: By ``make test``.
    """
    return every if os.environ.get(EVERY_CAMPAIGN) else few


def fewest_inside(intervals: int, share: float = 0.95) -> int:
    """Return how many of independent intervals hold the truth at least, but by a chance of 1/1000.

    Args:
        intervals: How many there are.
        share: That holds it.
    """
    return int(binom.ppf(1e-3, intervals, share))
