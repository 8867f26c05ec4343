"""From a profile, a network and limits to a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from calibrate.profile import DeviceProfile
from optimizer.constraints import Constraints
from optimizer.cost import Account, ComputeModel
from optimizer.errors import InvalidInputError, ProfileUnusableError
from optimizer.explanation import decision_notes, explain, input_note, profile_notes
from optimizer.hull import Sensitivity, breakpoints, crossovers
from optimizer.paper import UINT8_BITS, PaperSplit, float32_blocks, input_elements, paper_split
from optimizer.prices import prices_from_profile, require_blocks
from optimizer.propagation import ratio_u_flop_per_bit
from optimizer.result import Candidate, Decision, RunnerUp
from optimizer.robustness import probability_cheaper
from optimizer.search import cheapest
from optimizer.solution import Problem, Solution, solve
from optimizer.uncertainty import difference_u_j
from partition.network import Block, Network


def decide(
    network: Network,
    blocks: Sequence[Block],
    profile: DeviceProfile,
    *,
    account: Account | None = None,
    compute_model: ComputeModel | None = None,
    input_bits: int | None = None,
    constraints: Constraints | None = None,
    allow_rejected: bool = False,
) -> Decision:
    """Choose where to split a network on a measured device.

    Args:
        network: The network.
        blocks: Its blocks, whole and in order.
        profile: What the device's computing and sending cost.
        account: ``net`` or ``gross``; None takes net where the profile has all of it.
        compute_model: None takes ``per-block`` where the profile knows these very blocks.
        input_bits: Upload of full offload in the user's own encoding, bit; None takes the
            network's input as it is.
        constraints: Limits to keep.
        allow_rejected: Use a profile that was rejected.

    Raises:
        InvalidInputError: The blocks are not the network's, or an option makes no sense.
        InvalidConstraintError: A limit makes no sense.
        ProfileMismatchError: ``per-block`` asked for, but the blocks are not the profile's.
        ProfileUnusableError: The profile was rejected, lacks a figure, or holds one that cannot
            be true.
        NoFeasibleSplitError: No split keeps all the limits.
    """
    require_blocks(network, blocks)
    _require_accepted(profile, allow_rejected=allow_rejected)
    limits = constraints or Constraints()
    limits.require_sensible(len(blocks))
    problem = Problem(
        network=network,
        blocks=tuple(blocks),
        compute=profile.compute,
        prices=prices_from_profile(
            network, blocks, profile, account=account, compute_model=compute_model
        ),
        constraints=limits,
        input_bits=_input_bits(network, input_bits),
    )
    return _told(_decision(problem, solve(problem), profile), problem, profile)


def _require_accepted(profile: DeviceProfile, *, allow_rejected: bool) -> None:
    if profile.quality.verdict != "rejected" or allow_rejected:
        return
    failed = [check.name for check in profile.quality.checks if check.outcome == "fail"]
    raise ProfileUnusableError(
        f"the profile was rejected ({', '.join(failed) or 'no reason recorded'}); calibrate "
        "again, or allow rejected profiles to see figures you must not rely on"
    )


def _input_bits(network: Network, asked: int | None) -> int:
    bits = network.input_bits if asked is None else asked
    if bits > 0:
        return bits
    raise InvalidInputError(f"the input has {bits} bit; state the positive size you would upload")


def _decision(problem: Problem, solution: Solution, profile: DeviceProfile) -> Decision:
    prices, doubt = problem.prices, solution.doubt
    candidates = _candidates(problem, solution)
    constant_best, constant_regret_j = _constant_model(problem, solution)
    return Decision(
        best=candidates[solution.best],
        candidates=candidates,
        runner_up=_runner_up(solution),
        account=prices.account,
        compute_model=prices.compute_model,
        source=profile.source,
        simulated=profile.simulated,
        verdict=profile.quality.verdict,
        e_d_flop_per_j=prices.e_d.value,
        e_c_bit_per_j=prices.e_c.value,
        rate_bit_per_s=prices.rate_bit_per_s,
        ratio_flop_per_bit=prices.e_d.value / prices.e_c.value,
        ratio_u_flop_per_bit=ratio_u_flop_per_bit(prices),
        robustness=doubt.robustness if doubt else None,
        sensitivity=_sensitivity(problem, solution),
        paper=_paper(problem),
        constant_model_best=constant_best,
        constant_model_regret_j=constant_regret_j,
        input_as_uint8_j=_input_as_uint8_j(problem),
        scale_u_rel=prices.scale_u_rel,
    )


def _told(decision: Decision, problem: Problem, profile: DeviceProfile) -> Decision:
    notes = (
        *profile_notes(profile, problem.network),
        *problem.prices.notes,
        input_note(decision, problem.network, uint8_allowed=_uint8_allowed(problem)),
        *decision_notes(decision),
    )
    return replace(decision, notes=notes, explanation=explain(decision))


def _candidates(problem: Problem, solution: Solution) -> tuple[Candidate, ...]:
    return tuple(_candidate(problem, solution, block) for block in range(len(solution.energies)))


def _candidate(problem: Problem, solution: Solution, block: int) -> Candidate:
    energy, doubt = solution.energies[block], solution.doubt
    uncertainty = doubt.uncertainties[block] if doubt else None
    return Candidate(
        block=block,
        name=problem.blocks[block - 1].name if block else "input",
        where=energy.where,
        energy_j=energy.total_j,
        compute_j=energy.compute_j,
        upload_j=energy.upload_j,
        upload_fixed_j=energy.upload_fixed_j,
        upload_bits=energy.upload_bits,
        latency_s=solution.latencies_s[block] if solution.latencies_s else None,
        u_stat_j=uncertainty.u_stat_j if uncertainty else None,
        u_sys_j=uncertainty.u_sys_j if uncertainty else None,
        ci95_j=uncertainty.ci95_j if uncertainty else None,
        violates=solution.broken[block],
        probability_best=doubt.robustness.probability_best[block] if doubt else None,
    )


def _runner_up(solution: Solution) -> RunnerUp | None:
    others = [block for block in solution.feasible if block != solution.best]
    if not others:
        return None
    energies, best, doubt = solution.energies, solution.best, solution.doubt
    second = cheapest(energies, others)
    return RunnerUp(
        block=second,
        excess_j=energies[second].total_j - energies[best].total_j,
        excess_u_j=difference_u_j(doubt.effects_j, second, best) if doubt else None,
        probability_cheaper=(
            probability_cheaper(energies, doubt.effects_j, one=second, other=best)
            if doubt
            else None
        ),
    )


def _sensitivity(problem: Problem, solution: Solution) -> Sensitivity:
    prices, energies, feasible = problem.prices, solution.energies, solution.feasible
    hull, swaps = breakpoints(energies, feasible, e_d_flop_per_j=prices.e_d.value)
    return Sensitivity(
        hull=hull,
        breakpoints=swaps,
        crossovers=crossovers(energies, feasible, solution.best, prices.fit),
    )


def _constant_model(problem: Problem, solution: Solution) -> tuple[int, float | None]:
    """Choose by the constant E_d and price that choice by the per-block energies."""
    chosen = cheapest(problem.energies("constant"), solution.feasible)
    if not problem.prices.blocks:
        return chosen, None
    by_block = problem.energies("per-block")
    best = cheapest(by_block, solution.feasible)
    return chosen, by_block[chosen].total_j - by_block[best].total_j


def _paper(problem: Problem) -> PaperSplit:
    return paper_split(
        float32_blocks(problem.network, problem.blocks),
        problem.prices.e_d.value,
        problem.prices.e_c.value,
        input_elements=input_elements(problem.network),
    )


def _uint8_bits(problem: Problem) -> int:
    return UINT8_BITS * input_elements(problem.network)


def _input_as_uint8_j(problem: Problem) -> float:
    return _uint8_bits(problem) * problem.prices.bit_energy_j + problem.prices.upload_cost_j


def _uint8_allowed(problem: Problem) -> bool:
    """Say whether uploading the input as 8-bit values would break no limit."""
    bits = _uint8_bits(problem)
    latency_s = bits / problem.prices.rate_bit_per_s
    broken = problem.constraints.violations(block=0, upload_bits=bits, latency_s=latency_s)
    return not broken
