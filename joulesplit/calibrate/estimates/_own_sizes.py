"""What an upload of each size costs by itself, against a straight line through all sizes. Pure.

A bit of a small upload may cost another amount than one of a large: small ones leave in bundles,
and what comes behind a full window goes one by one, as acknowledgements come back. Two or three
sizes of a few windows then bend the line, and what is known least, a burst's own cost, takes the
bend upon itself. So each size is given an energy of its own, with everything beside it as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._by_pace import (
    UNPACED,
    is_bent,
    of_told_paces,
    straight_problem,
    told_paces,
    upload_observations,
)
from joulesplit.calibrate.estimates._fitting import LinearModel
from joulesplit.calibrate.estimates._in_stream import upload_size
from joulesplit.calibrate.estimates._stats import Array, LinearFit
from joulesplit.calibrate.windows import Observation, Pace, WindowRecord

FEWEST_ON_A_BEND = 3
"""Two sizes are always on a straight line."""

LEFT_OF_A_BEND = 1 / (2 * 3**0.5)
"""Standard uncertainty of what is off by half of a difference at most, either way, over it."""

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
    """Return what the stated cost of an upload may be off because sizes are on no straight line.

    Where they are clearly bent the line goes from the smallest to the largest size, and it is how
    far the others lie from it, root mean square over all sizes of their own energies. Else it is
    how far the price of a bit by the straight line is from the mean slope between these two. Less,
    either way, what scatter makes of it. A relative standard uncertainty.

    Args:
        records: Every window of the campaign, in order of time.
    """
    sizes = _own_energies(records)
    if sizes is None:
        return 0.0
    return _sag_u_rel(sizes) if is_bent(sizes.observations) else sizes.apart_rel()


def slope_u_rel(records: Sequence[WindowRecord]) -> float:
    """Return the same of the price of a bit alone.

    Where that is the mean slope, what a burst and lateness cost is still as the straight line has
    it, which was wrong by the difference between the two: half of it either way (rectangular).

    Args:
        records: Every window of the campaign, in order of time.
    """
    sizes = _own_energies(records)
    if sizes is None:
        return 0.0
    return sizes.apart_rel() * (LEFT_OF_A_BEND if is_bent(sizes.observations) else 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnEnergies:
    """What an upload of each size costs by itself at the pace that E_c is stated at.

    Attributes:
        observations: Windows of told paces.
        pace: That one.
        sizes: Its sizes in rising order, bit.
        own: Fit with an energy per upload for each subject.
        keys: Subjects of its first coefficients.
    """

    observations: Sequence[Observation]
    pace: Pace
    sizes: Sequence[int]
    own: LinearFit
    keys: Sequence[SizeAndPace]

    def of(self, place: int) -> Array:
        """Return the weights of the coefficients in an upload of a size, shape (p,)."""
        weights = np.zeros(len(self.own.coefficients))
        weights[self.keys.index((self.sizes[place], self.pace))] = 1.0
        return weights

    def apart_rel(self) -> float:
        """Return how far a bit by the straight line is from the mean slope, beyond chance."""
        line = straight_problem(self.observations, "net").fit()
        bit_j = float(line.coefficients[2 * told_paces(self.observations).index(self.pace) + 1])
        slope = (self.of(-1) - self.of(0)) / (self.sizes[-1] - self.sizes[0])
        return _beyond_chance(self.own, slope, bit_j) / abs(bit_j) if bit_j else 0.0


def _own_energies(records: Sequence[WindowRecord]) -> _OwnEnergies | None:
    """Return each size's own energies; None where a bend cannot be told."""
    observations = of_told_paces(upload_observations(records))
    paces = told_paces(observations)
    if not paces:
        return None
    pace = UNPACED if UNPACED in paces else paces[-1]
    subjects: list[SizeAndPace] = [(upload_size(o), o.pace or pace) for o in observations]
    sizes = sorted({size for size, of in subjects if of == pace})
    if len(sizes) < FEWEST_ON_A_BEND:
        return None
    try:
        problem = straight_problem(observations, "net")
        own = by_subject(problem, observations, subjects, sending=2 * len(paces)).fit()
    except EstimateError:
        return None
    keys = list(dict.fromkeys(subjects))
    return _OwnEnergies(observations=observations, pace=pace, sizes=sizes, own=own, keys=keys)


def _sag_u_rel(sizes: _OwnEnergies) -> float:
    """Return how far sizes lie from the line through the smallest and the largest, relative."""
    reach = sizes.sizes[-1] - sizes.sizes[0]
    squares = []
    for place, size in enumerate(sizes.sizes):
        part = (size - sizes.sizes[0]) / reach
        from_line = sizes.of(place) - (1 - part) * sizes.of(0) - part * sizes.of(-1)
        energy_j = float(sizes.of(place) @ sizes.own.coefficients)
        squares.append((_beyond_chance(sizes.own, from_line, 0.0) / energy_j) ** 2)
    return float(np.sqrt(np.mean(squares)))


def _beyond_chance(fit: LinearFit, weights: Array, expected: float) -> float:
    """Return how far a sum of coefficients is from what is expected, beyond what scatter makes."""
    apart = float(weights @ fit.coefficients) - expected
    chance = float(weights @ fit.covariance @ weights)
    return float(np.sqrt(max(0.0, apart**2 - chance)))
