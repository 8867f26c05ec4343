"""A calibration with a running instrument: new or resumed, every window journaled at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from joulesplit.calibrate.campaign import (
    Outcome,
    Plan,
    Progress,
    Start,
    StopOpinion,
    StopRule,
    Told,
    for_sensor,
    is_left,
    past_of,
    profile_of,
    require_same,
    require_same_subjects,
    run_campaign,
    storable,
)
from joulesplit.calibrate.journal import (
    Begun,
    Ended,
    Header,
    Journal,
    JournalContents,
    Kept,
    read_journal,
)
from joulesplit.calibrate.windows import WindowRecord
from joulesplit.cli.measuring._decision_stop import rule_of

if TYPE_CHECKING:
    from joulesplit.calibrate.campaign import Bench, UploadSubject
    from joulesplit.calibrate.profile import DeviceProfile
    from joulesplit.cli.measuring._instrument import Instrument
    from joulesplit.partition import Network


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
    on_window: Callable[[Progress], None],
) -> DeviceProfile:
    """Run a whole calibration in real time, or the rest of one.

    Args:
        instrument: Running instrument.
        plan: What to measure.
        file: Where the windows go.
        on_window: Told before the first window and after each.

    Raises:
        JournalError: The journal exists, or is of another campaign.
        SensorError: The sensor failed.
        EdgeError: The server failed.
        CalibrationError: The plan cannot be carried out here, or the windows do not give the
            figures.
        KeyboardInterrupt: It was interrupted; the journal says so.
    """
    header, past = _header(instrument, plan, file)
    if past is None or is_left(past, header.plan):
        # What cannot be measured is refused before anything is begun, or replaced.
        work = instrument.bench(header.plan)
        if past is not None and past.start is not None:
            require_same_subjects(file.path, past.start.unit_s, work[0].workloads())
        for earlier in file.replaces:
            earlier.unlink(missing_ok=True)
        with Journal(file.path, resume=file.resume) as journal:
            if past is None:
                journal.append(header)
            file.opened = True
            _run(instrument, header, past, journal, on_window, work=work)
    return profile_of(read_journal(file.path))


def _header(
    instrument: Instrument, plan: Plan, file: JournalFile
) -> tuple[Header, JournalContents | None]:
    """Return the header of what is to be done now, and what was done before."""
    past = read_journal(file.path) if file.resume else None
    # A sensor times its cycle anew each time it is opened; the lengths stay those of the start.
    sensor = past.header.around.sensor if past else instrument.sampler.description
    plan = for_sensor(plan, sensor.cycle_s)
    around = storable(instrument.circumstances(plan))
    header = Header(plan=plan, around=around, link_kind=instrument.link_kind)
    if past is None:
        return header, None
    require_same(file.path, past.header, header)
    return msgspec.structs.replace(past.header, plan=plan), past


def _run(
    instrument: Instrument,
    header: Header,
    past: JournalContents | None,
    journal: Journal,
    on_window: Callable[[Progress], None],
    *,
    work: tuple[Bench, tuple[UploadSubject, ...]],
) -> None:
    outcome: Outcome | None = None
    begun = False

    def begin(start: Start) -> None:
        nonlocal begun
        journal.append(_beginning(instrument, header.plan, past, start))
        begun = True

    def keep(record: WindowRecord) -> None:
        sampling = instrument.sampler.statistics()
        state = instrument.conditions_between()
        journal.append(Kept(window=record, sampling=sampling, conditions=state))

    try:
        outcome = run_campaign(
            header.plan,
            *work,
            rule=_rule(instrument.network.network, header, past, journal.path),
            past=past_of(past) if past else None,
            told=Told(start=begin, keep=keep, progress=on_window),
        )
    finally:
        # Whatever ended the run, its windows are worth keeping together with how it ended.
        if begun:
            journal.append(_ending(instrument, outcome))


def _beginning(
    instrument: Instrument, plan: Plan, past: JournalContents | None, start: Start
) -> Begun:
    other = past is not None and past.header.plan != plan
    return Begun(
        start=start,
        conditions=instrument.conditions(),
        boot_id=instrument.boot_id,
        plan=plan if other else None,
    )


def _rule(network: Network, header: Header, past: JournalContents | None, path: Path) -> StopRule:
    """Return the rule that each run asked, or asks, at its own looks.

    A later run asks again at the same looks, and what was measured next must follow from the
    answers it gets: each look is that of the plan of its time, and judges the windows as a reader
    of their journal will see them, because after a boot their times are others.

    Args:
        network: That is to be split.
        header: Of this run.
        past: What there was before it.
        path: Of the journal.
    """

    def judge(records: Sequence[WindowRecord]) -> StopOpinion:
        windows = len(records)
        earlier = past is not None and windows < len(past.records)
        plan = past.plan_after(windows) if past and earlier else header.plan
        return rule_of(plan, network, header.around)(read_journal(path).records[:windows])

    return judge


def _ending(instrument: Instrument, outcome: Outcome | None) -> Ended:
    return Ended(
        opinion=outcome.opinion if outcome else None,
        throttled_bits=instrument.machine.throttled_bits,
        conditions=instrument.conditions(),
    )
