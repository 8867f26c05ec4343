"""How reports end: verdict in words, the figure, what it hangs on, the files, what to type."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from joulesplit.calibrate.profile import Check, DeviceProfile, GrossNet, Quality
from joulesplit.cli.report._sheet import Ending
from joulesplit.cli.report.tables import quantity_text
from joulesplit.metrology import (
    counted,
    interval_half_width,
    prefixed,
    probability,
    si,
    signed_percent,
    uncertain,
)
from joulesplit.optimizer import counted_text

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import SplitValidation
    from joulesplit.cooperate import SessionCounts
    from joulesplit.optimizer import Candidate, Decision, SplitLine

CAUSES = ("spoilt-windows", "foreign-cpu", "throttled-during", "supply-alarm")
"""Checks that name why others did not pass: told first."""

USE = {
    "valid": "VALID: every check passed",
    "suspect": "SUSPECT, use with care",
    "rejected": "REJECTED, no measurement",
}
"""What a verdict says to the one who wants to use the figures."""


def verdict_words(quality: Quality) -> str:
    """Return a verdict in words, with the checks it rests on."""
    troubled = [check.name for check in quality.checks if check.outcome != "pass"]
    return USE[quality.verdict] + (f": {', '.join(troubled)}" if troubled else "")


def remedy(quality: Quality) -> str | None:
    """Return what the worst check that did not pass advises; None if all did."""
    worst = min(quality.checks, key=lambda check: (_gravity(check), _depth(check)), default=None)
    if worst is None or worst.outcome == "pass":
        return None
    return f"{worst.name}: {prefixed(worst.advice)}"


def _depth(check: Check) -> int:
    """Return how far a check is from the cause: what else ran makes windows scatter."""
    return 0 if check.name in CAUSES else 1


def _gravity(check: Check) -> int:
    return ("fail", "warn", "pass").index(check.outcome)


def profile_ending(
    profile: DeviceProfile,
    *,
    path: Path,
    wrote: str | None = None,
    model: Path | None = None,
    options: Sequence[str] = (),
    next_step: str | None = None,
) -> Ending:
    """Return how the report on a profile ends.

    Args:
        profile: The profile.
        path: Of its file.
        wrote: Which files have been written just now; None if none have.
        model: The network's file; None if it is not known here.
        options: Words that say how the network was read.
        next_step: What to type; None for the decision, where the profile carries one.
    """
    decide = ["joulesplit", "optimize", str(model or "MODEL"), *options, "--profile", str(path)]
    usable = profile.quality.verdict != "rejected"
    return Ending(
        verdict=verdict_words(profile.quality),
        headline=efficiency_words(profile),
        assumed=remedy(profile.quality),
        wrote=wrote,
        next_step=next_step or (shlex.join(decide) if usable else None),
    )


def efficiency_words(profile: DeviceProfile) -> str:
    """Return E_d and E_c in one line, by the net account where there is one."""
    words = [_figure("E_d", profile.compute.e_d_flop_per_j)]
    if profile.link is not None:
        uplink = profile.link.uplink
        rate = si(uplink.rate_bit_per_s, "bit/s")
        how = " unpaced" if uplink.unpaced else ""
        words.append(f"{_figure('E_c', uplink.e_c_bit_per_j)} at {rate}{how}")
    return ", ".join(words)


def _figure(name: str, figure: GrossNet) -> str:
    if figure.net is not None:
        return f"{name} {quantity_text(figure.net)} net"
    return f"{name} {quantity_text(figure.gross)} gross"


def decision_ending(
    decision: Decision,
    energy: str,
    *,
    chosen: str,
    assumed: str | None = None,
    wrote: Sequence[Path] = (),
    next_step: str | None = None,
) -> Ending:
    """Return how the report on a decision ends.

    Args:
        decision: The decision.
        energy: The choice's energy with its interval, as text.
        chosen: What was chosen, in words.
        assumed: What it rests on, or the cheapest thing that an assumption decides.
        wrote: Files or directories that have been written just now.
        next_step: What to type to try the choice.
    """
    time = "" if decision.best.latency_s is None else f", {time_text(decision.best)}"
    return Ending(
        verdict=f"{chosen}: {sureness(decision)}",
        headline=f"{energy} per inference ({counted_text(decision)}){time}",
        assumed=assumed,
        wrote=", ".join(str(path) for path in wrote) or None,
        next_step=next_step,
    )


def time_text(candidate: Candidate) -> str:
    """Return how long an inference takes on average, with its interval if it is known."""
    if candidate.latency_s is None:
        return "?"
    half_width_s = interval_half_width(candidate.latency_ci95_s)
    if not half_width_s:
        return si(candidate.latency_s, "s")
    return uncertain(candidate.latency_s, half_width_s, "s")


def sureness(decision: Decision) -> str:
    """Return how sure a choice is, in words."""
    if decision.unsure_because is not None:
        return "how sure is unknown: what the model is off by was not measured"
    if decision.probability_best is None:
        return "how sure is unknown, the profile states no uncertainty"
    call = "TOO CLOSE TO CALL, " if decision.too_close_to_call else ""
    sure = f"{call}best with probability {probability(decision.probability_best)}"
    if decision.expected_regret_j is None:
        return f"{sure}, expected regret unknown: it needs more windows, as below"
    return f"{sure}, expected regret {si(decision.expected_regret_j, 'J', 2)}"


def validation_ending(validations: Sequence[SplitValidation[Candidate]], *, again: str) -> Ending:
    """Return how the report on validated splits ends.

    Args:
        validations: One per split.
        again: The command that measures what a difference shows to be missing.
    """
    worst = max(validations, key=_excess)
    differs = [item for item in validations if not item.passed]
    if not differs:
        names = ", ".join(f"l = {item.predicted.block}" for item in validations)
        verdict = f"AGREES: {names} costs and gives what the profile predicts"
    else:
        verdict = f"DIFFERS: {', '.join(_difference(item) for item in differs)}"
    return Ending(
        verdict=verdict,
        headline=f"l = {worst.predicted.block}: {quantity_text(worst.measured.net_j)} per "
        f"inference (net) measured, {si(worst.predicted.energy_j, 'J', 4)} predicted, "
        f"{si(worst.measured.latency_s, 's')}",
        assumed=_why(max(differs, key=_excess)) if differs else _changed_answer(validations),
        next_step=again if any(not (item.agrees and item.in_time) for item in differs) else None,
    )


def _changed_answer(validations: Sequence[SplitValidation[Candidate]]) -> str | None:
    """Say where an encoding changes the answer that the whole network gives; None if nowhere."""
    changed = [v for v in validations if v.encoded_outputs and not v.encoded_outputs.same_top]
    if not changed:
        return None
    first = changed[0]
    return (
        f"sent as {first.encoding}, the answer of l = {first.predicted.block} is another one than "
        "the whole network's: its top class changed"
    )


def _excess(item: SplitValidation[Candidate]) -> float:
    bound_j = item.agreement_bound_j
    return abs(item.difference_j) / bound_j if bound_j else abs(item.difference_j)


def _difference(item: SplitValidation[Candidate]) -> str:
    if item.agrees:
        what = "time" if item.outputs.agree else "result"
        return f"the {what} of l = {item.predicted.block} is another one"
    relative = signed_percent(item.difference_j / item.predicted.energy_j)
    bound = uncertain(item.difference_j, item.difference_bound_j, "J")
    return f"l = {item.predicted.block} by {relative} ({bound})"


def _why(item: SplitValidation[Candidate]) -> str:
    """Return the likeliest cause of a difference, by what the prediction rests on."""
    if item.agrees and item.outputs.agree:
        return "the link or the device is not as fast as when it was calibrated"
    if item.agrees:
        return item.runtimes_differ or "both sides run the same runtime: report it"
    return f"l = {item.predicted.block} is {_basis(item.predicted)}"


def _basis(predicted: Candidate) -> str:
    if predicted.block == 0:
        return "an upload alone: the link is another one than when it was calibrated"
    if "head" in predicted.priced_by:
        return "priced by its measured head: the device or the link is not as when calibrated"
    return (
        f"priced by {predicted.priced_by}, never measured as one network: "
        "the profile of a plan with heads predicts it"
    )


GIVEN_UP = {
    "late": "the server or the link is slower than the policy believes",
    "unreachable": "nothing answers at --edge: start `joulesplit serve` there",
    "refused": "the server refuses: give it this very network, and here its token",
    "not-as-asked": "something else than this network's results came back",
    "another-runtime": "the server computes with another runtime: install the same",
    "differs": "the server's results are not the network's: install the same runtime",
}
"""What an inference that was ended here says, by ``joulesplit.cooperate.Fallback``."""


def inferences_ending(
    counts: SessionCounts,
    *,
    account: str,
    wrote: Sequence[Path] = (),
    lines: Sequence[SplitLine] = (),
) -> Ending:
    """Return how the report on inferences ends.

    Args:
        counts: What was done; one inference at least.
        account: Of the energies, ``net`` or ``gross``.
        wrote: Files that have been written.
        lines: The splits, at position l.
    """
    ended_here = sum(counts.fallbacks.values())
    verdict = "COMPLETE: " + counted(counts.inferences, "result")
    if ended_here:
        verdict += f", {ended_here} of them computed here after all"
    splits = ", ".join(f"l = {block}: {n}" for block, n in sorted(counts.by_split.items()))
    worst = max(counts.fallbacks, key=lambda why: counts.fallbacks[why], default=None)
    why = _form_not_met(counts) if worst is None else f"{worst.value}: {GIVEN_UP[worst.value]}"
    assumed = [line for line in (why, *_unpriced(counts, lines)) if line]
    return Ending(
        verdict=verdict,
        headline=f"about {si(counts.energy_j / counts.inferences, 'J')} per inference "
        f"({account}, estimated); {splits}",
        assumed="; ".join(assumed) or None,
        wrote=", ".join(str(path) for path in wrote) or None,
    )


def _unpriced(counts: SessionCounts, lines: Sequence[SplitLine]) -> Iterator[str]:
    """Say of which splits that were carried out nothing measured prices making the bytes."""
    for by, words in (
        ("not measured", "is not measured: not in the estimate"),
        ("assumed", "is assumed, not measured"),
    ):
        blocks = [str(line.block) for line in lines if line.made_by == by]
        made = [block for block in blocks if int(block) in counts.by_split]
        if made:
            yield f"making the bytes of l = {', '.join(made)} {words}"


def _form_not_met(counts: SessionCounts) -> str | None:
    """Say that inputs were not such as the choice was made for; None if all were."""
    if not counts.form_not_met:
        return None
    names = " and ".join(counts.form_not_met)
    cannot = "no bytes scaled" if names == "uint8" else "such as it cannot hold"
    return f"decided for numbers sent as {names}, and these are {cannot}: decided again without it"
