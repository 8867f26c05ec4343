"""Checks that the windows scatter as independent repeats do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from joulesplit.calibrate.checks._evidence import Evidence
from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.checks._spoilt import window_words
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import LinearFit, block_problem, lag_one, outliers
from joulesplit.calibrate.profile import Check
from joulesplit.metrology import Array, deviations

CORRELATION_LIMIT = 3.3
"""Largest correlation of neighbouring residuals, in standard errors (1/√n): one in two thousand
campaigns of independent windows exceeds it."""

FEWEST_FOR_SCATTER = 20
"""Fewer windows show neither correlation nor two modes."""

TWO_MODES_LIMIT = 0.85
"""Largest share of the variance that two groups may explain: two halves of a normal sample
explain 2/π = 0.64 of it, two groups five standard deviations apart 0.87."""

OUTLIERS_NAMED = 2
"""So many outlying windows are named."""

SMALLEST_GROUP = 0.15
"""A group with a smaller share of the windows is a matter for the outliers."""


OUTLYING_WINDOWS = CheckSpec(
    name="outlying-windows",
    finds="compute windows farther from the fit than chance explains",
    unit="windows",
    limit=0,
    advice="{which}: far off the fit, kept; `profile show --methods` shows E_d with and without: "
    "if the two differ, stop what else runs and measure again",
)
AUTOCORRELATION = CheckSpec(
    name="autocorrelation",
    finds="correlation of neighbouring windows' residuals, in standard errors (1/√n)",
    unit="σ",
    limit=CORRELATION_LIMIT,
    advice="neighbouring windows err together, so the intervals are too narrow: lengthen the idle "
    "times, and compare with the bootstrap intervals of `profile show --methods`",
)
TWO_MODES = CheckSpec(
    name="two-modes",
    finds="share of the windows' scatter that two groups explain",
    unit="1",
    limit=TWO_MODES_LIMIT,
    advice="the windows fall into two groups, as with a governor that switches or a task that "
    "comes and goes: pin the frequency and measure again",
)


def scatter_checks(evidence: Evidence) -> Iterator[Check]:
    """Return whether the compute windows scatter as independent repeats around their fit do."""
    fitted = _fit(evidence)
    if fitted is None or fitted[0].scale == 0:
        return
    fit, energies = fitted
    outlying = np.flatnonzero(outliers(fit))
    yield OUTLYING_WINDOWS.judge(float(len(outlying)), which=_named(evidence, outlying))
    if len(energies) >= FEWEST_FOR_SCATTER:
        residuals = fit.studentised
        yield AUTOCORRELATION.judge(lag_one(residuals) * float(np.sqrt(len(residuals))))
        yield TWO_MODES.judge(two_group_share(relative_residuals(fit.raw_residuals, energies)))


def _named(evidence: Evidence, outlying: Iterable[int]) -> str:
    """Return which windows these are, when they began and what else ran."""
    compute = evidence.of_kind("compute")
    words = [window_words(compute[place], evidence.records) for place in outlying]
    more = len(words) - OUTLIERS_NAMED
    return "; ".join(words[:OUTLIERS_NAMED]) + (f"; {more} more" if more > 0 else "")


def relative_residuals(residuals_j: Array, energies_j: Array) -> Array:
    """Return residuals over what the fit expects, which no single reading makes nought."""
    expected_j = energies_j - residuals_j
    positive = expected_j > 0
    relative: Array = residuals_j[positive] / expected_j[positive]
    return relative


def _fit(evidence: Evidence) -> tuple[LinearFit, Array] | None:
    """Return the fit of the net energies, and these, J; None if there are too few for it."""
    windows = [record.observation for record in evidence.of_kind("compute")]
    count = max((window.block for window in windows), default=0)
    try:
        problem = block_problem(windows, count, "net")
        return problem.fit_of_windows(), problem.observed[: problem.windows]
    except EstimateError:
        return None


def two_group_share(values: Array) -> float:
    """Return the largest share of the variance that a split into two groups explains.

    Args:
        values: Shape (n,), float64; groups below ``SMALLEST_GROUP`` of n are not considered.
    """
    ordered = np.sort(values)
    count = len(ordered)
    total = float(np.sum(deviations(ordered) ** 2))
    least = max(2, int(np.ceil(SMALLEST_GROUP * count)))
    if total == 0 or count < 2 * least:
        return 0.0
    below = np.arange(least, count - least + 1)
    sums = np.cumsum(ordered)
    gap = sums[below - 1] / below - (sums[-1] - sums[below - 1]) / (count - below)
    return float(np.max(below * (count - below) / count * gap**2) / total)
