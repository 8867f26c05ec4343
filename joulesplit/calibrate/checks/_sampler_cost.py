"""Whether reading the sensor costs as much in idle as at work. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from joulesplit.calibrate.checks._spec import CheckSpec
from joulesplit.calibrate.estimates import RESTED, coverage_factor, sampler_share
from joulesplit.calibrate.profile import Check
from joulesplit.calibrate.windows import WindowRecord

SAMPLER_LIMIT = 0.01
"""Largest part of the work's power that reading may take more, or less, in idle than at work; what
is below it is in the intervals, and so is what is above."""

SAMPLER_CONFIDENCE = 0.998
"""What chance alone makes of it at this level is let pass."""

SAMPLER_ALIKE = CheckSpec(
    name="sampler-alike",
    finds="what reading the sensor takes idle less what it takes at work, over the work's power",
    unit="1",
    limit=SAMPLER_LIMIT,
    advice="reading the sensor costs more in idle than at work, or less, and net energies are off "
    "by that: it wakes cores that sleep and borrows from those that work; read it less often "
    "(--shunt-samples 64 of an INA219)",
)


def sampler_checks(records: Sequence[WindowRecord]) -> Iterator[Check]:
    """Return whether it does; nothing where that was not tried.

    Args:
        records: Every window.
    """
    found = [told for work in RESTED if (told := sampler_share(records, work))]
    if not found:
        return
    level = 1 - (1 - SAMPLER_CONFIDENCE) / len(found)
    yield SAMPLER_ALIKE.judge(
        max(
            max(0.0, abs(told.share) - coverage_factor(told.degrees_of_freedom, level) * told.u)
            for told in found
        )
    )
