"""The choice itself: price the candidates, keep the limits, take the cheapest, ask how sure."""

from __future__ import annotations

from dataclasses import dataclass

from calibrate.profile import Compute
from optimizer.constraints import Constraints
from optimizer.cost import ComputeModel, SplitEnergy, split_energies, split_latencies_s
from optimizer.errors import ProfileUnusableError
from optimizer.prices import Prices, mismatch_reason
from optimizer.propagation import error_sources
from optimizer.robustness import Robustness, assess
from optimizer.search import broken_limits, cheapest, feasible_blocks
from optimizer.uncertainty import (
    EnergyUncertainty,
    ErrorSources,
    FloatArray,
    candidate_effects,
    energy_uncertainty,
)
from partition.network import Block, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is to be decided, checked.

    Attributes:
        network: The network.
        blocks: Its blocks.
        compute: The profile's figures of computing, for the times of the blocks.
        prices: What a block, a bit and an upload cost.
        constraints: Limits to keep.
        input_bits: Upload of l = 0, bit.
    """

    network: Network
    blocks: tuple[Block, ...]
    compute: Compute
    prices: Prices
    constraints: Constraints
    input_bits: int

    def energies(self, model: ComputeModel) -> tuple[SplitEnergy, ...]:
        """Price every candidate by one compute model; at position l."""
        return split_energies(
            block_energy_j=self.prices.block_energy_j(self.blocks, model),
            output_bits=[block.output_bits for block in self.blocks],
            input_bits=self.input_bits,
            bit_energy_j=self.prices.bit_energy_j,
            upload_cost_j=self.prices.upload_cost_j,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Doubt:
    """What the stated uncertainties do to the choice.

    Attributes:
        effects_j: From ``uncertainty.candidate_effects``, J; float64, shape (L + 1, M).
        uncertainties: Of each candidate on its own.
        robustness: Of the choice.
    """

    effects_j: FloatArray
    uncertainties: tuple[EnergyUncertainty, ...]
    robustness: Robustness


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """The choice among the priced candidates.

    Attributes:
        energies: Candidates at position l.
        latencies_s: Their times, s; None if the profile does not know the blocks' times.
        broken: Limits that each candidate breaks.
        feasible: The l that break none.
        best: l*.
        doubt: None if a figure comes without a stated uncertainty.
    """

    energies: tuple[SplitEnergy, ...]
    latencies_s: tuple[float, ...] | None
    broken: tuple[tuple[str, ...], ...]
    feasible: tuple[int, ...]
    best: int
    doubt: Doubt | None


def solve(problem: Problem) -> Solution:
    """Choose.

    Raises:
        NoFeasibleSplitError: No split keeps all the limits.
        ProfileUnusableError: A limit on latency, but the profile does not know the blocks' times;
            or the link's covariance is not one.
    """
    energies = problem.energies(problem.prices.compute_model)
    latencies_s = _latencies_s(problem, energies)
    broken = broken_limits(problem.constraints, energies, latencies_s)
    feasible = feasible_blocks(broken, energies, latencies_s)
    best = cheapest(energies, feasible)
    sources = error_sources(problem.prices, problem.blocks)
    scale_u_rel = problem.prices.scale_u_rel
    return Solution(
        energies=energies,
        latencies_s=latencies_s,
        broken=broken,
        feasible=feasible,
        best=best,
        doubt=_doubt(energies, sources, feasible, best, scale_u_rel) if sources else None,
    )


def _doubt(
    energies: tuple[SplitEnergy, ...],
    sources: ErrorSources,
    feasible: tuple[int, ...],
    best: int,
    scale_u_rel: float,
) -> Doubt:
    effects_j = candidate_effects(sources, energies)
    uncertainties = tuple(
        energy_uncertainty(
            energy.total_j,
            effects_j[energy.block],
            statistical=sources.statistical,
            scale_u_rel=scale_u_rel,
        )
        for energy in energies
    )
    robustness = assess(energies, effects_j, feasible=feasible, best=best)
    return Doubt(effects_j=effects_j, uncertainties=uncertainties, robustness=robustness)


def _latencies_s(problem: Problem, energies: tuple[SplitEnergy, ...]) -> tuple[float, ...] | None:
    mismatch = mismatch_reason(problem.network, problem.blocks, problem.compute)
    block_latency_s = [block.latency_s.value for block in problem.compute.blocks]
    if not mismatch and all(0.0 < time_s < float("inf") for time_s in block_latency_s):
        return split_latencies_s(
            energies,
            block_latency_s=block_latency_s,
            rate_bit_per_s=problem.prices.rate_bit_per_s,
        )
    if problem.constraints.max_latency_s is None:
        return None
    reason = mismatch or "one of the profile's block times is not a positive number"
    raise ProfileUnusableError(
        f"cannot keep max_latency_s: {reason}; calibrate {problem.network.name} or drop the limit"
    )
