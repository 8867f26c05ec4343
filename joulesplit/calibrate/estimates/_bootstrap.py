"""Block bootstrap: an interval that asks of the errors only that far windows are strangers.

The windows are the block means. Runs of neighbouring windows stay together, so that a slow
disturbance which ties neighbours stays in the resamples. For a figure of the whole problem the
runs have the signs of their residuals turned (the wild bootstrap in blocks): every window keeps a
scatter of its own. For the coefficients, which rest on few windows each, a run also gets the
errors of another one.
"""

from __future__ import annotations

import numpy as np

from joulesplit.calibrate.estimates._stats import coverage_factor, variance_of
from joulesplit.metrology import CONFIDENCE, Array, OwnScatter, PooledScatter

RESAMPLES = 1999
RUN_WINDOWS = 4
"""Neighbouring windows that are turned together."""

BOOTSTRAP_SEED = 20
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
    together = variance_of(scatter, np.arange(count) // RUN_WINDOWS)
    if not together.has_enough_freedom:
        return None
    runs = _runs(count)
    signs = np.random.default_rng(BOOTSTRAP_SEED).choice((-1.0, 1.0), size=(RESAMPLES, runs))
    deviations = []
    for shift, some in enumerate(np.array_split(signs, RUN_WINDOWS)):
        padded = np.pad(scatter.effects, (shift, runs * RUN_WINDOWS - count - shift))
        deviations.append(some @ padded.reshape(runs, RUN_WINDOWS).sum(axis=1))
    half = float(_half_width(np.concatenate(deviations), together.degrees_of_freedom))
    return half / float(np.sqrt(together.correction))


def bootstrap_half_widths(scatter: PooledScatter) -> Array | None:
    """Return the half-widths of the 95 % intervals of all coefficients by the bootstrap.

    Args:
        scatter: Errors of the rows, in order of time, and what they do to each coefficient.

    Returns:
        As ``bootstrap_half_width`` for each coefficient, shape (p,), float64; None if the rows
        are too few for an interval.
    """
    if not scatter.has_enough_freedom:
        return None
    told, count = len(scatter.errors), scatter.effects.shape[1]
    # What follows the last window is the first, so that every window is drawn equally often.
    ring = scatter.errors[(np.arange(told)[:, None] + np.arange(RUN_WINDOWS)) % told]
    both_signs = np.concatenate([ring, -ring])
    random = np.random.default_rng(BOOTSTRAP_SEED)
    # Drawn with 64 bits, so that all machines draw the same; used as the machine's own indices.
    which = random.integers(0, len(both_signs), size=(RESAMPLES, _runs(count))).astype(np.intp)
    errors = np.take(both_signs, which, axis=0).reshape(RESAMPLES, -1)
    deviations = [
        scatter.effects @ some[:, shift : shift + count].T
        for shift, some in enumerate(np.array_split(errors, RUN_WINDOWS))
    ]
    return _half_width(np.hstack(deviations), scatter.degrees_of_freedom)


def _runs(count: int) -> int:
    """Return how many runs hold so many rows, wherever the first begins.

    Each quarter of the resamples begins them elsewhere, so that no two neighbours are always
    parted.
    """
    return -(-count // RUN_WINDOWS) + 1


def _half_width(deviations: Array, degrees_of_freedom: float) -> Array:
    """Return the 95 % quantile of deviations by size over the last axis, widened to t."""
    rank = round(CONFIDENCE * (RESAMPLES + 1)) - 1
    quantile = np.partition(np.abs(deviations), rank, axis=-1)[..., rank]
    widening = coverage_factor(degrees_of_freedom) / coverage_factor(float("inf"))
    half: Array = widening * quantile
    return half
