"""Do the intervals of a decision hold the truth as often as they say?

Of every candidate of a campaign, and of every difference of two. They are the optimizer's, made
from the profile alone, with the degrees of freedom that the profile states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from itertools import combinations

import msgspec
import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.campaign import Completion, Plan, profile_from_windows
from joulesplit.calibrate.campaign._plan import STANDARD
from joulesplit.calibrate.profile import DeviceProfile
from joulesplit.metrology import Error
from joulesplit.optimizer import Candidate, Constraints, Problem, decide, prices_from_profile, solve
from joulesplit.optimizer._solution import excess_error
from proof.deciding import SplitWorld, split_world, unlike_world
from proof.figures import Figure
from proof.stage import proof_blocks, proof_network
from proof.virtual import run_virtual, virtual_circumstances

LOW = 0.93
"""Least share of the intervals of 95 % that hold the truth, over many campaigns."""

NORMAL_FACTOR = 1.96
"""What k would be if all scatter were known without limit."""

PRICED_AS_MEASURED = ("no computing", "its one block", "measured head")
"""What computing is priced by where no model is between the measurement and the candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionIntervals:
    """What one campaign said of its splits.

    Attributes:
        candidates: Each split's energy that was measured as it is run, J.
        modelled: Each split's energy that lies between measured heads, or behind them, J.
        differences: Of two of the former, J.
        modelled_differences: Of two splits of which one at least was not measured, J.
        degrees_of_freedom: Behind the candidates' scatter.
        normal: The candidates with k = 1.96 instead, J.
        probability_best: What the choice is said to be the best with.
        is_best: It truly is.
        said_regret_j, true_regret_j: What the choice is said to cost above the best, and does, J.
    """

    candidates: tuple[Figure, ...]
    modelled: tuple[Figure, ...]
    differences: tuple[Figure, ...]
    modelled_differences: tuple[Figure, ...]
    degrees_of_freedom: tuple[float, ...]
    normal: tuple[Figure, ...]
    probability_best: float
    is_best: bool
    said_regret_j: float
    true_regret_j: float


def campaign_plan(world: SplitWorld) -> Plan:
    """Return the plan whose intervals are counted: one round of the standard one.

    Nothing comes late in these worlds, and what two rests leave open of that makes the intervals
    a fifth wider than what happens in them.
    """
    return msgspec.structs.replace(
        STANDARD,
        rates_bit_per_s=world.plan.rates_bit_per_s[-3:],
        order_seed=world.setup.seed,
        phases=False,
        downloads=False,
    )


def decision_intervals(seed: int, *, unlike: bool = False) -> DecisionIntervals:
    """Measure one world and hold what is said of its splits against the truth.

    Args:
        seed: Of the world.
        unlike: Its blocks cost inside a network what they do not cost alone, each in its own way.
    """
    world = unlike_world(seed) if unlike else split_world(seed)
    return intervals_of(measured_profile(world), world.energies_j)


def intervals_of(profile: DeviceProfile, energies_j: NDArray[np.float64]) -> DecisionIntervals:
    """Hold what a decision by a profile says against what the splits truly cost.

    Args:
        profile: Of a simulated campaign.
        energies_j: The truth, J; float64, shape (L + 1,).
    """
    network, blocks = proof_network(), proof_blocks()
    decision = decide(network, blocks, profile, account="net", allow_rejected=True)
    prices = prices_from_profile(network, blocks, profile, account="net")
    problem = Problem(network=network, blocks=blocks, prices=prices, constraints=Constraints())
    solution = solve(problem)
    doubt = solution.doubt
    assert doubt is not None, "a measured profile states its uncertainties"
    apart = partial(excess_error, prices, solution.energies, doubt.causes)
    measured = [c for c in decision.candidates if c.priced_by in PRICED_AS_MEASURED]
    modelled = [c for c in decision.candidates if c.priced_by not in PRICED_AS_MEASURED]
    return DecisionIntervals(
        candidates=tuple(_figure(c, energies_j) for c in measured),
        modelled=tuple(_figure(c, energies_j) for c in modelled),
        differences=tuple(
            _difference(one, other, apart(one.block, other.block), energies_j)
            for one, other in combinations(measured, 2)
        ),
        modelled_differences=tuple(
            _difference(one, other, apart(one.block, other.block), energies_j)
            for one, other in combinations(decision.candidates, 2)
            if one in modelled or other in modelled
        ),
        degrees_of_freedom=tuple(c.degrees_of_freedom or np.inf for c in measured),
        normal=tuple(_figure(c, energies_j, NORMAL_FACTOR) for c in measured),
        probability_best=decision.probability_best or 0.0,
        is_best=decision.best.block == int(energies_j.argmin()),
        said_regret_j=decision.expected_regret_j or 0.0,
        true_regret_j=float(energies_j[decision.best.block] - energies_j.min()),
    )


def measured_profile(world: SplitWorld) -> DeviceProfile:
    """Return what a campaign in a world gives."""
    plan, network, blocks = campaign_plan(world), proof_network(), proof_blocks()
    outcome, sensor, _ = run_virtual(plan, blocks, world.setup, input_bits=network.input_bits)
    return profile_from_windows(
        outcome.records,
        virtual_circumstances(plan, network, blocks, world.setup, sensor),
        Completion(complete=True, reached=True, reason="", warm=True),
    )


def _figure(
    candidate: Candidate, energies_j: NDArray[np.float64], factor: float | None = None
) -> Figure:
    assert candidate.ci95_j is not None
    half_j = (candidate.ci95_j[1] - candidate.ci95_j[0]) / 2
    if factor is not None and candidate.coverage_factor:
        half_j *= factor / candidate.coverage_factor
    return Figure(
        value=candidate.energy_j,
        low=candidate.energy_j - half_j,
        high=candidate.energy_j + half_j,
        truth=float(energies_j[candidate.block]),
    )


def _difference(
    one: Candidate, other: Candidate, error: Error, energies_j: NDArray[np.float64]
) -> Figure:
    value = one.energy_j - other.energy_j
    return Figure(
        value=value,
        low=value - error.half_width,
        high=value + error.half_width,
        truth=float(energies_j[one.block] - energies_j[other.block]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often intervals of one kind held the truth.

    Attributes:
        intervals: How many.
        share: That held it.
        u: Standard uncertainty of the share: intervals of one campaign err together, so it is
            that of the mean of the campaigns.
    """

    intervals: int
    share: float
    u: float


def coverage(campaigns: Iterable[tuple[Figure, ...]]) -> Coverage:
    """Count the intervals of one kind.

    Args:
        campaigns: Those of each.
    """
    each = [[figure.inside for figure in figures] for figures in campaigns if figures]
    held = np.array([np.mean(inside) for inside in each])
    return Coverage(
        intervals=sum(len(inside) for inside in each),
        share=float(np.mean([inside for campaign in each for inside in campaign])),
        u=float(held.std(ddof=1) / np.sqrt(len(held))) if len(held) > 1 else float("nan"),
    )
