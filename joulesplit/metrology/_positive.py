"""Figures that cannot be below zero: what that they cannot says of them and of all others. Pure.

The measured figures are normal with a covariance; that some are not below zero is a prior, so that
what is known afterwards is the same distribution cut off there. Its mean and covariance are exact
for one such figure; for several they are matched figure by figure until nothing moves (expectation
propagation, T. Minka, UAI 2001), each time carried over to all others by the covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, pi, sqrt

import numpy as np

from joulesplit.metrology._rounding import Array

FAR = 6.0
"""A figure so many standard uncertainties above zero is told nothing by that it cannot be below."""

_SWEEPS = 30


def not_below_zero(values: Array, covariance: Array, which: Sequence[int]) -> tuple[Array, Array]:
    """Return figures and their covariance once it counts that some cannot be below zero.

    Args:
        values: As measured; float64, shape (K,).
        covariance: Of them; float64, shape (K, K).
        which: Those that cannot be.

    Returns:
        Values and covariance, shapes as given; unchanged where all of them are far above zero, and
        where one has no uncertainty.
    """
    mean, spread = np.array(values, dtype=np.float64), np.array(covariance, dtype=np.float64)
    near = [i for i in which if 0.0 < mean[i] < FAR * sqrt(spread[i, i]) or mean[i] <= 0.0]
    near = [i for i in near if spread[i, i] > 0.0]
    sites = dict.fromkeys(near, (0.0, 0.0))
    for _ in range(_SWEEPS if len(near) > 1 else 1):
        for i in near:
            precision, shift = _site(mean[i], spread[i, i], *sites[i])
            more, moved = precision - sites[i][0], shift - sites[i][1]
            sites[i] = precision, shift
            column = spread[:, i].copy()
            scale = 1.0 + more * column[i]
            mean += column * (moved - more * mean[i]) / scale
            spread -= np.outer(column, column) * more / scale
    return mean, spread


def _site(value: float, variance: float, precision: float, shift: float) -> tuple[float, float]:
    """Return what cutting one figure off at zero adds to its precision, and to mean over variance.

    Args:
        value: Its mean now.
        variance: Its variance now.
        precision: What was added to its precision before.
        shift: What was added to its mean over its variance before.
    """
    from scipy.special import log_ndtr

    apart = 1.0 / (1.0 / variance - precision)
    middle = apart * (value / variance - shift)
    above = middle / sqrt(apart)
    rise = exp(-0.5 * above**2 - float(log_ndtr(above))) / sqrt(2 * pi)
    cut_mean = middle + sqrt(apart) * rise
    cut_variance = apart * (1.0 - rise * (rise + above))
    return 1.0 / cut_variance - 1.0 / apart, cut_mean / cut_variance - middle / apart
