"""The whole loop on one sheet: estimates beside the truth, the choice, the choice run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from joulesplit.cli.report._sheet import Page, Section, origin_of
from joulesplit.cli.report.terminal._decision import decision_sections
from joulesplit.cli.report.terminal._figures import truth_section
from joulesplit.cli.report.terminal._profile import verdict_section
from joulesplit.cli.report.terminal._validation import validation_section

if TYPE_CHECKING:
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.cli.measuring import SplitValidation
    from joulesplit.optimizer import Decision


def demo_page(
    profile: DeviceProfile,
    decision: Decision,
    validations: Sequence[SplitValidation],
    network_name: str,
) -> Page:
    """Return the report on one run of the demo.

    Args:
        profile: What the calibration found.
        decision: What was chosen with it.
        validations: The choice, run.
        network_name: File name of the network.
    """
    sections: list[Section | None] = [
        verdict_section(profile),
        truth_section(profile),
        *decision_sections(decision),
        validation_section(validations),
    ]
    return Page(
        origin_of(profile),
        f"{network_name}: measured, split and run",
        [section for section in sections if section is not None],
    )
