"""The whole loop on one sheet: estimates beside the truth, the choice, the choice run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from joulesplit.cli.report._sheet import Ending, Page, Section, origin_of
from joulesplit.cli.report.terminal._decision import (
    chosen_words,
    decision_sections,
    ending_of,
)
from joulesplit.cli.report.terminal._endings import profile_ending, verdict_words
from joulesplit.cli.report.terminal._figures import truth_counts, truth_section
from joulesplit.cli.report.terminal._profile import verdict_section
from joulesplit.cli.report.terminal._validation import validation_sections
from joulesplit.optimizer import energy_text

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import SplitValidation
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.optimizer import Candidate, Decision


NEXT = "joulesplit calibrate MODEL --sensor ina219 --shunt-ohm 0.1 --edge http://SERVER:8517"
"""What to type with a sensor wired."""


def demo_page(
    profile: DeviceProfile,
    decision: Decision | None,
    validations: Sequence[SplitValidation[Candidate]],
    network_name: str,
    wrote: Sequence[Path] = (),
    *,
    failure: str | None = None,
) -> Page:
    """Return the report on one run of the demo.

    Args:
        profile: What the calibration found.
        decision: What was chosen with it; None if nothing could be.
        validations: The choice, run; empty if it could not be.
        network_name: File name of the network.
        wrote: Files that were kept.
        failure: What ended the loop before its end.
    """
    sections: list[Section | None] = [
        verdict_section(profile),
        truth_section(profile),
        *(decision_sections(decision) if decision else ()),
        *(validation_sections(validations) if validations else ()),
    ]
    return Page(
        origin_of(profile),
        f"{network_name}: measured, split and run",
        [section for section in sections if section is not None],
        ending=_ending(profile, decision, validations, wrote, failure),
    )


def _ending(
    profile: DeviceProfile,
    decision: Decision | None,
    validations: Sequence[SplitValidation[Candidate]],
    wrote: Sequence[Path],
    failure: str | None,
) -> Ending:
    if decision is None:
        ending = profile_ending(profile, path=wrote[0], wrote=str(wrote[0]))
    else:
        ending = ending_of(decision, wrote=wrote, next_step=NEXT)
        ending = replace(ending, headline=_headline(decision))
    if failure is None:
        return replace(ending, verdict=_verdict(profile, validations))
    inside, count = truth_counts(profile)
    step = "choosing" if decision is None else "running the choice"
    return replace(
        ending,
        verdict=f"{verdict_words(profile.quality)}; {inside} of {count} intervals hold the "
        f"simulated truth; {step} FAILED",
        assumed=failure,
        next_step=None,
    )


def _verdict(profile: DeviceProfile, validations: Sequence[SplitValidation[Candidate]]) -> str:
    """Return whether the loop holds what it says: the figures, and the choice that was run."""
    inside, count = truth_counts(profile)
    run = "agrees" if all(item.passed for item in validations) else "DIFFERS"
    return (
        f"{verdict_words(profile.quality)}; {inside} of {count} intervals hold the simulated "
        f"truth; the choice, run for real, {run}"
    )


def _headline(decision: Decision) -> str:
    account = f"per inference ({decision.account})"
    return f"{chosen_words(decision.best)}: {energy_text(decision.best)} {account}"
