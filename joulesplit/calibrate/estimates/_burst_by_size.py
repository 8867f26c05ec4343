"""By how much bursts of different sizes differ in what they cost once, beyond chance. Pure.

What a first upload waits for is priced by its time. But while TCP's window opens frames also leave
one by one that leave in bundles later on, which differs with the size and is in no time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._fitting import FEWEST_FREEDOMS, LinearModel
from joulesplit.calibrate.estimates._in_stream import upload_size
from joulesplit.calibrate.estimates._stats import nested_p
from joulesplit.calibrate.windows import Observation, Pace

UNLIKE_LEVEL = 0.05
"""Bursts that cost the same are told to differ in so many campaigns."""


def burst_lack_j(problem: LinearModel, observations: Sequence[Observation], pace: Pace) -> float:
    """Return the standard deviation of what bursts of sizes cost about the one of all, J.

    By moments, each size weighted as it is known (DerSimonian and Laird, Control. Clin. Trials 7,
    1986); nothing where the windows do not tell them apart.

    Args:
        problem: Of the windows, with one cost of a burst.
        observations: Its rows.
        pace: Of the bursts.
    """
    sizes = sorted({upload_size(o) for o in observations if o.pace == pace})
    own = np.array(
        [[o.pace == pace and upload_size(o) == size for size in sizes] for o in observations],
        dtype=np.float64,
    )
    design = np.hstack([problem.design, own])
    if len(observations) - design.shape[1] < FEWEST_FREEDOMS:
        return 0.0
    try:
        fit = replace(problem, design=design).fit()
        probability = nested_p(problem.fit(), fit)
    except EstimateError:
        return 0.0
    if probability is None or probability >= UNLIKE_LEVEL:
        return 0.0
    count = len(sizes)
    apart_j, variances = fit.coefficients[-count:], np.diag(fit.covariance)[-count:]
    if not variances.all():
        return 0.0
    beyond = float(np.sum(apart_j**2 / variances)) - count
    return float(np.sqrt(max(0.0, beyond / np.sum(1 / variances))))
