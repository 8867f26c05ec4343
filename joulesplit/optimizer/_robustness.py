"""How sure the choice is: the probability that it is the best, and what it costs if not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from joulesplit.optimizer._cost import SplitEnergy
from joulesplit.optimizer._uncertainty import FloatArray, difference_u_j

DRAWS = 20_000
"""Draws of the Monte Carlo; a probability of one half is then known to ±0.0035 (1 σ)."""
SEED = 1729
TOO_CLOSE_PROBABILITY = 0.95
"""A choice that is best with less probability than this is too close to call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What the stated uncertainties leave open.

    Attributes:
        probability_best: For each candidate, that it costs least; 0 for those not allowed.
        expected_regret_j: What the choice costs on average above the truly best, J.
        too_close_to_call: The choice is best with less than ``TOO_CLOSE_PROBABILITY``.
        draws: Draws behind the two figures.
        seed: Of their generator.
    """

    probability_best: tuple[float, ...]
    expected_regret_j: float
    too_close_to_call: bool
    draws: int
    seed: int


def assess(
    energies: Sequence[SplitEnergy],
    effects_j: FloatArray,
    *,
    feasible: Sequence[int],
    best: int,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Robustness:
    """Draw every cause of error, normal and independent, and count who wins.

    The common scale is not among them: it multiplies all candidates alike. Causes that
    candidates share move them together, so correlation needs no further care.

    Args:
        energies: Candidates at position l.
        effects_j: ``ledger.Effects.on_candidates_j``, J; float64, shape (L + 1, M).
        feasible: Which candidates are allowed.
        best: l that was chosen.
        draws: Number of draws.
        seed: Of the generator.
    """
    # The first of equals wins, so the smaller upload comes first, as in the search.
    order = sorted(feasible, key=lambda block: (energies[block].upload_bits, block))
    generator = np.random.default_rng(seed)
    errors = generator.standard_normal((draws, effects_j.shape[1]))
    drawn_j = np.array([energies[block].total_j for block in order]) + errors @ effects_j[order].T
    wins = np.bincount(drawn_j.argmin(axis=1), minlength=len(order))
    probability = dict(zip(order, (wins / draws).tolist(), strict=True))
    regret_j = drawn_j[:, order.index(best)] - drawn_j.min(axis=1)
    return Robustness(
        probability_best=tuple(probability.get(block, 0.0) for block in range(len(energies))),
        expected_regret_j=float(regret_j.mean()),
        too_close_to_call=probability[best] < TOO_CLOSE_PROBABILITY,
        draws=draws,
        seed=seed,
    )


def probability_cheaper(
    energies: Sequence[SplitEnergy], effects_j: FloatArray, *, one: int, other: int
) -> float:
    """Give the probability that ``one`` really costs less than ``other``: Φ(ΔE / u(ΔE)).

    Args:
        energies: Candidates at position l.
        effects_j: ``ledger.Effects.on_candidates_j``, J; float64, shape (L + 1, M).
        one: l of a candidate.
        other: l of another.
    """
    difference_j = energies[other].total_j - energies[one].total_j
    u_j = difference_u_j(effects_j, one, other)
    if u_j == 0.0:
        return 0.5 * (1.0 + float(np.sign(difference_j)))
    return 0.5 * math.erfc(-difference_j / (u_j * math.sqrt(2.0)))
