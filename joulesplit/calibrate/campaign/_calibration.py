"""A calibration with a running instrument: new or resumed, every window journaled at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from joulesplit.calibrate.campaign._circumstances import storable
from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.campaign._plan_for_sensor import for_sensor
from joulesplit.calibrate.campaign._procedure import (
    CampaignListener,
    CampaignResult,
    Progress,
    Start,
    run_campaign,
)
from joulesplit.calibrate.campaign._profile_from_journal import profile_from_journal
from joulesplit.calibrate.campaign._resume import (
    is_left,
    past_of,
    require_same,
    require_same_subjects,
)
from joulesplit.calibrate.campaign._stop_rule import RuleMaker, rule_by_precision
from joulesplit.calibrate.campaign._transfer_plan import as_fitted
from joulesplit.calibrate.checks import response_checks
from joulesplit.calibrate.journal import (
    Begun,
    Ended,
    Header,
    Journal,
    JournalContents,
    WindowEntry,
    clock_offset_ns,
    later,
    read_journal,
)
from joulesplit.calibrate.response import observe_response

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign._bench import Bench
    from joulesplit.calibrate.campaign._stopping import StopOpinion, StopRule
    from joulesplit.calibrate.campaign._transfer_plan import UploadSubject
    from joulesplit.calibrate.instrument import Instrument
    from joulesplit.calibrate.profile import Check, DeviceProfile
    from joulesplit.calibrate.windows import WindowRecord


@dataclass(slots=True, kw_only=True)
class JournalFile:
    """Where a campaign is kept.

    Attributes:
        path: Of the journal.
        resume: Go on with it; else it is new.
        replaces: Files of an earlier campaign, which go once there is something to measure.
        opened: It holds this campaign, whatever was there before; set when that is so.
    """

    path: Path
    resume: bool = False
    replaces: tuple[Path, ...] = ()
    opened: bool = False


def calibrate_device(
    instrument: Instrument,
    plan: Plan,
    file: JournalFile,
    on_progress: Callable[[Progress], None] = lambda _: None,
    *,
    make_rule: RuleMaker = rule_by_precision,
) -> DeviceProfile:
    """Run a whole calibration, or the rest of one, and return the profile that it gives.

    Args:
        instrument: Running instrument.
        plan: What to measure.
        file: Where the windows go.
        on_progress: Told before the first window, after each, and while a wait lasts; never
            inside a window or its idle.
        make_rule: Makes the rule that a plan stops by. The default knows plans that run once and
            plans that stop at a precision; what stops for a decision needs whoever decides.

    Raises:
        JournalError: The journal exists, or is of another campaign.
        SensorError: The sensor failed.
        EdgeError: The server failed.
        PlanError: The rule's maker does not know the plan's rule.
        CalibrationError: The plan cannot be carried out here, or the windows do not give the
            figures.
        KeyboardInterrupt: It was interrupted; the journal says so.
    """
    header, past = _header(instrument, plan, file)
    if past is None or is_left(past, header.plan):
        # What cannot be measured is refused before anything is begun, or replaced.
        rule = _rule(instrument, header, past, make_rule)
        work = instrument.bench(header.plan)
        if past is not None and past.start is not None:
            require_same_subjects(file.path, past.start.unit_s, work[0].workloads())
        for earlier in file.replaces:
            earlier.unlink(missing_ok=True)
        with Journal(file.path, resume=file.resume) as journal:
            if past is None:
                journal.append(header)
            file.opened = True
            _Run(instrument, header, past, journal).measure(*work, rule, on_progress)
    return profile_from_journal(read_journal(file.path))


def _header(
    instrument: Instrument, plan: Plan, file: JournalFile
) -> tuple[Header, JournalContents | None]:
    """Return the header of what is to be done now, and what was done before."""
    past = read_journal(file.path) if file.resume else None
    # A sensor times its cycle anew each time it is opened; the lengths stay those of the start.
    sensor = past.header.around.sensor if past else instrument.sampler.description
    plan = for_sensor(as_fitted(plan, past.header.plan) if past else plan, sensor.cycle_s)
    around = storable(instrument.circumstances(plan))
    header = Header(plan=plan, around=around, link_kind=instrument.link_kind)
    if past is None:
        checks = (*around.checks, *_response_checks(instrument, plan))
        return msgspec.structs.replace(header, around=replace(around, checks=checks)), None
    require_same(file.path, past.header, header)
    return msgspec.structs.replace(past.header, plan=plan), past


def _response_checks(instrument: Instrument, plan: Plan) -> Iterator[Check]:
    """Return whether the plan's windows hold what the sensor shows of a step of load."""
    sampler = instrument.sampler
    return response_checks(
        observe_response(sampler, instrument.clock),
        sampler.description,
        settle_s=plan.timing.settle_s,
        shortest_s=min(plan.work_s),
    )


def _rule(
    instrument: Instrument, header: Header, past: JournalContents | None, make_rule: RuleMaker
) -> StopRule:
    """Return the rule that each run asked, or asks, at its own looks.

    A later run asks again at the same looks, and what was measured next must follow from the
    answers it gets: each look is that of the plan of its time, and judges the windows as a reader
    of their journal will see them, because after a boot their times are others.
    """
    network, around = instrument.network.network, header.around
    now = make_rule(header.plan, network, around)
    if past is None:
        return now
    boot_id = instrument.boot_id

    def judge(records: Sequence[WindowRecord]) -> StopOpinion:
        earlier = len(records) < len(past.records)
        rule = make_rule(past.plan_after(len(records)), network, around) if earlier else now
        return rule(on_one_clock_with(past, records, boot_id))

    return judge


def on_one_clock_with(
    past: JournalContents, records: Sequence[WindowRecord], boot_id: str | None
) -> Sequence[WindowRecord]:
    """Return windows as a reader of their journal will see them once they are all in it.

    Args:
        past: What the journal held when this run began.
        records: Its windows, and then those of this run, as timed.
        boot_id: Of the boot that this run is timed by.
    """
    done = len(past.records)
    new = records[done:]
    if not new:
        return records
    offset_ns = clock_offset_ns(past.runs, boot_id, new[0].started_ns)
    return (*records[:done], *(later(record, offset_ns) for record in new))


class _Run:
    """One run of a campaign, with everything that it leaves in the journal."""

    def __init__(
        self, instrument: Instrument, header: Header, past: JournalContents | None, journal: Journal
    ) -> None:
        self._instrument, self._header, self._past = instrument, header, past
        self._journal, self._begun = journal, False

    def measure(
        self,
        bench: Bench,
        uploads: Sequence[UploadSubject],
        rule: StopRule,
        on_progress: Callable[[Progress], None],
    ) -> None:
        outcome: CampaignResult | None = None
        past = past_of(self._past) if self._past else None
        told = CampaignListener(start=self._begin, keep=self._keep, progress=on_progress)
        try:
            outcome = run_campaign(
                self._header.plan, bench, uploads, rule=rule, past=past, told=told
            )
        finally:
            # Whatever ended the run, its windows are worth keeping together with how it ended.
            if self._begun:
                self._journal.append(self._ending(outcome))

    def _begin(self, start: Start) -> None:
        other = self._past is not None and self._past.header.plan != self._header.plan
        self._journal.append(
            Begun(
                start=start,
                conditions=self._instrument.conditions(),
                boot_id=self._instrument.boot_id,
                plan=self._header.plan if other else None,
            )
        )
        self._begun = True

    def _keep(self, record: WindowRecord) -> None:
        sampling = self._instrument.sampler.statistics()
        state = self._instrument.conditions_between()
        self._journal.append(WindowEntry(window=record, sampling=sampling, conditions=state))

    def _ending(self, outcome: CampaignResult | None) -> Ended:
        return Ended(
            opinion=outcome.opinion if outcome else None,
            throttled_bits=self._instrument.device.machine.throttled_bits,
            conditions=self._instrument.conditions(),
        )
