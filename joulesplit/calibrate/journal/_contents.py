"""What a whole journal says of its campaign."""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.calibrate.campaign import Plan, Start
from joulesplit.calibrate.journal._entries import Ended, Header, Run
from joulesplit.calibrate.sampling import SamplerStatistics, pooled
from joulesplit.calibrate.windows import WindowRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContents:
    """What a journal holds.

    Attributes:
        header: Of the campaign.
        runs: In order of time.
        windows_sha256: Of the windows as the file holds them, see ``CampaignRecord``; empty for
            contents that are of no file.
    """

    header: Header
    runs: tuple[Run, ...]
    windows_sha256: str = ""

    @property
    def records(self) -> tuple[WindowRecord, ...]:
        """Every window, in order."""
        return tuple(kept.window for run in self.runs for kept in run.kept)

    @property
    def start(self) -> Start | None:
        """How the first run began; None if there was none."""
        return self.runs[0].begun.start if self.runs else None

    @property
    def plan(self) -> Plan:
        """What the last run kept to."""
        return self.plan_after(len(self.records))

    def plan_after(self, windows: int) -> Plan:
        """Return what the run kept to that looked at the campaign after so many windows."""
        plan, done = self.header.plan, 0
        for run in self.runs:
            if done > windows:
                break
            plan = run.begun.plan or self.header.plan
            done += len(run.kept)
        return plan

    @property
    def warm(self) -> bool:
        """The device was warm at the beginning of every run."""
        return all(run.begun.start.warm_up.warm for run in self.runs)

    @property
    def ended(self) -> Ended | None:
        """How the last run ended; None if it was killed."""
        return self.runs[-1].ended if self.runs else None

    @property
    def finished(self) -> bool:
        """The stop rule has had its last word: there is nothing left to measure."""
        return self.ended is not None and self.ended.opinion is not None

    @property
    def sampling(self) -> SamplerStatistics:
        """How the samplers of all runs fared; each counts from the beginning of its own run."""
        return pooled([run.kept[-1].sampling for run in self.runs if run.kept])
