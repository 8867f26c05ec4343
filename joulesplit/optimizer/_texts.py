"""A decision as a person reads it where it is printed or shown in a notebook. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from joulesplit.metrology import html_table, prefixed, probability, si, uncertain

if TYPE_CHECKING:
    from joulesplit.optimizer._battery import BatteryLife
    from joulesplit.optimizer._result import Candidate, Decision


def energy_text(candidate: Candidate) -> str:
    """Return a candidate's energy with its ±, the half-width of the 95 % interval."""
    if candidate.ci95_j is None:
        return si(candidate.energy_j, "J", 4)
    low, high = candidate.ci95_j
    return uncertain(candidate.energy_j, (high - low) / 2, "J")


def counted_text(decision: Decision) -> str:
    """Return what an energy of a decision counts: net or gross, and the idle power of a period."""
    usage = decision.usage
    if decision.idle_power_w is None or not usage.counts_idle:
        return decision.account
    return "with idle power"


def battery_text(battery: BatteryLife) -> str:
    """Return how many inferences a battery pays for."""
    at_most = "at most " if battery.left_out else ""
    text = (
        f"{si(battery.energy_j, 'J')} pay for {at_most}{battery.inferences.count:,.0f} inferences"
    )
    if battery.inferences.ci95 is None:
        return text
    low, high = battery.inferences.ci95
    return f"{text} ({low:,.0f} … {high:,.0f}, 95 %)"


def decision_text(decision: Decision) -> str:
    """Return the choice, how sure it is, what comes next, and what must be known, in lines."""
    return "\n".join((_choice(decision), *_beside_it(decision)))


def decision_html(decision: Decision) -> str:
    """Return the candidates as a table, the choice marked, and what must be known below."""
    said = "".join(f"<p>{escape(line)}</p>" for line in _beside_it(decision))
    return html_table(_choice(decision), _rows(decision)) + said


def _choice(decision: Decision) -> str:
    best, simulated = decision.best, "SIMULATED · " if decision.simulated else ""
    return (
        f"{simulated}l = {best.block} of {len(decision.candidates) - 1}, {_place(best)}: "
        f"{energy_text(best)} per inference ({_account(decision)}){_sureness(best)}"
    )


def _place(best: Candidate) -> str:
    sent = "" if best.sent_as is None else f" sent as {best.sent_as}"
    return f"the input{sent}" if best.block == 0 else f"after {best.name}{sent}"


def _account(decision: Decision) -> str:
    counted = counted_text(decision)
    return counted if decision.best.ci95_j is None else f"{counted}, 95 %"


def _sureness(best: Candidate) -> str:
    if best.probability_best is None:
        return ""
    return f", P(best) {probability(best.probability_best)}"


def _beside_it(decision: Decision) -> Iterator[str]:
    runner_up = decision.runner_up
    if runner_up is not None:
        u_j = runner_up.excess_u_j
        how_sure = "" if u_j is None else f", standard uncertainty {si(u_j, 'J', 2)}"
        excess = si(runner_up.excess_j, "J")
        yield f"runner-up l = {runner_up.block}: {excess} more{how_sure}"
    if decision.battery is not None:
        yield battery_text(decision.battery)
    yield from map(prefixed, decision.notes)


def _rows(decision: Decision) -> Iterator[tuple[str, ...]]:
    yield "l", "after", "upload", f"energy ({_account(decision)})", "P(best)"
    for each in decision.candidates:
        sure = "" if each.probability_best is None else probability(each.probability_best)
        chosen = "▶ " if each.block == decision.best.block else ""
        upload = si(each.upload_bits, "bit")
        yield f"{chosen}{each.block}", each.name, upload, energy_text(each), sure
