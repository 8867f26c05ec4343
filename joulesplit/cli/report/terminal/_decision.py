"""A decision for people: the choice at a glance, then why, how sure, and what would change it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from joulesplit.cli.report._sheet import Ending, Page, Section, bullets, origin, paragraph
from joulesplit.cli.report.tables import SHADED, Bar, BarSegment, Column, Facts, FittingTable
from joulesplit.cli.report.terminal._compute_models import (
    COMPUTE_MODEL_TITLES,
    models_table,
    usage_text,
)
from joulesplit.cli.report.terminal._endings import decision_ending, sureness, time_text
from joulesplit.cli.report.terminal._network import COMPUTE_STYLE, UPLOAD_STYLE
from joulesplit.metrology import (
    interval,
    interval_half_width,
    percent,
    prefixed,
    probability,
    ratio,
    si,
    uncertain,
)
from joulesplit.optimizer import (
    Agreement,
    BatteryLife,
    Candidate,
    Crossover,
    Decision,
    Faster,
    RunnerUp,
    counted_text,
    energy_text,
)
from joulesplit.partition import AS_IS

HARDLY = 0.02
"""A choice that moves less of a battery than this hardly matters."""

WHERE = {
    "device": "Run everything on the device",
    "split": "Split",
    "server": "Upload the input{form}, run everything on the server",
}


def decision_page(
    decision: Decision,
    *,
    network_name: str,
    profile_name: str,
    reference: str | None = None,
    battery: BatteryLife | None = None,
    more: Sequence[Section] = (),
    wrote: Sequence[Path] = (),
    next_step: str | None = None,
) -> Page:
    """Return the report on a decision.

    Args:
        decision: The decision.
        network_name: File name of the network.
        profile_name: File name of the profile.
        reference: Citation of the profile's source, if it is from literature.
        battery: If the user gave one.
        more: Sections to add.
        wrote: Files or directories that have been written just now.
        next_step: What to type to try the choice.
    """
    sections = [
        *decision_sections(decision, battery),
        Section(title="The models compared", body=models_table(decision)),
        Section(title="Figures used", body=_figures(decision, profile_name, reference)),
        Section(title="Notes", body=bullets([prefixed(note) for note in decision.notes], "!")),
        *more,
    ]
    return Page(
        origin(decision.source, simulated=decision.simulated),
        f"Where to split {network_name}",
        sections,
        ending=ending_of(decision, wrote=wrote, next_step=next_step),
    )


def ending_of(
    decision: Decision, *, wrote: Sequence[Path] = (), next_step: str | None = None
) -> Ending:
    """Return how a report with a decision ends."""
    return decision_ending(
        decision,
        energy_text(decision.best),
        chosen=chosen_words(decision.best),
        assumed=_cheaper_by_assumption(decision),
        wrote=wrote,
        next_step=next_step,
    )


def decision_sections(decision: Decision, battery: BatteryLife | None = None) -> list[Section]:
    """Return the choice, why it won, what it won against, and what would change it."""
    return [
        Section(title="Decision", body=_headline(decision, battery), glance=True),
        Section(title="Why", body=paragraph(prefixed(decision.explanation))),
        Section(
            title=f"Candidates: energy per inference ({_stated_as(decision)}± 95 %)",
            body=_candidate_table(decision, battery),
        ),
        Section(title="What would change it", body=_changes(decision)),
    ]


def _stated_as(decision: Decision) -> str:
    return "" if decision.usage.counts_idle else f"{decision.account} "


def _headline(decision: Decision, battery: BatteryLife | None) -> RenderableType:
    best = decision.best
    lines = [
        Text(chosen_words(best), style="bold green"),
        Text(f"{energy_text(best)} per inference ({counted_text(decision)})", style="bold"),
        Text(_capitalised(sureness(decision))),
    ]
    if best.latency_s is not None:
        slow = f"; 95 of 100 within {si(best.latency_p95_s, 's')}" if best.latency_p95_s else ""
        lines.append(Text(f"{time_text(best)} on the device and on the air{slow}"))
    if best.agreement is not None:
        lines.append(Text(_agreement_text(best.agreement)))
    if battery is not None:
        lines.extend(Text(line) for line in _battery_lines(battery))
    extremes = ((decision.candidates[-1], "device"), (decision.candidates[0], "server"))
    for other, where in extremes:
        if other.block != best.block:
            factor = _times(other, best)
            lines.append(Text(f"all on the {where} costs {factor} as much", style="dim"))
    assumed = _cheaper_by_assumption(decision)
    if assumed is not None:
        lines.append(Text(assumed, style="yellow"))
    return Panel(Group(*lines), box=box.ROUNDED, border_style="green", padding=(0, 1))


def _agreement_text(agreement: Agreement) -> str:
    """Tell how often the answer stays, and how often it is right."""
    kept = f"the answer stays in {_share(agreement.same, agreement.inputs, agreement.same_ci95)}"
    if agreement.right is None or agreement.lost_ci95 is None or agreement.right_without is None:
        return kept
    without = round(agreement.right_without * agreement.inputs)
    low, high = agreement.lost_ci95
    right = round(agreement.right * agreement.inputs)
    return (
        f"{kept}; {right} are right, {without} without the encoding (95 %: between "
        f"{percent(-low, 2)} more and {percent(high, 2)} fewer)"
    )


def _share(share: float, inputs: int, ci95: tuple[float, float]) -> str:
    """Return a share as it was counted, with its interval."""
    low, high = (percent(end, 3) for end in ci95)
    return f"{round(share * inputs)} of {inputs} inputs (95 %: {low} to {high})"


def _times(other: Candidate, best: Candidate) -> str:
    """Return how many times the choice's energy another split takes, ``3.87 ± 0.06 ×``."""
    factor, half_width = other.energy_j / best.energy_j, interval_half_width(other.times_best_ci95)
    return uncertain(factor, half_width, "×") if half_width else ratio(factor)


def chosen_words(best: Candidate) -> str:
    """Return a choice in words."""
    after = f" after block {best.block}, {best.name}" if best.where == "split" else ""
    form = "" if best.sent_as is None else f" as {best.sent_as}"
    return f"{WHERE[best.where].format(form=form)}{after}"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cheaper_by_assumption(decision: Decision) -> str | None:
    """Return what the choice rests on, or what would cost less if it were so; None if nothing."""
    best = decision.best
    told = (_made_of_nothing(best), _answer_unknown(decision), _assumed_form(decision))
    return "; ".join(line for line in told if line) or None


def _made_of_nothing(best: Candidate) -> str | None:
    """Say what the price of making the choice's bytes lacks."""
    if best.made_by == "not measured":
        return "making these bytes is not measured: not in the price"
    return "making these bytes is assumed, not measured" if best.made_by == "assumed" else None


def _answer_unknown(decision: Decision) -> str | None:
    """Say that nothing tells how often the answer stays; None where no number changes."""
    best = decision.best
    if best.agreement is not None or not (
        best.upload_bits and decision.usage.changes_numbers(best.block)
    ):
        return None
    return f"how often the answer stays with {best.sent_as} is not counted: --data"


def _assumed_form(decision: Decision) -> str | None:
    if decision.best.sent_as == "uint8":
        return f"only if every input is bytes, scaled as usual: else {_without_bytes(decision)}"
    lossy = decision.lossy_form
    if lossy is not None:
        cost = si(lossy.energy_j, "J")
        return f"the input as {lossy.name} would cost only {cost}, not exactly: --allow-lossy-input"
    if decision.input_forms or not _pixels_win(decision):
        return None
    pixels = si(decision.input_as_uint8_j, "J")
    return f"uploading the input as 8-bit values would cost only {pixels}"


def _without_bytes(decision: Decision) -> str:
    """Return the cheapest that does not need an input of bytes, and full offload without them."""
    plain = next((form for form in decision.input_forms if form.name == AS_IS), None)
    others = [each for each in decision.candidates[1:] if not each.violates]
    split = min(others, key=lambda each: each.energy_j, default=None)
    if split is None:
        return "the input as it is" + (f" for {si(plain.energy_j, 'J')}" if plain else "")
    other = f"l = {split.block} at {si(split.energy_j, 'J')}"
    if plain is None:
        return f"{other}, or the input as it is"
    as_it_is = f"l = 0 as it is at {si(plain.energy_j, 'J')}"
    if plain.energy_j < split.energy_j and not plain.breaks_limits:
        return as_it_is
    return f"{other} ({as_it_is})"


def _pixels_win(decision: Decision) -> bool:
    """Say whether full offload is allowed and would win if the input were 8-bit values."""
    return (
        not decision.candidates[0].violates and decision.input_as_uint8_j < decision.best.energy_j
    )


def _battery_lines(battery: BatteryLife) -> tuple[str, str, str]:
    """Tell how many inferences a battery pays for, and what one of them is counted at."""
    inferences = battery.inferences
    at_most = "at most " if battery.left_out else ""
    pays = f"{si(battery.energy_j, 'J')} pay for {at_most}{inferences.count:,.0f} inferences"
    if inferences.count < 1.0:
        pays = f"{si(battery.energy_j, 'J')} do not pay for a single inference"
    elif inferences.ci95 is not None:
        low, high = inferences.ci95
        pays += f" (95 %: {low:,.0f} to {high:,.0f})"
    counted = f"{_rhythm(battery)}: {si(battery.period_energy_j, 'J', 4)} each"
    without = f"without {' and '.join(battery.left_out)}" if battery.left_out else None
    moved = f"which split is chosen moves {percent(battery.moved_share)} of the battery at most"
    if battery.moved_share < HARDLY:
        idle = percent(battery.idle_j / battery.period_energy_j)
        moved += f": it hardly matters, {idle} of it goes into idle power"
    return pays, f"{counted}, {without or 'idle power included'}", moved


def _rhythm(battery: BatteryLife) -> str:
    if not battery.back_to_back:
        return f"one every {battery.period_s:g} s"
    lasting = "" if battery.period_s is None else f", {si(battery.period_s, 's')}"
    return f"back to back{lasting}"


def _counts(battery: BatteryLife | None) -> list[Column]:
    """Return how many inferences each split gets from a battery; nothing without one."""
    if battery is None:
        return []
    counts = [f"{split.count:,.0f}" for split in battery.by_split]
    intervals = [
        "not stated" if split.ci95 is None else f"{split.ci95[0]:,.0f} … {split.ci95[1]:,.0f}"
        for split in battery.by_split
    ]
    return [
        Column(header="inferences", cells=counts, right=True),
        Column(header="95 %", cells=intervals, right=True, from_width=110),
    ]


def _answers(decision: Decision) -> list[Column]:
    """Return how often the answer stays with each split; nothing where none was run."""
    candidates = decision.candidates
    if all(candidate.agreement is None for candidate in candidates):
        return []
    cells = [_stays(decision, candidate) for candidate in candidates]
    return [Column(header="answer stays", cells=cells, right=True, from_width=75)]


def _stays(decision: Decision, candidate: Candidate) -> str:
    agreement = candidate.agreement
    if agreement is not None:
        return f"≥ {percent(agreement.same_ci95[0], 3)}"
    changes = candidate.upload_bits and decision.usage.changes_numbers(candidate.block)
    return "?" if changes else "always"


def _candidate_table(decision: Decision, battery: BatteryLife | None = None) -> RenderableType:
    candidates = decision.candidates
    most_j = max(candidate.energy_j for candidate in candidates)
    return FittingTable(
        [
            Column(header="l", cells=[_sign(decision, c) for c in candidates], right=True),
            Column(header="after", cells=[c.name for c in candidates], yielding=True),
            Column(header="upload", cells=[si(c.upload_bits, "bit") for c in candidates],
                   right=True, from_width=100),
            Column(header="energy", cells=[energy_text(c) for c in candidates], right=True),
            *_answers(decision),
            *_counts(battery),
            Column(header="95 % interval", cells=[_interval(c) for c in candidates], right=True,
                   from_width=110),
            Column(header="P(best)", cells=[_chance(c) for c in candidates], right=True,
                   from_width=75),
            # What a battery gives takes the same room.
            Column(header="priced by", cells=[_priced_by(c) for c in candidates],
                   from_width=130 if battery else 100),
            Column(header="█ compute  ▒ link", cells=[_bar(c, most_j) for c in candidates],
                   flexible=True),
        ],
        emphasised=decision.best.block,
    )  # fmt: skip


def _priced_by(candidate: Candidate) -> str:
    made_by = candidate.made_by
    return candidate.priced_by if made_by is None else f"{candidate.priced_by}; bytes: {made_by}"


def _sign(decision: Decision, candidate: Candidate) -> str:
    if candidate.block == decision.best.block:
        return f"▶ {candidate.block}"
    return f"✗ {candidate.block}" if candidate.violates else str(candidate.block)


def _interval(candidate: Candidate) -> str:
    return "not stated" if candidate.ci95_j is None else interval(*candidate.ci95_j, "J")


def _chance(candidate: Candidate) -> str:
    if candidate.violates:
        return "not allowed"
    if candidate.probability_best is None:
        return "?"
    return probability(candidate.probability_best)


def _bar(candidate: Candidate, most_j: float) -> Bar:
    beside_j = candidate.idle_j + candidate.start_j
    device_j = candidate.compute_j + candidate.encode_j
    link_j = candidate.energy_j - device_j - beside_j
    return Bar(
        [
            BarSegment(value=device_j, style=COMPUTE_STYLE),
            BarSegment(value=link_j, style=UPLOAD_STYLE, fill=SHADED),
        ],
        most_j,
    )


def _changes(decision: Decision) -> RenderableType:
    rows: list[tuple[str, RenderableType]] = [
        (f"bits {crossover.bit_becomes}", _crossover(decision, crossover))
        for crossover in decision.sensitivity.crossovers
    ]
    if not rows:
        rows.append(("bits", "no price of a bit changes the choice among the allowed splits"))
    runner_up = decision.runner_up
    if runner_up is not None:
        rows.append(("runner-up", f"block {runner_up.block} costs {_excess(runner_up)} more"))
    rows += (("less time", _faster(decision, split)) for split in decision.faster or ())
    if decision.faster == ():
        rows.append(("less time", "no allowed split takes less on the device and on the air"))
    rows.append(("winners", _winners(decision)))
    return Facts(rows)


def _excess(split: RunnerUp | Faster) -> str:
    half_width = interval_half_width(split.excess_ci95_j)
    return uncertain(split.excess_j, half_width, "J") if half_width else si(split.excess_j, "J")


def _faster(decision: Decision, split: Faster) -> str:
    name, saved = decision.candidates[split.block].name, si(split.saved_s, "s")
    return (
        f"block {split.block} ({name}): {si(split.latency_s, 's')} on the device and on the air, "
        f"{saved} less, for {_excess(split)} more"
    )


def _crossover(decision: Decision, crossover: Crossover) -> str:
    name = decision.candidates[crossover.block].name
    bound = "above" if crossover.bit_becomes == "cheaper" else "below"
    text = (
        f"block {crossover.block} ({name}) wins once E_c is {bound} "
        f"{si(crossover.e_c_bit_per_j, 'bit/J')} {decision.account}"
    )
    if crossover.rate_bit_per_s is not None:
        text += f", which this link has at {si(crossover.rate_bit_per_s, 'bit/s')}"
        if not crossover.measured_range:
            text += ", outside the measured rates"
    return text


def _winners(decision: Decision) -> str:
    """Tell which l wins over the whole range of E_d/E_c."""
    text = f"l = {decision.sensitivity.hull[0]}"
    for swap in decision.sensitivity.breakpoints:
        text += f" → {si(swap.ratio_flop_per_bit, 'FLOP/bit')} → {swap.block_above}"
    half_width = interval_half_width(decision.ratio_ci95_flop_per_bit)
    ratio_text = uncertain(decision.ratio_flop_per_bit, half_width, "FLOP/bit")
    return f"{text} as E_d/E_c grows; now {ratio_text}"


def _figures(decision: Decision, profile_name: str, reference: str | None) -> RenderableType:
    rate = f" at {si(decision.rate_bit_per_s, 'bit/s')}"
    rows: list[tuple[str, RenderableType]] = [
        ("profile", f"{profile_name}: {decision.source}, {decision.verdict}"),
        ("computing", f"priced by {COMPUTE_MODEL_TITLES[decision.compute_model]}"),
        ("E_d", f"{si(decision.e_d_flop_per_j, 'FLOP/J', 4)} {decision.account}"),
        ("E_c", f"{si(decision.e_c_bit_per_j, 'bit/J', 4)} {decision.account}{rate}"),
    ]
    rows.append(("an upload", usage_text(decision)))
    if reference:
        rows.append(("reference", reference))
    return Facts(rows)
