"""Figures that cannot be below zero: the likeliest values once it counts that they cannot. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from joulesplit.metrology._rounding import Array


def not_below_zero(values: Array, covariance: Array, which: Sequence[int]) -> Array:
    """Return the likeliest figures of which some cannot be below zero.

    Those measured below are zero, and all others move with them as the covariance says. The mean of
    what is left of their distribution would be above zero for every cost that is nought.

    Args:
        values: As measured; float64, shape (K,).
        covariance: Of them; float64, shape (K, K).
        which: Those that cannot be.

    Returns:
        Shape (K,); as measured where nothing is below zero, or has no uncertainty.
    """
    measured = np.array(values, dtype=np.float64)
    free = [i for i in which if covariance[i, i] > 0.0]
    at_zero: list[int] = []
    found = measured
    while below := [i for i in free if found[i] < 0.0 and i not in at_zero]:
        at_zero += below
        among = covariance[np.ix_(at_zero, at_zero)]
        moved = np.linalg.lstsq(among, measured[at_zero], rcond=None)[0]
        found = measured - covariance[:, at_zero] @ moved
        found[at_zero] = 0.0
    return found
