"""How sure the choice is: the probability that it is the best, and what it costs if not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from joulesplit.metrology import Causes, coverage_of_tail, rounding_share
from joulesplit.optimizer._cost import SplitEnergy
from joulesplit.optimizer._search import excess_j
from joulesplit.optimizer._uncertainty import FloatArray

DRAWS = 20_000
"""Draws of the Monte Carlo; a probability of one half is then known to ±0.0035 (1 σ)."""
ROBUSTNESS_SEED = 1729
KEPT_DRAWS = 4
"""Sets of draws that are kept: a policy, a fleet or a stop rule asks again."""
MOST_KEPT_CAUSES = 64
"""A set of more causes is more than 10 MB, and is drawn anew."""
OUT_OF_REACH = 1e-6
"""A candidate that is cheaper with less probability than this wins in no draw."""
FEWEST_FREEDOM_INVERSE = 0.5
"""1/ν at which Student's t has no variance any more, and from 1 on no mean."""
TOO_CLOSE_PROBABILITY = 0.95
"""A choice that is best with less probability than this is too close to call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness:
    """What the stated uncertainties leave open.

    Attributes:
        probability_best: For each candidate, that it costs least; 0 for those not allowed.
        expected_regret_j: What the choice costs on average above the truly best, J; None where an
            error has so few degrees of freedom that this mean, or its variance, does not exist.
        too_close_to_call: The choice is best with less than ``TOO_CLOSE_PROBABILITY``.
        draws: Draws behind the two figures.
        seed: Of their generator.
    """

    probability_best: tuple[float, ...]
    expected_regret_j: float | None
    too_close_to_call: bool
    draws: int
    seed: int


def assess(
    energies: Sequence[SplitEnergy],
    causes: Causes,
    *,
    feasible: Sequence[int],
    best: int,
    draws: int = DRAWS,
    seed: int = ROBUSTNESS_SEED,
) -> Robustness:
    """Draw every cause of error, each from its own distribution, and count who wins.

    What an estimate of scatter stands behind is Student's t with its degrees of freedom.

    The common scale is not among them: it multiplies all candidates alike. Causes that
    candidates share move them together, so correlation needs no further care.

    Args:
        energies: Candidates at position l.
        causes: Of error, on the candidates' energies, J.
        feasible: Which candidates are allowed.
        best: l that was chosen.
        draws: Number of draws.
        seed: Of the generator.
    """
    # The first of equals wins, so the smaller upload comes first, as in the search.
    rivals = _within_reach(energies, causes, feasible, best)
    order = sorted(rivals, key=lambda block: (energies[block].upload_bits, block))
    few = causes.of(order).compressed()
    if len(order) == 1:
        return _certain(len(energies), best, few, draws=draws, seed=seed)
    errors_j = _drawn(few, draws, seed) @ few.effects.T
    drawn_j = np.array([energies[block].total_j for block in order]) + errors_j
    wins = np.bincount(_first_of_least(drawn_j), minlength=len(order))
    probability = dict(zip(order, (wins / draws).tolist(), strict=True))
    regret_j = drawn_j[:, order.index(best)] - drawn_j.min(axis=1)
    return Robustness(
        probability_best=tuple(probability.get(block, 0.0) for block in range(len(energies))),
        expected_regret_j=float(regret_j.mean()) if _has_a_mean(few) else None,
        too_close_to_call=probability[best] < TOO_CLOSE_PROBABILITY,
        draws=draws,
        seed=seed,
    )


def _certain(candidates: int, best: int, causes: Causes, *, draws: int, seed: int) -> Robustness:
    """Return what draws would tell where nothing else can win."""
    return Robustness(
        probability_best=tuple(float(block == best) for block in range(candidates)),
        expected_regret_j=0.0 if _has_a_mean(causes) else None,
        too_close_to_call=False,
        draws=draws,
        seed=seed,
    )


def _drawn(causes: Causes, draws: int, seed: int) -> FloatArray:
    """Return the draws of causes: the same for the same distributions, and so made once."""
    shapes = tuple(causes.inverse_freedom.tolist()), tuple(causes.estimates.tolist())
    draw = _draws_of if len(causes.estimates) <= MOST_KEPT_CAUSES else _draws_of.__wrapped__
    return draw(*shapes, draws, seed)


@lru_cache(maxsize=KEPT_DRAWS)
def _draws_of(
    inverse_freedom: tuple[float, ...], estimates: tuple[int, ...], draws: int, seed: int
) -> FloatArray:
    count = len(estimates)
    shapes = Causes(
        effects=np.zeros((0, count)),
        statistical=np.zeros(count, dtype=np.bool_),
        estimates=np.array(estimates, dtype=np.intp),
        inverse_freedom=np.array(inverse_freedom),
    )
    drawn = shapes.draw(np.random.default_rng(seed), draws)
    drawn.flags.writeable = False
    return drawn


def _has_a_mean(causes: Causes) -> bool:
    """Say whether the mean of what the causes do settles with the number of draws."""
    moving = np.abs(causes.effects).max(axis=0, initial=0.0) > 0.0
    estimates = causes.estimates[moving]
    return bool((causes.inverse_freedom[estimates] < FEWEST_FREEDOM_INVERSE).all())


def _within_reach(
    energies: Sequence[SplitEnergy], causes: Causes, feasible: Sequence[int], best: int
) -> list[int]:
    """Return the candidates that could win in one draw of a million, the choice among them."""
    effects_j, blocks = causes.effects, np.array(feasible)
    apart_j = np.array([energies[block].total_j for block in feasible]) - energies[best].total_j
    widest = float(causes.inverse_freedom[causes.estimates].max(initial=0.0))
    reach = coverage_of_tail(OUT_OF_REACH, widest)
    level_j = rounding_share(len(energies)) * abs(energies[best].total_j)
    # Of two figures the difference is uncertain by no more than the sum of what each is.
    most_j = np.sqrt(np.einsum("lm,lm->l", effects_j, effects_j))
    near = apart_j <= reach * (most_j[blocks] + most_j[best]) + level_j
    blocks, apart_j = blocks[near], apart_j[near]
    u_j = np.linalg.norm(effects_j[blocks] - effects_j[best], axis=1)
    return [int(block) for block in blocks[apart_j <= reach * u_j + level_j]]


def _first_of_least(drawn_j: FloatArray) -> NDArray[np.intp]:
    """Return the first column of each row that is the smallest but for rounding, shape (draws,)."""
    least_j = drawn_j.min(axis=1, keepdims=True)
    level = drawn_j - least_j <= rounding_share(drawn_j.shape[1]) * np.abs(least_j)
    return np.asarray(level.argmax(axis=1))


def probability_cheaper(
    energies: Sequence[SplitEnergy], causes: Causes, *, one: int, other: int
) -> float:
    """Give the probability that ``one`` really costs less than ``other``.

    It is that of Student's t with the degrees of freedom of the difference, at ΔE / u(ΔE).

    Args:
        energies: Candidates at position l.
        causes: Of error, on the candidates' energies, J.
        one: l of a candidate.
        other: l of another.
    """
    difference_j = excess_j(energies[other], energies[one])
    return causes.difference(one, other).probability_positive(difference_j)
