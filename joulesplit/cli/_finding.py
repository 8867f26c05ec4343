"""One thing the doctor looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "info", "warn", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found.

    Attributes:
        name: Stable identifier.
        state: ``info`` says what is absent but not needed, ``warn`` makes figures worse,
            ``error`` stops a command from working.
        found: What is there, one sentence.
        fix: What to do; empty if nothing needs to be done.
    """

    name: str
    state: State
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Everything the doctor has to say.

    Attributes:
        findings: In the order they were looked at.
        ready_for: For every value of ``--sensor``, whether it can be used here now.
    """

    findings: tuple[Finding, ...]
    ready_for: dict[str, bool]
