"""The whole loop on one sheet: estimates beside the truth, the choice, the choice run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from joulesplit.cli.report._sheet import Page, Section, origin_of
from joulesplit.cli.report.terminal._decision import (
    chosen_words,
    decision_sections,
    ending_of,
)
from joulesplit.cli.report.terminal._endings import verdict_words
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
    decision: Decision,
    validations: Sequence[SplitValidation[Candidate]],
    network_name: str,
    wrote: Sequence[Path] = (),
) -> Page:
    """Return the report on one run of the demo.

    Args:
        profile: What the calibration found.
        decision: What was chosen with it.
        validations: The choice, run.
        network_name: File name of the network.
        wrote: Files that were kept.
    """
    sections: list[Section | None] = [
        verdict_section(profile),
        truth_section(profile),
        *decision_sections(decision),
        *validation_sections(validations),
    ]
    return Page(
        origin_of(profile),
        f"{network_name}: measured, split and run",
        [section for section in sections if section is not None],
        ending=replace(
            ending_of(decision, wrote=wrote, next_step=NEXT),
            verdict=_verdict(profile, validations),
            headline=_headline(decision),
        ),
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
