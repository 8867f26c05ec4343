"""Block bootstrap: an interval that asks of the errors only that far windows are strangers.

The windows are the block means. Runs of neighbouring windows have the signs of their residuals
turned together (the wild bootstrap in blocks), so that a slow disturbance which ties neighbours
stays in the resamples and every window keeps a scatter of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibrate.estimates.stats import CONFIDENCE, LinearFit, coverage_factor

RESAMPLES = 1999
RUN_WINDOWS = 4
"""Neighbouring windows that are turned together."""

SEED = 20
"""The same windows give the same interval."""


def bootstrap_half_width(fit: LinearFit, weights: Sequence[float]) -> float:
    """Return the half-width of the 95 % interval of Σ w_j β_j by the bootstrap.

    Residuals are first brought to the size that errors have, each over 1 − leverage (HC3 of
    MacKinnon and White, 1985). The fit is linear in y, so a resample costs one product.
    Resampling knows nothing of Student: the normal quantile that it reaches is widened to t.

    Args:
        fit: Weighted or ordinary fit, rows in order of time.
        weights: w, length p.

    Returns:
        The 95 % quantile of |Σ w β* − Σ w β|, in the unit of Σ w β.
    """
    free = fit.leverage < 1 - 1e-9
    errors = np.where(free, fit.raw_residuals / np.where(free, 1 - fit.leverage, 1.0), 0.0)
    effect = (np.asarray(weights) @ fit.gain) * errors
    random = np.random.default_rng(SEED)
    count = len(effect)
    runs = -(-count // RUN_WINDOWS)
    # Where the runs begin is drawn as well, so that no pair of neighbours is always parted.
    shifts = random.integers(0, RUN_WINDOWS, size=RESAMPLES)
    run_of = (np.arange(count)[None, :] + shifts[:, None]) // RUN_WINDOWS
    signs = random.choice((-1.0, 1.0), size=(RESAMPLES, runs + 1))
    deviations = np.take_along_axis(signs, run_of, axis=1) @ effect
    widening = coverage_factor(fit.degrees_of_freedom) / coverage_factor(float("inf"))
    return widening * float(np.quantile(np.abs(deviations), CONFIDENCE))
