"""What an upload of each size costs by itself, against a straight line through all sizes. Pure.

A bit of a small upload may cost another amount than one of a large: small ones leave in bundles,
and what comes behind a full window goes one by one, as acknowledgements come back. Two or three
sizes of a few windows then bend the line, and what is known least, a burst's own cost, takes the
bend upon itself. So each size is given an energy of its own, with everything beside it as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._by_pace import (
    UNPACED,
    fit_paces,
    of_told_paces,
    pace_problem,
    told_paces,
    upload_observations,
    upload_size,
)
from joulesplit.calibrate.estimates._fitting import LinearModel
from joulesplit.calibrate.windows import Observation, Pace, WindowRecord

FEWEST_ON_A_BEND = 3
"""Two sizes are always on a straight line."""

SizeAndPace = tuple[int, Pace]
"""Size of an upload, bit, and its pace."""


def by_subject(
    problem: LinearModel,
    observations: Sequence[Observation],
    subjects: Sequence[SizeAndPace],
    *,
    sending: int,
) -> LinearModel:
    """Return a model of windows with an energy per upload for each subject.

    What the given one has beside what grows with uploads, airtime and bits stays in it, so that
    the one is a special case of the other.

    Args:
        problem: Of upload windows.
        observations: Its rows.
        subjects: Of each row.
        sending: How many of its first columns grow with uploads, airtime and bits.
    """
    keys = list(dict.fromkeys(subjects))
    own = np.zeros((len(observations), len(keys)))
    for row, (subject, observation) in enumerate(zip(subjects, observations, strict=True)):
        own[row, keys.index(subject)] = observation.repetitions
    return replace(problem, design=np.hstack([own, problem.design[:, sending:]]))


def bend_u_rel(records: Sequence[WindowRecord]) -> float:
    """Return what the stated price of a bit may be off because sizes are on no straight line.

    The square of its standard uncertainty, relative, is that of the difference between the fit and
    the mean slope from the smallest to the largest size, less what their scatter makes of it.

    Args:
        records: Every window of the campaign, in order of time.
    """
    observations = of_told_paces(upload_observations(records))
    paces = told_paces(observations)
    if not paces:
        return 0.0
    pace = UNPACED if UNPACED in paces else paces[-1]
    subjects: list[SizeAndPace] = [(upload_size(o), o.pace or pace) for o in observations]
    sizes = sorted({size for size, of in subjects if of == pace})
    if len(sizes) < FEWEST_ON_A_BEND:
        return 0.0
    try:
        bit_j = fit_paces(observations, "net").bit(pace).value
        problem = pace_problem(observations, "net")
        own = by_subject(problem, observations, subjects, sending=2 * len(paces)).fit()
    except EstimateError:
        return 0.0
    keys = list(dict.fromkeys(subjects))
    weights = np.zeros(len(own.coefficients))
    weights[keys.index((sizes[-1], pace))] = 1 / (sizes[-1] - sizes[0])
    weights[keys.index((sizes[0], pace))] = -1 / (sizes[-1] - sizes[0])
    apart_j = float(weights @ own.coefficients) - bit_j
    chance_j2 = float(weights @ own.covariance @ weights)
    return float(np.sqrt(max(0.0, apart_j**2 - chance_j2))) / abs(bit_j) if bit_j else 0.0
