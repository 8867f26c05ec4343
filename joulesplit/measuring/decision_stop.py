"""Stop measuring when more of it cannot change where to split by more than a regret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibrate.campaign.plan import Plan
from calibrate.campaign.precision import assess_e_d_and_e_c
from calibrate.campaign.produce import Circumstances, produce_profile
from calibrate.campaign.schedule import block_key
from calibrate.campaign.stopping import (
    Precision,
    StopOpinion,
    StopRule,
    heaviest,
    look_confidence,
    once,
    precision_rule,
    windows_needed,
)
from calibrate.errors import EstimateError
from calibrate.estimates.stats import coverage_factor
from optimizer.constraints import Constraints
from optimizer.errors import OptimizerError
from optimizer.prices import prices_from_profile
from optimizer.solution import Problem, Solution, solve
from optimizer.uncertainty import difference_u_j

if TYPE_CHECKING:
    from calibrate.profile import DeviceProfile
    from calibrate.windows.window import WindowRecord
    from partition.network import Network

UPLINK = "uplink"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A split that may still turn out to be the better one.

    Attributes:
        block: l.
        regret_j: What choosing the best so far may cost above this one, at most, J.
        u_j: Standard uncertainty of the difference of the two, J.
    """

    block: int
    regret_j: float
    u_j: float


def rule_of(plan: Plan, network: Network, around: Circumstances) -> StopRule:
    """Return the rule that a plan asks for.

    Args:
        plan: The plan.
        network: What is to be split, for the decision.
        around: Circumstances of the campaign, for the decision.
    """
    if plan.stop.rule == "fixed":
        return once
    if plan.stop.rule == "precision":
        return precision_rule(plan.stop, assess_e_d_and_e_c(plan, len(around.blocks)))
    return decision_rule(plan, network, around)


def decision_rule(plan: Plan, network: Network, around: Circumstances) -> StopRule:
    """Return the rule that stops when the choice of l cannot regret more than the plan allows.

    The sensor's scale is common to all candidates and cancels; what is left are the statistics
    of the blocks between two candidates and of the uplink.

    Args:
        plan: States the regret and the number of looks.
        network: What is to be split.
        around: Circumstances of the campaign.
    """
    assess = assess_e_d_and_e_c(plan, len(around.blocks))

    def rule(records: Sequence[WindowRecord]) -> StopOpinion:
        try:
            figures = assess(records)
            profile = produce_profile(records, around)
            solution = solve(_problem(network, around, profile))
        except (EstimateError, OptimizerError) as error:
            return StopOpinion(stop=False, reached=False, reason=str(error))
        return _opinion(plan, profile, solution, figures, records)

    return rule


def _problem(network: Network, around: Circumstances, profile: DeviceProfile) -> Problem:
    prices = prices_from_profile(network, around.blocks, profile, account="net")
    return Problem(
        network=network,
        blocks=tuple(around.blocks),
        prices=prices,
        constraints=Constraints(),
    )


def rivals(solution: Solution, coverage: float) -> tuple[Rival, ...]:
    """Return every other split with the most that it may cost less than the best so far.

    Args:
        solution: With uncertainties.
        coverage: Half-width of the interval in standard uncertainties.
    """
    assert solution.doubt is not None
    effects_j, best = solution.doubt.effects.on_candidates_j, solution.best
    best_j = solution.energies[best].total_j
    differences = (
        (other, best_j - solution.energies[other].total_j, difference_u_j(effects_j, best, other))
        for other in solution.feasible
        if other != best
    )
    return tuple(
        Rival(block=other, regret_j=gain_j + coverage * u_j, u_j=u_j)
        for other, gain_j, u_j in differences
    )


def _opinion(
    plan: Plan,
    profile: DeviceProfile,
    solution: Solution,
    figures: Sequence[Precision],
    records: Sequence[WindowRecord],
) -> StopOpinion:
    best_j = solution.energies[solution.best].total_j
    allowed_j = plan.stop.relative_regret * best_j
    freedom = min(figure.degrees_of_freedom for figure in figures)
    confidence = look_confidence(plan.stop.looks)
    coverage = coverage_factor(freedom, confidence)
    everyone = rivals(solution, coverage)
    worst_j = max((rival.regret_j for rival in everyone), default=0.0)
    choice = f"{_named(solution)}; {_saving(worst_j, best_j)}"
    open_rivals = [rival for rival in everyone if rival.regret_j > allowed_j]
    if not open_rivals:
        return StopOpinion(stop=True, reached=True, reason=choice)
    subjects = _next(profile, solution, open_rivals, figures)
    windows = sum(record.task.subject in subjects for record in records)
    return StopOpinion(
        stop=False,
        reached=False,
        reason=f"{choice}; the goal is {_percent(plan.stop.relative_regret)}",
        measure_next=subjects,
        windows_needed=max(
            windows_needed(
                rival.u_j,
                allowed_j - (rival.regret_j - coverage * rival.u_j),
                windows=windows,
                degrees_of_freedom=freedom,
                confidence=confidence,
            )
            for rival in open_rivals
        ),
    )


def _named(solution: Solution) -> str:
    where = solution.energies[solution.best].where
    everything = {"server": "everything on the server", "device": "everything on the device"}
    return everything.get(where, f"split after block {solution.best}")


def _saving(worst_j: float, best_j: float) -> str:
    if worst_j <= 0.0:
        return "no other can save anything"
    return f"any other saves at most {_percent(worst_j / best_j)}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _next(
    profile: DeviceProfile,
    solution: Solution,
    open_rivals: Sequence[Rival],
    figures: Sequence[Precision],
) -> tuple[str, ...]:
    """Return what the open differences are most uncertain by: blocks in between, or uploads."""
    block_u_j = [(b.energy_j.net or b.energy_j.gross).u_stat or 0.0 for b in profile.compute.blocks]
    keys: list[str] = []
    for rival in open_rivals:
        first, last = sorted((rival.block, solution.best))
        variances = {block_key(i): block_u_j[i - 1] ** 2 for i in range(first + 1, last + 1)}
        variances[UPLINK] = max(0.0, rival.u_j**2 - sum(variances.values()))
        keys += heaviest(variances)
    uploads = heaviest(figures[-1].variances) if UPLINK in keys else ()
    return tuple(dict.fromkeys((*(key for key in keys if key != UPLINK), *uploads)))
