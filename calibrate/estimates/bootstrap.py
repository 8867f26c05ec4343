"""Block bootstrap: an interval that asks of the errors only that far windows are strangers.

The windows are the block means. Runs of neighbouring windows have the signs of their residuals
turned together (the wild bootstrap in blocks), so that a slow disturbance which ties neighbours
stays in the resamples and every window keeps a scatter of its own.
"""

from __future__ import annotations

import numpy as np

from calibrate.estimates.own_scatter import OwnScatter
from calibrate.estimates.stats import CONFIDENCE, coverage_factor

RESAMPLES = 1999
RUN_WINDOWS = 4
"""Neighbouring windows that are turned together."""

SEED = 20
"""The same windows give the same interval."""


def bootstrap_half_width(scatter: OwnScatter) -> float | None:
    """Return the half-width of the 95 % interval of a figure by the bootstrap.

    The fit is linear in its rows, so a resample costs one product. Resampling knows nothing of
    Student: the normal quantile that it reaches is widened to t, with the degrees of freedom
    that so many runs leave.

    Args:
        scatter: Effects of the rows' errors on the figure, in order of time.

    Returns:
        The 95 % quantile of the resampled deviations by size, in the figure's unit; None if the
        runs are too few for an interval.

    Raises:
        EstimateError: No row that the figure depends on has a residual.
    """
    count = len(scatter.effects)
    together = scatter.variance(np.arange(count) // RUN_WINDOWS)
    if not together.tells:
        return None
    random = np.random.default_rng(SEED)
    runs = -(-count // RUN_WINDOWS)
    # Where the runs begin is drawn as well, so that no pair of neighbours is always parted.
    shifts = random.integers(0, RUN_WINDOWS, size=RESAMPLES)
    run_of = (np.arange(count)[None, :] + shifts[:, None]) // RUN_WINDOWS
    signs = random.choice((-1.0, 1.0), size=(RESAMPLES, runs + 1))
    deviations = np.take_along_axis(signs, run_of, axis=1) @ scatter.effects
    widening = coverage_factor(together.degrees_of_freedom) / coverage_factor(float("inf"))
    quantile = float(np.quantile(np.abs(deviations), CONFIDENCE))
    return widening * quantile / float(np.sqrt(together.correction))
