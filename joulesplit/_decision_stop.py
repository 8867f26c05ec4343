"""Stop measuring when more of it cannot change where to split by more than a regret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from joulesplit._deciding import with_input_forms
from joulesplit.calibrate.campaign import (
    Circumstances,
    Completion,
    Plan,
    Precision,
    StopOpinion,
    StopRule,
    assess_e_d_and_e_c,
    block_key,
    head_blocks,
    head_key,
    heaviest,
    look_confidence,
    profile_from_windows,
    rule_by_precision,
    uplink_gains,
    windows_needed,
)
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.profile import encoding_phase
from joulesplit.optimizer import (
    Constraints,
    Prices,
    Problem,
    Solution,
    Usage,
    computing_variances_j2,
    difference_u_j,
    prices_from_profile,
    solve,
    with_cheapest_form,
)
from joulesplit.optimizer.errors import OptimizerError

if TYPE_CHECKING:
    from joulesplit.calibrate.windows import WindowRecord
    from joulesplit.partition import Network

UPLINK = "uplink"

UNDER_WAY = Completion(complete=False, reached=False, reason="", warm=True)
"""How far a campaign is while the rule looks at it; its figures do not depend on that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A split beside the best so far.

    Attributes:
        block: l.
        gain_j: What it costs less than the best so far, J; below zero as far as is known.
        u_j: Standard uncertainty of that, J.
    """

    block: int
    gain_j: float
    u_j: float

    def regret_j(self, coverage: float) -> float:
        """Return the most that choosing the best so far may cost above this one, J.

        Args:
            coverage: Half-width of the interval in standard uncertainties.
        """
        return self.gain_j + coverage * self.u_j


def rule_of(
    plan: Plan, network: Network, around: Circumstances, *, usage: Usage | None = None
) -> StopRule:
    """Return the rule that a plan asks for; a ``joulesplit.calibrate.campaign.RuleMaker``.

    Args:
        plan: The plan.
        network: What is to be split, for the decision.
        around: Circumstances of the campaign, for the decision.
        usage: How the network is used; None takes what ``joulesplit.decide`` takes.
    """
    by_decision = plan.stop.rule == "decision"
    make = partial(decision_rule, usage=usage) if by_decision else rule_by_precision
    rule = make(plan, network, around)
    if plan.heads != "winner":
        return rule
    return winner_rule(plan, rule, network, around, usage=usage)


def winner_rule(
    plan: Plan,
    rule: StopRule,
    network: Network,
    around: Circumstances,
    *,
    usage: Usage | None = None,
) -> StopRule:
    """Return a rule that goes on until the split that wins is priced by its own head.

    Blocks added up are too cheap or too dear by what they cost each other as one network, so the
    first look only says which head is worth measuring. Its own windows may make another one win:
    then that one is measured too. Every window that prices a head is run after it was chosen, so
    no luck that chose it is in its price.

    Args:
        plan: Its lengths of work make the windows of a head.
        rule: Says when enough has been measured besides.
        network: What is to be split.
        around: Circumstances of the campaign.
        usage: See ``rule_of``.
    """

    def judge(records: Sequence[WindowRecord]) -> StopOpinion:
        opinion = rule(records)
        if not opinion.stop:
            return opinion
        key = _unmeasured_winner(plan, records, network, around, usage)
        if key is None:
            return opinion
        return StopOpinion(
            stop=False,
            reached=False,
            reason=f"the split that wins is priced by its blocks; {key} is measured as one network",
            measure_next=(key,),
            windows_needed=len(plan.work_s),
        )

    return judge


def _unmeasured_winner(
    plan: Plan,
    records: Sequence[WindowRecord],
    network: Network,
    around: Circumstances,
    usage: Usage | None,
) -> str | None:
    """Return the key of the winner's head if it was never run; None if nothing is to be run."""
    try:
        best = solve(_problem(network, around, records, usage)).best
    except (EstimateError, OptimizerError):
        return None
    if best not in head_blocks(plan, around.blocks):
        return None
    key = head_key(best, len(around.blocks))
    return None if any(record.task.subject == key for record in records) else key


def decision_rule(
    plan: Plan, network: Network, around: Circumstances, *, usage: Usage | None = None
) -> StopRule:
    """Return the rule that stops when the choice of l cannot regret more than the plan allows.

    Splits are priced as ``optimize`` will price them. The sensor's scale is common to all
    candidates and cancels; what is left are the statistics of what they do not share. What the
    campaign leaves open is in the decision's intervals and regret, and in no rule that stops it.

    Args:
        plan: States the regret and the number of looks.
        network: What is to be split.
        around: Circumstances of the campaign.
        usage: See ``rule_of``.
    """
    assess = assess_e_d_and_e_c(plan, len(around.blocks))

    def rule(records: Sequence[WindowRecord]) -> StopOpinion:
        try:
            figures = assess(records)
            problem = _problem(network, around, records, usage)
            solution = solve(problem)
        except (EstimateError, OptimizerError) as error:
            return StopOpinion(stop=False, reached=False, reason=str(error))
        return _opinion(plan, problem, solution, figures, records)

    return rule


def _problem(
    network: Network, around: Circumstances, records: Sequence[WindowRecord], usage: Usage | None
) -> Problem:
    """Return what would be decided now, the input in its cheapest form as ``optimize`` has it."""
    profile = profile_from_windows(records, around, UNDER_WAY)
    stated = Problem(
        network=network,
        blocks=tuple(around.blocks),
        prices=prices_from_profile(
            network,
            around.blocks,
            profile,
            account="net",
            usage=with_input_forms(Usage(), network, profile) if usage is None else usage,
        ),
        constraints=Constraints(),
    )
    problem, _ = with_cheapest_form(stated)
    return problem


def rivals(solution: Solution) -> tuple[Rival, ...]:
    """Return every other split beside the best so far.

    Args:
        solution: With uncertainties.
    """
    assert solution.doubt is not None
    # More windows make what was measured surer; a model's own error they leave as it is, and what
    # the campaign leaves open nearly so.
    effects_j, best = solution.doubt.measured.effects, solution.best
    best_j = solution.energies[best].total_j
    return tuple(
        Rival(
            block=other,
            gain_j=best_j - solution.energies[other].total_j,
            u_j=difference_u_j(effects_j, best, other),
        )
        for other in solution.feasible
        if other != best
    )


def _opinion(
    plan: Plan,
    problem: Problem,
    solution: Solution,
    figures: Sequence[Precision],
    records: Sequence[WindowRecord],
) -> StopOpinion:
    best_j = solution.energies[solution.best].total_j
    allowed_j = plan.stop.relative_regret * best_j
    freedom = min(figure.degrees_of_freedom for figure in figures)
    confidence = look_confidence(plan.stop.looks)
    coverage = coverage_factor(freedom, confidence)
    regrets_j = {rival: rival.regret_j(coverage) for rival in rivals(solution)}
    worst_j = max(regrets_j.values(), default=0.0)
    choice = f"{_named(solution)}; {_saving(worst_j, best_j)}"
    open_rivals = [rival for rival, regret_j in regrets_j.items() if regret_j > allowed_j]
    if not open_rivals:
        return StopOpinion(stop=True, reached=True, reason=choice)
    subjects = _next(plan, problem, solution, open_rivals, records)
    windows = sum(record.task.subject in subjects for record in records)
    needed = partial(
        windows_needed, windows=windows, degrees_of_freedom=freedom, confidence=confidence
    )
    return StopOpinion(
        stop=False,
        reached=False,
        reason=f"{choice}; the goal is {_percent(plan.stop.relative_regret)}",
        measure_next=subjects,
        windows_needed=max(needed(r.u_j, allowed_j - r.gain_j) for r in open_rivals),
    )


def _named(solution: Solution) -> str:
    where = solution.energies[solution.best].where
    everything = {"server": "everything on the server", "device": "everything on the device"}
    return everything.get(where, f"split after block {solution.best}")


def _saving(worst_j: float, best_j: float) -> str:
    if worst_j <= 0.0:
        return "no other can save anything (statistics)"
    return f"any other saves at most {_percent(worst_j / best_j)} (statistics)"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _next(
    plan: Plan,
    problem: Problem,
    solution: Solution,
    open_rivals: Sequence[Rival],
    records: Sequence[WindowRecord],
) -> tuple[str, ...]:
    """Return what the open differences are most uncertain by: computing, encoding or uploads."""
    prices, keys = problem.prices, list[str]()
    for rival in open_rivals:
        variances = _computed(prices, rival.block, solution.best)
        variances |= _encoded(problem, rival.block, solution.best)
        variances[UPLINK] = max(0.0, rival.u_j**2 - sum(variances.values()))
        variances = {key: max(0.0, variance) for key, variance in variances.items()}
        heavy = heaviest(variances)
        keys += (key for key in heavy if key != UPLINK)
        if UPLINK in heavy:
            keys += heaviest(
                uplink_gains(
                    records, plan.stated_rate_bit_per_s, _sent(prices, solution, rival.block)
                )
            )
    return tuple(dict.fromkeys(keys))


def _sent(prices: Prices, solution: Solution, rival: int) -> tuple[float, float, float, float]:
    """Return how often the difference takes E_0, P_air, e_bit and E_burst."""
    one, other = solution.energies[rival], solution.energies[solution.best]
    bits = one.upload_bits - other.upload_bits
    uploads = (one.where != "device") - (other.where != "device")
    bursts = uploads / prices.usage.uploads_per_burst
    return float(uploads), bits / prices.sending.rate_bit_per_s, float(bits), bursts


def _encoded(problem: Problem, one: int, other: int) -> dict[str, float]:
    """Return what making the bytes of two splits is uncertain by: variances by subject key, J²."""
    names = {block: problem.prices.usage.encoding_asked(block) for block in (one, other)}
    measured = {block: problem.makings[block].figure for block in (one, other)}
    return {
        encoding_phase(name, block): (figure.u_stat or 0.0) ** 2
        for block, figure in measured.items()
        if figure is not None and (name := names[block]) is not None
    }


def _computed(prices: Prices, one: int, other: int) -> dict[str, float]:
    """Return what a difference's computing is uncertain by: variances by subject key, J²."""
    computing, model = prices.computing, prices.compute_model
    pieces, count = computing.pieces(model), len(computing.blocks)
    keys = [
        head_key(piece.last_block, count) if rank >= count else block_key(piece.last_block)
        for rank, piece in enumerate(pieces)
    ]
    variances = computing_variances_j2(computing, model, one, other)
    return dict(zip(keys, variances.tolist(), strict=True))
