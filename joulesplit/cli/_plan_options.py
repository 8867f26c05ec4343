"""The options that say how long to measure, and the plan they make together."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from joulesplit.cli._errors import CommandError
from joulesplit.cli._number_range import ABOVE_ZERO
from joulesplit.cli._options import RESIDUAL, InputShapes, block_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from joulesplit.calibrate.campaign import Plan
    from joulesplit.cli._options import Command
    from joulesplit.edge import LinkProbe
    from joulesplit.partition import Block, Network


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChoice:
    """What the user said about how long to measure.

    Attributes:
        source: Name of a preset, or a file; None if not given.
        decision: Stop when the split is certain.
        regret: What it may cost above the best one, relative; None if not given.
        remembered: The source is the bench's, not typed.
        granularity: Where blocks end or how many there are; None for the plan's own.
        at: Names of tensors after which blocks end; replaces the granularity.
        encodings: Names of encodings of which making the bytes is measured besides.
    """

    source: str | None
    decision: bool
    regret: float | None
    remembered: bool = False
    granularity: str | None = None
    at: tuple[str, ...] = ()
    encodings: tuple[str, ...] = ()

    @property
    def given(self) -> bool:
        """The user said something."""
        typed = self.source is not None and not self.remembered
        cut = self.granularity is not None or bool(self.at)
        return typed or self.decision or cut or bool(self.encodings)

    def plan(self, model: Path | None, input_shapes: InputShapes | None = None) -> Plan:
        """Return the plan.

        Args:
            model: The network; what its blocks are named by is settled here.
            input_shapes: Of its inputs that are not taken as the file says.

        Raises:
            CommandError: A regret without a decision to regret, or blocks of no network.
            PlanError: There is no such plan, or it cannot give the figures.
            PartitionError: The network cannot be read, or has no such blocks.
        """
        from joulesplit.calibrate.campaign import STANDARD, for_decision, load_plan

        if self.regret is not None and not self.decision:
            raise CommandError("--regret belongs to --for-decision: give both, or neither")
        plan = load_plan(self.source or STANDARD.name)
        plan = for_decision(plan, self.regret) if self.decision else plan
        plan = _encoding(plan, self.encodings)
        return (
            plan
            if self.granularity is None and not self.at
            else self._cut(plan, model, input_shapes)
        )

    def _cut(self, plan: Plan, model: Path | None, input_shapes: InputShapes | None) -> Plan:
        """Return the plan with the blocks asked for, by the operators that end them."""
        import msgspec

        from joulesplit.cli._partitioning import chosen_blocks
        from joulesplit.partition.reading import read_network

        if model is None:
            raise CommandError("--blocks and --at cut a network: give MODEL")
        network = read_network(model, input_shapes)
        blocks = chosen_blocks(network, self.granularity or RESIDUAL, self.at)
        return msgspec.structs.replace(plan, blocks=tuple(b.last_operator for b in blocks))


def _encoding(plan: Plan, names: tuple[str, ...]) -> Plan:
    """Return a plan that measures making bytes in more encodings.

    Raises:
        CommandError: There is no such encoding.
    """
    import msgspec

    from joulesplit.calibrate.campaign import INPUT_FORMS
    from joulesplit.partition import SENDABLE

    for name in names:
        if name not in (INPUT_FORMS, *SENDABLE):
            known = ", ".join((INPUT_FORMS, *SENDABLE))
            raise CommandError(f"--encodings {name!r} is none of {known}")
    wanted = tuple(dict.fromkeys((*plan.encodings, *names)))
    return msgspec.structs.replace(plan, encodings=wanted) if names else plan


def plan_options(command: Command) -> Command:
    """Add the plan's options; the command gets them as ``planned: PlanChoice``."""

    @functools.wraps(command)
    def with_plan(*args: Any, **options: Any) -> Any:
        named = [name for name in ("quick", "standard", "rigorous") if options.pop(name)]
        plan = options.pop("plan_source")
        source = click.get_current_context().get_parameter_source("plan_source")
        remembered = source is ParameterSource.DEFAULT_MAP and not named
        if named and source is ParameterSource.DEFAULT_MAP:
            plan = None
        sources = [*named, *([plan] if plan is not None else [])]
        if len(sources) > 1:
            raise CommandError(f"{' and '.join(sources)} are different plans: give one")
        choice = PlanChoice(
            source=sources[0] if sources else None,
            decision=options.pop("for_decision"),
            regret=options.pop("regret"),
            remembered=remembered,
            granularity=options.pop("granularity"),
            at=options.pop("at"),
            encodings=options.pop("encodings"),
        )
        return command(*args, planned=choice, **options)

    for option in reversed(_PLAN_OPTIONS):
        with_plan = option(with_plan)
    return block_options(None, "those of the plan")(with_plan)


_PLAN_OPTIONS = (
    click.option(
        "--plan",
        "plan_source",
        metavar="FILE|quick|standard|rigorous",
        help="How long to measure; a file is TOML, as --show-plan prints it.  [default: standard]",
    ),
    click.option("--quick", is_flag=True, help="The same as --plan quick."),
    click.option("--standard", is_flag=True, help="The same as --plan standard."),
    click.option("--rigorous", is_flag=True, help="The same as --plan rigorous."),
    click.option(
        "--for-decision",
        is_flag=True,
        help="Stop as soon as more measuring cannot change where to split.",
    ),
    click.option(
        "--encodings",
        multiple=True,
        metavar="NAME",
        help="Measure too what making the bytes costs of what crosses, sent as float16, int8, … "
        "(see optimize --encoding); of the input it is always measured. Repeatable.",
    ),
    click.option(
        "--regret",
        type=ABOVE_ZERO,
        help="With --for-decision: what the split may cost above the best, relative.  "
        "[default: the plan's: 0.01, of rigorous 0.005]",
    ),
)


def announcement(plan: Plan, network: Network, link: LinkProbe | None = None) -> str:
    """Return one line that says how long a plan takes on a network, before anything starts.

    Args:
        plan: The plan.
        network: That is measured.
        link: What the probe found; None if it has not been asked, and the line says so.
    """
    from joulesplit.calibrate.campaign import longest_duration_s
    from joulesplit.calibrate.instrument import blocks_cut
    from joulesplit.cli.measuring import duration_text, goal_text

    blocks = blocks_cut(network, plan.blocks)
    round_s = _round_s(plan, network, blocks, link)
    what = f"{len(blocks)} blocks{_heads_text(plan, blocks)}"
    if plan.stop.rule == "fixed":
        longest_s = plan.limits.duration_s
        cut = f", but duration_s ends it after {duration_text(longest_s)}"
        about = f"about {duration_text(round_s)}{cut if longest_s < round_s else ''}"
        return f"plan {plan.name}: {what}; {about}{_assumed_text(plan, link)}"
    return (
        f"plan {plan.name}: {what}; about {duration_text(round_s)} a round, "
        f"{goal_text(plan.stop)}, {duration_text(longest_duration_s(plan, round_s))} at most"
        f"{_assumed_text(plan, link)}"
    )


def _assumed_text(plan: Plan, link: LinkProbe | None) -> str:
    """Return what the time rests on where nobody has looked at the link."""
    if link is not None:
        return ""
    from joulesplit.metrology import si

    fastest = si(max(plan.paced_rates_bit_per_s), "bit/s")
    return f"; longer on a link below {fastest}"


def link_line(probe: LinkProbe, plan: Plan) -> str:
    """Return one line that says what the link is like, and at which rates it is measured."""
    from joulesplit.metrology import coverage_factor, si, uncertain

    rate = probe.rate_bit_per_s
    half_width = coverage_factor(rate.n - 1) * rate.u
    parts = [f"takes {uncertain(rate.value, half_width, 'bit/s')}"]
    if probe.round_trip_s is not None:
        least_s = probe.min_round_trip_s or probe.round_trip_s.value
        parts.append(f"round trip {si(least_s, 's')}, {si(probe.round_trip_s.value, 's')} loaded")
    if probe.loss_share is not None:
        parts.append(f"{100 * probe.loss_share.value:.2g} % of the segments sent again")
    paced = ", ".join(si(pace, "bit/s") for pace in sorted(plan.paced_rates_bit_per_s))
    return f"link: {'; '.join(parts)}; paced uploads at {paced}"


def _heads_text(plan: Plan, blocks: Sequence[Block]) -> str:
    from joulesplit.calibrate.campaign import head_blocks

    heads = len(head_blocks(plan, blocks))
    if plan.heads == "winner":
        return ", the head that wins" + (", the whole network" if plan.whole else "")
    return f", {heads + plan.whole} heads" if heads + plan.whole else ""


def _round_s(
    plan: Plan, network: Network, blocks: Sequence[Block], link: LinkProbe | None
) -> float:
    from joulesplit.calibrate.campaign import announced_duration_s, crossing_bits
    from joulesplit.calibrate.instrument import encoding_places, phase_count

    sizes_bits = crossing_bits(network.input_bits, blocks)
    phases = phase_count(network) if plan.phases else 0
    phases += len(encoding_places(plan.encodings, network, blocks))
    return announced_duration_s(plan, blocks, sizes_bits, phases=phases, link=link)
