"""Everything a campaign can measure, by subject, and how long one repetition of it takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.campaign._schedule import WHOLE_KEY, Subject, block_key, head_key
from joulesplit.calibrate.campaign._transfer_plan import (
    UploadSubject,
    download_subjects,
    stream_length,
    window_lengths_s,
)
from joulesplit.calibrate.campaign._warmup import Thermometer, no_thermometer
from joulesplit.calibrate.environment import ForeignLoad
from joulesplit.calibrate.profile import encoding_of
from joulesplit.calibrate.sampling import Sampler
from joulesplit.calibrate.windows import WindowKind, WindowTask
from joulesplit.calibrate.workloads import PreparedWorkload, Workload
from joulesplit.drivers.protocols import Clock

Direction = Literal["upload", "download"]

PILOT_S = 0.02
"""The pilot doubles its repetitions until a run takes this long, s."""

PILOT_AGREEMENT = 0.1
"""Warm: two successive pilot runs agree in time per inference to this fraction."""

PILOT_LONG_S = 1.0
"""A run this long, s, does not show what it took once."""

PILOT_RUNS = 12
"""A workload that has not settled after so many runs is measured as it is."""


class ForeignLoadWatch(Protocol):
    """What other programs take of the processors, asked at two moments."""

    def begin(self) -> None:
        """Watch from now on."""

    def since(self) -> ForeignLoad | None:
        """Return what others took since; None where nobody can tell."""


class MemoryWatch(Protocol):
    """Whether memory is short, asked at two moments."""

    def begin(self) -> None:
        """Watch from now on."""

    def since(self) -> int | None:
        """Return the pages swapped or waited for since; None where nobody can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a campaign works with.

    Attributes:
        clock: Time of the workloads.
        sampler: Running sampler.
        blocks: Workload of block l, by l.
        uploads: Workload of each upload subject, by key.
        heads: Workload of several blocks as one network, by the last of them.
        downloads: Workload of each download, by key.
        phases: Workload of what happens once per start, by key.
        thermometer: Of the processor.
        lay_out_anew: Gives the blocks and heads new places in memory, as a new start would.
        foreign_load: Tells what other programs take of the processors; None if nothing does.
        paging: Tells whether memory is short; None if nothing does.
    """

    clock: Clock
    sampler: Sampler
    blocks: Mapping[int, Workload]
    uploads: Mapping[str, Workload]
    heads: Mapping[int, Workload] = field(default_factory=dict)
    downloads: Mapping[str, Workload] = field(default_factory=dict)
    phases: Mapping[str, Workload] = field(default_factory=dict)
    thermometer: Thermometer = no_thermometer
    lay_out_anew: Callable[[], None] = lambda: None
    foreign_load: ForeignLoadWatch | None = None
    paging: MemoryWatch | None = None

    def head_key(self, last_block: int) -> str:
        """Return the subject key of a head, which may be all of the network."""
        return head_key(last_block, len(self.blocks))

    def workloads(self) -> dict[str, Workload]:
        """Return every workload by its subject's key."""
        return {
            **{block_key(index): workload for index, workload in self.blocks.items()},
            **{self.head_key(last): workload for last, workload in self.heads.items()},
            **self.uploads,
            **self.downloads,
            **self.phases,
        }

    def workload(self, task: WindowTask) -> Workload:
        """Return the workload of a task, ready for it."""
        workload = self.workloads()[task.subject]
        if isinstance(workload, PreparedWorkload):
            workload.prepare(task.repetitions)
        return workload


def pilot_latency_s(workload: Workload) -> float:
    """Return the time that one more repetition takes, s, once the workload is warm.

    What a run takes once, to wake threads and caches or a radio, is no part of it: a window has
    it once too, and a repetition billed with it would make windows shorter than planned. So it is
    the difference between a run and one of twice the repetitions. Where another program held one
    of the two up, the difference says nothing: it counts as the whole of the shorter run at most,
    and as half of it at least, since a start is taken for the smaller part of a run.
    """
    repetitions, run_s, settled = _warm_run(workload)
    mean_s = run_s / repetitions
    more = _ready(workload, 2 * repetitions) - repetitions
    if not settled or not more or run_s >= PILOT_LONG_S:
        return mean_s
    further_s = (_run_s(workload, repetitions + more) - run_s) / more
    return min(mean_s, max(mean_s / 2, further_s))


def _warm_run(workload: Workload) -> tuple[int, float, bool]:
    """Return the repetitions of a warm run, what it took, s, and whether it really was warm.

    Warm is decided by a test, two successive runs that agree, not by a count.
    """
    repetitions, run_s = 1, _run_s(workload, 1)
    for _ in range(PILOT_RUNS - 1):
        before_s = run_s / repetitions
        if run_s < PILOT_S:
            repetitions = _ready(workload, 2 * repetitions)
        run_s = _run_s(workload, repetitions)
        settled = abs(run_s / repetitions - before_s) <= PILOT_AGREEMENT * run_s / repetitions
        if run_s >= PILOT_S and settled:
            return repetitions, run_s, True
    return repetitions, run_s, False


def _ready(workload: Workload, repetitions: int) -> int:
    """Return as many repetitions as a workload can be prepared for."""
    if isinstance(workload, PreparedWorkload):
        return min(repetitions, workload.at_most)
    return repetitions


def _run_s(workload: Workload, repetitions: int) -> float:
    if isinstance(workload, PreparedWorkload):
        workload.prepare(repetitions)
    done = workload.run(repetitions)
    return (done.ended_ns - done.started_ns) * 1e-9


def pilot(plan: Plan, bench: Bench, uploads: Sequence[UploadSubject]) -> dict[str, float]:
    """Return the time of one repetition of every subject, s, by key.

    A head that is measured on demand is taken to last as long as its blocks.

    Args:
        plan: What is to be measured.
        bench: What is there to measure.
        uploads: Upload subjects; at a stated rate only what an upload takes besides its airtime
            needs a pilot, and that of the shortest one stands for all.
    """
    paced_s = {u.key: u.airtime_s for u in uploads if u.airtime_s is not None}
    besides_s = _besides_airtime_s(bench, paced_s)
    on_demand = _heads_on_demand(plan, bench)
    unit_s = {
        key: paced_s[key] + besides_s if key in paced_s else pilot_latency_s(workload)
        for key, workload in bench.workloads().items()
        if key not in on_demand
    }
    blocks_s = {last: unit_s[block_key(last)] for last in bench.blocks}
    return unit_s | {
        key: sum(blocks_s[index] for index in range(1, last + 1)) for key, last in on_demand.items()
    }


def _heads_on_demand(plan: Plan, bench: Bench) -> dict[str, int]:
    """Return the last blocks of heads that may never be run, by key: they are not timed either."""
    keys = {bench.head_key(last): last for last in bench.heads if plan.heads == "winner"}
    return {key: last for key, last in keys.items() if key != WHOLE_KEY}


def _besides_airtime_s(bench: Bench, paced_s: Mapping[str, float]) -> float:
    """Return what an upload takes besides its airtime, s."""
    if not paced_s:
        return 0.0
    shortest = min(paced_s, key=lambda key: paced_s[key])
    return max(0.0, pilot_latency_s(bench.uploads[shortest]) - paced_s[shortest])


def subjects_of(
    plan: Plan,
    bench: Bench,
    unit_s: Mapping[str, float],
    uploads: Sequence[UploadSubject] = (),
) -> tuple[Subject, ...]:
    """Return everything there is to measure, in the order of the network.

    Args:
        plan: The plan.
        bench: What is there to measure.
        unit_s: From ``pilot``, s.
        uploads: Upload subjects, from which the downloads follow.
    """
    downloads = download_subjects(plan, uploads) if bench.downloads else ()
    by_key = {transfer.key: transfer for transfer in (*uploads, *downloads)}

    def computing(key: str, block: int) -> Subject:
        kind: WindowKind = "whole" if key == WHOLE_KEY else "head"
        if key == block_key(block):
            kind = "compute"
        return Subject(kind=kind, key=key, block=block, unit_s=unit_s[key], lengths_s=plan.work_s)

    return (
        *(computing(block_key(index), index) for index in bench.blocks),
        *(computing(bench.head_key(last), last) for last in bench.heads),
        *(_sending("upload", key, plan, unit_s, by_key.get(key)) for key in bench.uploads),
        *(_sending("download", key, plan, unit_s, by_key.get(key)) for key in bench.downloads),
        *(_phase(key, workload, plan, unit_s) for key, workload in bench.phases.items()),
    )


def _sending(
    kind: Direction,
    key: str,
    plan: Plan,
    unit_s: Mapping[str, float],
    transfer: UploadSubject | None,
) -> Subject:
    lengths_s, stream = plan.upload_lengths_s, 1
    if transfer is not None and kind == "upload":
        lengths_s = window_lengths_s(plan, transfer, unit_s[key])
        stream = stream_length(plan, transfer, unit_s[key])
    return Subject(
        kind=kind,
        key=key,
        block=0,
        unit_s=unit_s[key],
        lengths_s=lengths_s,
        stream=stream,
        payload_bits=transfer.payload_bits if transfer else 0,
    )


def _phase(key: str, workload: Workload, plan: Plan, unit_s: Mapping[str, float]) -> Subject:
    made = encoding_of(key)
    return Subject(
        kind="phase",
        key=key,
        block=made[1] if made else 0,
        unit_s=unit_s[key],
        lengths_s=(min(plan.work_s), max(plan.work_s)),
        most=workload.at_most if isinstance(workload, PreparedWorkload) else None,
    )
