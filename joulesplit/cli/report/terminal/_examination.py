"""What examining a profile found, for people."""

from __future__ import annotations

from joulesplit.calibrate.profile import DeviceProfile, Quality
from joulesplit.cli.report._sheet import Page, Section, origin_of
from joulesplit.cli.report.terminal._profile import checks_table, verdict_body


def examination_page(profile: DeviceProfile, quality: Quality, name: str) -> Page:
    """Return the report on an examined profile.

    Args:
        profile: As the file has it.
        quality: Its own checks and those made now.
        name: Of its file.
    """
    return Page(
        origin_of(profile),
        f"Examination of {name}",
        [
            Section(title="Verdict", body=verdict_body(quality)),
            Section(title="Checks", body=checks_table(quality)),
        ],
    )
