"""The whole proof: which worlds, how many, and what they have to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import msgspec

from joulesplit.calibrate.campaign import QUICK, Plan
from proof.agreement import Agreement
from proof.campaign import Measured, run_world
from proof.classes import ClassCosts, measure_classes
from proof.deciding import choose
from proof.figures import Figure
from proof.intervals import DecisionIntervals, decision_intervals
from proof.intervals_part import broken_intervals
from proof.stopping import measure_stopped
from proof.tally import Score, Verdicts, score, scores, verdicts, worst_block_bias
from proof.tools import tool_figures
from proof.worlds import (
    MakeWorld,
    busy_world,
    clean_world,
    clipped_samples_world,
    clipping_world,
    cool_world,
    corrupt_words_world,
    foreign_writer_world,
    held_bus_world,
    held_up_world,
    idle_drift_world,
    link_drift_world,
    long_tail_world,
    perfect_sensor_world,
    reset_world,
    shared_link_world,
    short_tail_world,
    suspended_world,
    throttling_world,
    work_drift_world,
)

BIAS_LIMIT = 2e-3
COVERAGE = (0.93, 0.97)
CALLED_AT_LEAST = 0.99
FALSELY_AT_MOST = 0.02

DECIDED: dict[str, Callable[[int], DecisionIntervals]] = {
    "worlds of one cold share": decision_intervals,
    "worlds of unlike blocks": partial(decision_intervals, unlike=True),
}
"""Kinds of world in which the intervals of decisions are counted."""

HEADLINES = ("E_d net", "E_d gross", "E_c net", "E_c gross", "E_d/E_c net", "E_d/E_c gross")

FIGURES = (*HEADLINES, "e_l", "P_0", "E_window", "E_0", "P_air", "e_bit", "E_burst")
"""Everything a campaign states that its world has a truth for."""

APART = 100_000
"""Seeds of one kind of campaign lie so far from those of the next: none shares its worlds."""

Map = Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]]
"""Applies a function to seeds, in order; may use several processes."""

T = TypeVar("T")

Told = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A kind of world whose campaigns must not pass.

    Attributes:
        name: For people.
        world: Makes one.
        checks: Those that should name the fault.
        plan: That is measured by.
    """

    name: str
    world: MakeWorld
    checks: tuple[str, ...]
    plan: Plan = QUICK


WITHOUT_RESTS = msgspec.structs.replace(QUICK, rests=0)
"""Of work that is beyond the range for the seconds before a rest the driver makes an error."""

FAULTS = (
    Fault(name="idle power drifts by 4–8 %", world=idle_drift_world, checks=("idle-drift",)),
    Fault(
        name="cost of work drifts by 12–20 %", world=work_drift_world, checks=("control-repeat",)
    ),
    Fault(
        name="cost of sending drifts by 12–20 %", world=link_drift_world, checks=("upload-drift",)
    ),
    Fault(name="throttles at 80 °C", world=throttling_world, checks=("steady-pace",)),
    Fault(
        name="current beyond the range",
        world=clipping_world,
        checks=("clipped-readings",),
        plan=WITHOUT_RESTS,
    ),
    Fault(
        name="samples beyond the range inside means below it",
        world=clipped_samples_world,
        checks=("clipped-readings",),
    ),
    Fault(name="another program computes", world=busy_world, checks=("steady-pace",)),
    Fault(
        name="others use the link",
        world=shared_link_world,
        checks=("e_c-interval", "outlying-windows", "outlying-uploads"),
    ),
    Fault(
        name="radio awake past the settling",
        world=short_tail_world,
        checks=("settled-after-upload",),
    ),
    Fault(
        name="radio awake through windows",
        world=long_tail_world,
        checks=("settled-after-upload",),
    ),
    Fault(name="chip resets itself", world=reset_world, checks=("chip-resets",)),
    Fault(
        name="another program configures the chip",
        world=foreign_writer_world,
        checks=("foreign-writer",),
    ),
    Fault(name="clock stands still", world=suspended_world, checks=("clock-steps",)),
    Fault(name="0.3 % wrong words", world=corrupt_words_world, checks=("doubtful-words",)),
    Fault(name="another device holds the bus", world=held_bus_world, checks=("lost-conversions",)),
    Fault(name="reader held up", world=held_up_world, checks=("lost-conversions",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofPlan:
    """How much is run.

    Attributes:
        campaigns: In clean worlds with a perfect sensor.
        drawn: In clean worlds with drawn sensors.
        faulty: In worlds of each fault.
        tools: Sessions of the common tools.
        classes: Campaigns on a board that pays for classes of operators.
        stopped: Campaigns that end when E_d and E_c are known; 0 leaves them out.
        decisions: Worlds measured rigorously and again for the decision (an hour of virtual time
            each); 0 leaves them out.
        intervals: Campaigns whose decisions' intervals are counted, in each of two kinds of world;
            0 leaves them out.
        first_seed: The others follow it.
    """

    campaigns: int
    drawn: int
    faulty: int
    tools: int
    classes: int = 0
    stopped: int = 0
    decisions: int = 0
    intervals: int = 0
    first_seed: int = 0

    def seeds(self, count: int, kind: int = 0) -> range:
        """Return the seeds of so many worlds of a kind."""
        first = self.first_seed + kind * APART
        return range(first, first + count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Everything that was counted.

    Attributes:
        plan: How much was run.
        perfect: Scores with a perfect sensor, by figure: the statistics alone.
        drawn: Scores with sensors drawn inside their bounds.
        clean: Verdicts on the clean worlds, both kinds of sensor together.
        faults: Verdicts by fault.
        cool: Scores in the worlds that the common tools are given.
        tools: Scores of the common tools there, against the net energy per inference.
        classes: Scores of the costs by class of operator, against their truth.
        leave_one_out_rms: Error of predicting a block from the others there, mean over campaigns.
        stopped: Scores of campaigns that ended when enough was known; empty if left out.
        rounds_windows: Mean windows of those.
        quick_windows, quick_s: Mean windows of a campaign of one round, and their time, s.
        agreement: Of the plan for the decision with the rigorous one; None if left out.
        decided: What decisions said of themselves, by the kind of world; empty if left out.
    """

    plan: ProofPlan
    perfect: dict[str, Score]
    drawn: dict[str, Score]
    clean: Verdicts
    faults: dict[str, Verdicts]
    cool: dict[str, Score]
    tools: dict[str, Score]
    classes: dict[str, Score]
    leave_one_out_rms: float
    stopped: dict[str, Score] = field(default_factory=dict)
    rounds_windows: float = 0.0
    quick_windows: float = 0.0
    quick_s: float = 0.0
    agreement: Agreement | None = None
    decided: dict[str, list[DecisionIntervals]] = field(default_factory=dict)

    def broken_claims(self) -> list[str]:
        """Return what does not hold, one sentence each; chance is allowed two standard errors."""
        return [
            *_figures_broken(self.perfect, "perfect sensor"),
            *_coverage_broken(methods_of(self.perfect), "other methods"),
            *_figures_broken(self.drawn, "drawn sensors"),
            *_figures_broken(self.stopped, "stopped early"),
            *_coverage_broken(self.classes.values(), "costs by class"),
            *_verdicts_broken(self),
            *(self.agreement.broken_claims() if self.agreement else ()),
            *broken_intervals(self.decided),
        ]


def methods_of(table: dict[str, Score]) -> list[Score]:
    """Return the scores of other methods on the same windows."""
    return [found for name, found in table.items() if ", " in name]


def _figures_broken(table: dict[str, Score], where: str) -> Iterator[str]:
    if not table:
        return
    figures = [table[name] for name in FIGURES]
    for found in (*figures, worst_block_bias(table)):
        if abs(found.bias) - 2 * found.bias_u > BIAS_LIMIT:
            yield f"bias of {found.name} is {found.bias:+.3%} ({where})"
    yield from _coverage_broken(figures, where)


def _coverage_broken(figures: Iterable[Score], where: str) -> Iterator[str]:
    for found in figures:
        slack = 2 * found.coverage_u
        if not COVERAGE[0] - slack <= found.coverage <= COVERAGE[1] + slack:
            yield f"coverage of {found.name} is {found.coverage:.1%} ({where})"


def _verdicts_broken(proof: Proof) -> Iterator[str]:
    if proof.clean.called > FALSELY_AT_MOST:
        yield f"{proof.clean.called:.1%} of the clean campaigns are called suspect or rejected"
    for name, found in proof.faults.items():
        if found.by_right_check < CALLED_AT_LEAST * found.campaigns:
            yield f"'{name}' is named in {found.by_right_check} of {found.campaigns} campaigns"


def measure(
    world: MakeWorld, seed: int, *, exact_sensor: bool = False, plan: Plan = QUICK
) -> Measured:
    """Run the campaign of one seed."""
    return run_world(world(seed), plan, exact_sensor=exact_sensor)


def measure_by_tools(seed: int) -> dict[str, Figure]:
    """Run the session of one seed."""
    return tool_figures(cool_world(seed), seed)


def prove(plan: ProofPlan, apply: Map, told: Told = lambda _part, _count: None) -> Proof:
    """Run the proof.

    Args:
        plan: How much.
        apply: Runs a function over seeds.
        told: Is told what begins, and how much of it there is.
    """

    def each(part: str, work: Callable[[int], T], count: int, kind: int) -> list[T]:
        told(part, count)
        return list(apply(work, plan.seeds(count, kind)))

    exactly = partial(measure, exact_sensor=True)
    perfect = each("perfect sensor", partial(exactly, perfect_sensor_world), plan.campaigns, 0)
    drawn = each("drawn sensors", partial(measure, clean_world), plan.drawn, 1)
    faults = {
        fault.name: verdicts(
            each(fault.name, partial(measure, fault.world, plan=fault.plan), plan.faulty, 2),
            fault.checks,
        )
        for fault in FAULTS
    }
    cool = each("begun cool", partial(exactly, cool_world), plan.tools, 3)
    sessions = each("common tools", measure_by_tools, plan.tools, 3)
    classes = each("costs by class", measure_classes, plan.classes, 4)
    stopped = each("stopped early", measure_stopped, plan.stopped, 5)
    choices = each("decisions", choose, plan.decisions, 6)
    decided = {
        name: each(f"intervals, {name}", work, plan.intervals, kind)
        for kind, (name, work) in enumerate(DECIDED.items(), start=7)
    }
    return Proof(
        plan=plan,
        perfect=scores(perfect),
        drawn=scores(drawn),
        clean=verdicts([*perfect, *drawn]),
        faults=faults,
        cool=scores(cool),
        tools={name: score(name, [s[name] for s in sessions]) for name in sessions[0]},
        classes=_class_scores(classes),
        leave_one_out_rms=sum(c.leave_one_out_rms for c in classes) / max(len(classes), 1),
        stopped=scores(stopped) if stopped else {},
        rounds_windows=sum(m.windows for m in stopped) / max(len(stopped), 1),
        quick_windows=sum(m.windows for m in perfect) / len(perfect),
        quick_s=sum(m.duration_s for m in perfect) / len(perfect),
        agreement=Agreement(choices=tuple(choices)) if choices else None,
        decided=decided if plan.intervals else {},
    )


def _class_scores(campaigns: list[ClassCosts]) -> dict[str, Score]:
    names = campaigns[0].figures if campaigns else ()
    return {name: score(name, [c.figures[name] for c in campaigns]) for name in names}
