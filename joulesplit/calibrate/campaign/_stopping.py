"""When has enough been measured? Rules that look at the windows so far, and are asked often."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

import msgspec

from joulesplit.calibrate.campaign._plan import StopPlan
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates import coverage_factor
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.metrology import CONFIDENCE

VARIANCE_SHARE = 0.8
"""The next round measures the subjects that make so much of the variance that is left."""


BEYOND_REACH = 10**9
"""More windows than anyone will ever run; nobody counts further."""


class StopOpinion(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule thinks of the windows so far.

    Attributes:
        stop: Nothing more is needed, or nothing more would help.
        reached: What the plan asked for is known.
        reason: One phrase for people: what is known, and what is not.
        measure_next: Subject keys that more windows would help most; empty for all.
        windows_needed: Estimate of how many more windows it would take; None if unknown.
    """

    stop: bool
    reached: bool
    reason: str
    measure_next: tuple[str, ...] = ()
    windows_needed: int | None = None


StopRule = Callable[[Sequence[WindowRecord]], StopOpinion]
"""Asked after each round with every window so far; its answer depends on nothing else."""


def once(records: Sequence[WindowRecord]) -> StopOpinion:
    """Stop after the first round: the rule of a fixed plan."""
    return StopOpinion(
        stop=True, reached=True, reason=f"the plan's {len(records)} windows are done"
    )


def limited(opinion: StopOpinion, limit: str) -> StopOpinion:
    """Return an opinion that would go on, stopped by a limit of the plan."""
    needed = opinion.windows_needed
    more = f"; about {needed} more windows would be needed" if needed else ""
    return msgspec.structs.replace(
        opinion, stop=True, reason=f"{opinion.reason}, but {limit}{more}"
    )


def cut_short(reason: str) -> StopOpinion:
    """Return the last word on a campaign that ended before all it was to measure."""
    return StopOpinion(stop=True, reached=False, reason=reason)


def look_confidence(looks: int) -> float:
    """Return the confidence that each of several looks must reach (Bonferroni).

    Whichever look stops a campaign, the chance that any of them did so by luck is at most that
    of one look at 95 %.
    """
    return 1 - (1 - CONFIDENCE) / looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """How well a figure is known so far.

    Attributes:
        name: Of the figure.
        u_rel: Its relative standard uncertainty from statistics.
        degrees_of_freedom: Behind it.
        variances: What each subject contributes, by key; any common unit.
        windows: Behind the figure.
    """

    name: str
    u_rel: float
    degrees_of_freedom: float
    variances: Mapping[str, float]
    windows: int


Assess = Callable[[Sequence[WindowRecord]], Sequence[Precision]]
"""Says how well each figure is known.

Raises:
    EstimateError: The windows do not determine a figure yet.
"""


def heaviest(variances: Mapping[str, float], share: float = VARIANCE_SHARE) -> tuple[str, ...]:
    """Return the fewest subjects that make ``share`` of the variance, heaviest first."""
    order = sorted(variances, key=lambda key: (-variances[key], key))
    # Exact sums: the order of adding must not decide whether a share has been reached.
    goal = share * fsum(variances.values())
    chosen: list[str] = []
    for key in order:
        if fsum(variances[name] for name in chosen) >= goal:
            break
        chosen.append(key)
    return tuple(chosen)


def windows_needed(
    u: float, goal: float, *, windows: int, degrees_of_freedom: float, confidence: float
) -> int:
    """Return about how many more windows make an interval narrow enough.

    Its standard uncertainty falls as 1/√n, and its coverage factor with the degrees of freedom:
    after a first round of few windows it is that which is worth most.

    Args:
        u: Standard uncertainty so far.
        goal: Largest half-width, same unit.
        windows: Behind ``u``, of the kind that is to be measured more.
        degrees_of_freedom: Behind ``u``.
        confidence: Of the interval.
    """

    def narrow(more: int) -> bool:
        coverage = coverage_factor(degrees_of_freedom + more, confidence)
        return coverage * u * sqrt(windows / (windows + more)) <= goal

    enough = 1
    while enough < BEYOND_REACH and not narrow(enough):
        enough *= 2
    too_few = enough // 2
    while enough - too_few > 1:
        middle = (enough + too_few) // 2
        enough, too_few = (middle, too_few) if narrow(middle) else (enough, middle)
    return enough


def precision_rule(stop: StopPlan, assess: Assess) -> StopRule:
    """Return the rule that stops when every figure is known to the plan's half-width.

    Only statistics count: what the sensor's scale leaves open no number of windows can narrow.

    Args:
        stop: The goal, and how many looks there are.
        assess: Says how well the figures are known.
    """

    def rule(records: Sequence[WindowRecord]) -> StopOpinion:
        try:
            figures = assess(records)
        except EstimateError as error:
            return StopOpinion(stop=False, reached=False, reason=str(error))
        return _opinion(stop, figures)

    return rule


def _opinion(stop: StopPlan, figures: Sequence[Precision]) -> StopOpinion:
    confidence, goal = look_confidence(stop.looks), stop.relative_half_width
    widths = {f.name: coverage_factor(f.degrees_of_freedom, confidence) * f.u_rel for f in figures}
    known = ", ".join(f"{name} ± {100 * width:.2g} %" for name, width in widths.items())
    open_figures = [f for f in figures if widths[f.name] > goal]
    if not open_figures:
        return StopOpinion(stop=True, reached=True, reason=f"{known} (statistics)")
    needed = sum(
        windows_needed(
            f.u_rel,
            goal,
            windows=f.windows,
            degrees_of_freedom=f.degrees_of_freedom,
            confidence=confidence,
        )
        for f in open_figures
    )
    subjects = [key for figure in open_figures for key in heaviest(figure.variances)]
    return StopOpinion(
        stop=False,
        reached=False,
        reason=f"{known} (statistics); the goal is {100 * goal:.2g} %",
        measure_next=tuple(dict.fromkeys(subjects)),
        windows_needed=needed,
    )
