"""What a check is before anything is looked at: what it finds, its limit, what a failure means.

Every named check is one of these constants beside the code that finds its value. The limit that
is tested, the one a profile records and the one that the documentation prints are one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from joulesplit.calibrate.profile import Check, Outcome, Quality, Verdict

FLAG = "flag"
"""Unit of a check whose value is 0 or 1: 1 is trouble."""


CHANGED = "the file was changed or its maker is wrong: measure again"
"""Why figures do not fit each other that follow from each other by arithmetic alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSpec:
    """One named check.

    Attributes:
        name: Stable; a profile records it.
        finds: What its value is, for people.
        unit: Of value and limit; ``flag`` for 0 or 1.
        limit: The bound, in ``unit``; None if it follows from the data.
        severity: Outcome if it does not pass: ``warn`` makes a profile suspect, ``fail`` rejects
            it.
        advice: What to do next; ``{fields}`` are filled in when it is given.
        minimum: The limit is the smallest allowed value.
        follows_from: What the limit follows from, if it follows from the data.
    """

    name: str
    finds: str
    unit: str
    limit: float | None
    advice: str
    severity: Outcome = "warn"
    minimum: bool = False
    follows_from: str = ""

    def judge(self, value: float, *, limit: float | None = None, **details: object) -> Check:
        """Return the check of a value.

        Args:
            value: What was found, in ``unit``.
            limit: The bound, where it follows from the data.
            details: Fill in the advice.
        """
        bound = self.limit if limit is None else limit
        assert bound is not None, f"{self.name} needs the limit that follows from the data"
        good = value >= bound if self.minimum else value <= bound
        return Check(
            name=self.name,
            value=value,
            limit=bound,
            unit=self.unit,
            outcome="pass" if good else self.severity,
            advice="" if good else self.advice.format(**details),
        )


def verdict_of(checks: Sequence[Check]) -> Verdict:
    """Return what outcomes mean: a failure rejects, a warning makes suspect."""
    outcomes = {check.outcome for check in checks}
    if "fail" in outcomes:
        return "rejected"
    return "suspect" if "warn" in outcomes else "valid"


def quality_of(checks: tuple[Check, ...]) -> Quality:
    """Return checks with their verdict."""
    return Quality(verdict=verdict_of(checks), checks=checks)
