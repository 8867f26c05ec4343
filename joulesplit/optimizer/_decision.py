"""From a profile, a network and limits to a decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import Required, TypedDict

from joulesplit.calibrate.profile import FORM_CHECKS, Account, DeviceProfile
from joulesplit.metrology import (
    FLAT_FREEDOM,
    interval_of,
    positive_interval,
    positive_intervals,
)
from joulesplit.optimizer._compute_cost import priced_by
from joulesplit.optimizer._constraints import PERCENTS, Constraints
from joulesplit.optimizer._cost import ComputeModel, SplitEnergy, upload_sizes
from joulesplit.optimizer._explanation import (
    decision_notes,
    explain,
    input_note,
    limit_notes,
    making_notes,
    profile_notes,
)
from joulesplit.optimizer._hull import Sensitivity, breakpoints, crossovers
from joulesplit.optimizer._input_forms import breaks_limits, with_cheapest_form
from joulesplit.optimizer._paper import (
    UINT8_BITS,
    PaperSplit,
    can_be_bytes,
    float32_blocks,
    input_elements,
    paper_split,
)
from joulesplit.optimizer._pareto_front import faster_ones
from joulesplit.optimizer._prices import prices_from_profile, require_blocks
from joulesplit.optimizer._result import Candidate, Decision, Faster, ModelChoice, RunnerUp
from joulesplit.optimizer._robustness import probability_cheaper
from joulesplit.optimizer._search import cheapest
from joulesplit.optimizer._solution import Excess, Problem, Solution, excess_of, solve
from joulesplit.optimizer._usage import Usage
from joulesplit.optimizer.errors import ProfileUnusableError
from joulesplit.partition import Block, Network


def decide(  # noqa: PLR0913 - one option per fact that only the user knows
    network: Network,
    blocks: Sequence[Block],
    profile: DeviceProfile,
    *,
    account: Account | None = None,
    compute_model: ComputeModel | None = None,
    usage: Usage | None = None,
    constraints: Constraints | None = None,
    model_u_rel: float | None = None,
    allow_rejected: bool = False,
) -> Decision:
    """Choose where to split a network on a measured device.

    Args:
        network: The network.
        blocks: Its blocks, whole and in order.
        profile: What the device's computing and sending cost.
        account: ``net`` or ``gross``; None takes net where the profile has all of it.
        compute_model: None takes ``heads`` where the profile has measured any, else ``blocks``
            where it knows these very ones, else ``constant``.
        usage: None takes an inference now and then over a connection that is kept open, and
            uploads the network's input as it is.
        constraints: Limits to keep.
        model_u_rel: What a block measured alone may be off by inside a network, relative standard
            uncertainty, if you know it; None leaves it to the measured heads.
        allow_rejected: Use a profile that was rejected.

    Raises:
        InvalidInputError: The blocks are not the network's, or an option makes no sense.
        InvalidConstraintError: A limit makes no sense.
        ProfileMismatchError: Blocks or heads asked for that the profile does not have.
        ProfileUnusableError: The profile was rejected, lacks a figure, or holds one that cannot
            be true.
        NoFeasibleSplitError: No split keeps all the limits.
    """
    require_blocks(network, blocks)
    require_accepted(profile, allow_rejected=allow_rejected)
    limits = constraints or Constraints()
    limits.require_sensible(len(blocks))
    if usage is not None and usage.encoding is not None:
        usage.encoding.require_sensible(len(blocks))
        sizes_bits = upload_sizes(network.input_bits, [block.output_bits for block in blocks])
        usage = usage.keeping_answers(limits.min_agreement, sizes_bits[:-1])
    prices = prices_from_profile(
        network,
        blocks,
        profile,
        account=account,
        compute_model=compute_model,
        usage=usage,
        model_u_rel=model_u_rel,
    )
    stated = Problem(network=network, blocks=tuple(blocks), prices=prices, constraints=limits)
    problem, forms = with_cheapest_form(stated)
    decision = replace(_decision(problem, solve(problem), profile), input_forms=forms)
    return _told(decision, problem, profile)


def require_accepted(profile: DeviceProfile, *, allow_rejected: bool = False) -> None:
    """Refuse a profile that was rejected.

    Args:
        profile: The profile, with the verdict that it deserves.
        allow_rejected: Take one all the same whose figures can be computed with.

    Raises:
        ProfileUnusableError: It was; the message names the checks, and what the first advises.
    """
    failed = [check for check in profile.quality.checks if check.outcome == "fail"]
    formless = any(check.name in FORM_CHECKS for check in failed)
    if profile.quality.verdict != "rejected" or (allow_rejected and not formless):
        return
    advice = next((f": {check.advice}" for check in failed if check.advice), "")
    names = ", ".join(check.name for check in failed) or "no reason recorded"
    way_out = ", or allow rejected profiles to see figures you must not rely on"
    raise ProfileUnusableError(
        f"the profile was rejected ({names}){advice}; calibrate again{'' if formless else way_out}"
    )


def _decision(problem: Problem, solution: Solution, profile: DeviceProfile) -> Decision:
    prices, doubt = problem.prices, solution.doubt
    candidates = _candidates(problem, solution)
    e_d, sending, ratio = prices.computing.e_d, prices.sending, prices.ratio_error_flop_per_bit
    return Decision(
        best=candidates[solution.best],
        candidates=candidates,
        runner_up=_runner_up(problem, solution),
        faster=_faster(problem, solution),
        account=prices.account,
        compute_model=prices.compute_model,
        source=profile.source,
        simulated=profile.simulated,
        verdict=profile.quality.verdict,
        e_d_flop_per_j=e_d.value,
        e_c_bit_per_j=sending.e_c.value,
        rate_bit_per_s=sending.rate_bit_per_s,
        ratio_flop_per_bit=e_d.value / sending.e_c.value,
        ratio_u_flop_per_bit=ratio.u if ratio else None,
        ratio_ci95_flop_per_bit=interval_of(e_d.value / sending.e_c.value, ratio),
        robustness=doubt.robustness if doubt else None,
        unsure_because=_unsure_because(problem, solution),
        model_error=prices.computing.model_error(),
        sensitivity=_sensitivity(problem, solution),
        paper=_paper(problem),
        models=_model_choices(problem, solution),
        judged_by=prices.computing.models[0],
        usage=prices.usage,
        input_as_uint8_j=_input_as_uint8_j(problem, solution.energies[0]),
        scale_u_rel=prices.scale_u_rel,
        scale_flatness=FLAT_FREEDOM * prices.shapes.scale,
        rest_flatness=FLAT_FREEDOM * prices.shapes.rest,
        idle_power_w=profile.idle.power_w.value if profile.idle else None,
    )


def _unsure_because(problem: Problem, solution: Solution) -> str | None:
    """Say why no probability is stated, and what would tell it; None if one can be."""
    model = problem.prices.compute_model
    if not all(problem.told(model)):
        return problem.prices.model_doubt(model)
    if solution.best not in problem.unpriced:
        return None
    return (
        "making the bytes that it sends is not measured, and not in its price: calibrate with "
        f"--encodings {problem.prices.usage.encoding_asked(solution.best)}"
    )


def _told(decision: Decision, problem: Problem, profile: DeviceProfile) -> Decision:
    notes = (
        *profile_notes(profile, problem.network, decision.compute_model),
        *problem.prices.notes,
        input_note(
            decision,
            problem.network,
            uint8_allowed=not breaks_limits(problem, _uint8_bits(problem)),
        ),
        *making_notes(decision, problem.makings),
        *limit_notes(problem.constraints, problem.prices.sending),
        *decision_notes(decision),
    )
    return replace(decision, notes=notes, explanation=explain(decision))


def _candidates(problem: Problem, solution: Solution) -> tuple[Candidate, ...]:
    by_model = {model: problem.energies(model) for model in problem.prices.computing.models}
    errors = solution.doubt.errors if solution.doubt else [None] * len(solution.energies)
    intervals_j = positive_intervals([energy.total_j for energy in solution.energies], errors)
    return tuple(
        _candidate(
            problem,
            solution,
            block,
            {model: energies[block].total_j for model, energies in by_model.items()},
            interval_j,
        )
        for block, interval_j in enumerate(intervals_j)
    )


def _candidate(
    problem: Problem,
    solution: Solution,
    block: int,
    by_model_j: dict[ComputeModel, float],
    interval_j: tuple[float, float] | None,
) -> Candidate:
    energy, doubt = solution.energies[block], solution.doubt
    error = doubt.errors[block] if doubt else None
    robustness = doubt.robustness if doubt else None
    return Candidate(
        **_times(problem, solution, block),
        block=block,
        name=problem.blocks[block - 1].name if block else "input",
        where=energy.where,
        energy_j=energy.total_j,
        compute_j=energy.compute_j,
        upload_j=energy.upload_j,
        upload_fixed_j=energy.upload_fixed_j,
        encode_j=energy.encode_j,
        answer_j=energy.answer_j,
        wait_j=energy.wait_j,
        idle_j=energy.idle_j,
        start_j=energy.start_j,
        idle_s=solution.idle_s[block] if solution.idle_s else None,
        priced_by=priced_by(problem.prices.computing, problem.prices.compute_model, block),
        by_model_j=by_model_j,
        upload_bits=energy.upload_bits,
        upload_priced_by=problem.upload_priced_by(block),
        sent_as=problem.prices.usage.sent_as(block) if energy.upload_bits else None,
        agreement=problem.prices.usage.agreement(block) if energy.upload_bits else None,
        made_by=problem.makings[block].by,
        encode_s=problem.makings[block].time.value_s,
        u_stat_j=error.u_stat if error else None,
        u_sys_j=error.u_sys if error else None,
        degrees_of_freedom=_finite(error.degrees_of_freedom) if error else None,
        coverage_factor=error.coverage_factor if error else None,
        ci95_j=interval_j,
        times_best_ci95=_times_best(solution, block),
        violates=solution.broken[block],
        probability_best=robustness.probability_best[block] if robustness else None,
    )


def _times_best(solution: Solution, block: int) -> tuple[float, float] | None:
    """Return the interval of a split's energy over that of the choice; None if it has none."""
    causes = solution.causes_between(block, solution.best)
    if causes is None or block == solution.best:
        return None
    values_j = [energy.total_j for energy in solution.energies]
    error = causes.quotient(block, solution.best, values_j)
    return interval_of(values_j[block] / values_j[solution.best], error)


class _Times(TypedDict, total=False):
    """Fields of a ``Candidate`` that say how long it takes."""

    latency_s: Required[float | None]
    latency_u_s: float | None
    latency_ci95_s: tuple[float, float] | None
    compute_s: float
    upload_s: float
    latency_p50_s: float | None
    latency_p95_s: float | None
    latency_p99_s: float | None
    latency_limit_s: float


def _times(problem: Problem, solution: Solution, block: int) -> _Times:
    if solution.latencies is None:
        return {"latency_s": None}
    one = solution.latencies[block]
    mean, slow = one.mean, [one.at(percent) for percent in PERCENTS]
    p50_s, p95_s, p99_s = (time.value_s if time else None for time in slow)
    return {
        "latency_s": mean.value_s,
        "latency_u_s": mean.error.u if mean.error else None,
        "latency_ci95_s": positive_interval(mean.value_s, mean.error),
        "compute_s": one.compute_s,
        "upload_s": one.upload_s,
        "latency_p50_s": p50_s,
        "latency_p95_s": p95_s,
        "latency_p99_s": p99_s,
        "latency_limit_s": one.limit_s(problem.constraints.latency_percentile),
    }


def _finite(degrees_of_freedom: float) -> float | None:
    return degrees_of_freedom if isfinite(degrees_of_freedom) else None


def _above_choice(problem: Problem, solution: Solution, block: int) -> Excess:
    """Return what a split costs above the choice."""
    causes = solution.causes_between(block, solution.best)
    return excess_of(problem.prices, solution.energies, causes, block, solution.best)


def _faster(problem: Problem, solution: Solution) -> tuple[Faster, ...] | None:
    latencies_s = solution.latencies_s
    if latencies_s is None:
        return None
    found = []
    energies_j = [energy.total_j for energy in solution.energies]
    for block in faster_ones(energies_j, latencies_s, solution.feasible):
        more = _above_choice(problem, solution, block)
        found.append(
            Faster(
                block=block,
                latency_s=latencies_s[block],
                saved_s=latencies_s[solution.best] - latencies_s[block],
                excess_j=more.excess_j,
                excess_u_j=more.u_j,
                excess_ci95_j=more.ci95_j,
            )
        )
    return tuple(found)


def _runner_up(problem: Problem, solution: Solution) -> RunnerUp | None:
    others = [block for block in solution.feasible if block != solution.best]
    if not others:
        return None
    energies, best = solution.energies, solution.best
    second = cheapest(energies, others)
    more, causes = (_above_choice(problem, solution, second), solution.causes_between(second, best))
    return RunnerUp(
        block=second,
        excess_j=more.excess_j,
        excess_u_j=more.u_j,
        excess_ci95_j=more.ci95_j,
        probability_cheaper=(
            probability_cheaper(energies, causes, one=second, other=best) if causes else None
        ),
    )


def _sensitivity(problem: Problem, solution: Solution) -> Sensitivity:
    prices, energies, feasible = problem.prices, solution.energies, solution.feasible
    hull, swaps = breakpoints(energies, feasible, e_d_flop_per_j=prices.computing.e_d.value)
    return Sensitivity(
        hull=hull,
        breakpoints=swaps,
        # Where the idle power of the time on the air counts, a rate changes more than E_c.
        crossovers=crossovers(
            energies,
            feasible,
            solution.best,
            None if prices.usage.back_to_back else prices.sending.fit,
        ),
    )


def _model_choices(problem: Problem, solution: Solution) -> tuple[ModelChoice, ...]:
    """Give each model's choice, priced by the model nearest to what a split really computes."""
    models = problem.prices.computing.models
    judge, causes = problem.energies(models[0]), problem.causes(models[0])
    told = problem.told(models[0])
    best = cheapest(judge, solution.feasible)
    choices = []
    for model in models:
        energies = problem.energies(model)
        block = cheapest(energies, solution.feasible)
        known = causes if told[block] and told[best] else None
        regret = excess_of(problem.prices, judge, known, block, best)
        choices.append(
            ModelChoice(
                model=model,
                block=block,
                energy_j=energies[block].total_j,
                regret_j=regret.excess_j,
                regret_u_j=regret.u_j,
                regret_ci95_j=regret.ci95_j,
            )
        )
    return tuple(choices)


def _paper(problem: Problem) -> PaperSplit | None:
    if problem.network.unknown_operators:
        return None
    return paper_split(
        float32_blocks(problem.network, problem.blocks),
        problem.prices.computing.e_d.value,
        problem.prices.sending.e_c.value,
        input_elements=input_elements(problem.network),
    )


def _uint8_bits(problem: Problem) -> int:
    return UINT8_BITS * input_elements(problem.network)


def _input_as_uint8_j(problem: Problem, offload: SplitEnergy) -> float:
    """Price full offload with another upload, if it can be and is shorter; all else stays."""
    if not can_be_bytes(problem.network) or _uint8_bits(problem) >= offload.upload_bits:
        return offload.total_j
    bits_j = _uint8_bits(problem) / problem.prices.sending.e_c.value
    return offload.without_bits_j + bits_j
