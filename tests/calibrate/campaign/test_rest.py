"""Where in a campaign the device is left alone after a block of work, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import ceil

import msgspec
import pytest

from joulesplit.calibrate.campaign import (
    QUICK,
    EarlierRun,
    crossing_bits,
    run_campaign,
    upload_subjects,
)
from joulesplit.calibrate.campaign._rest import rest_positions, rest_task
from joulesplit.calibrate.campaign._schedule import Subject
from joulesplit.calibrate.environment import ForeignLoad
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.estimates import RESTED, late_work
from joulesplit.calibrate.windows import WindowTask
from proof.disturbances import Lateness, disturbed
from proof.stage import proof_blocks, stage_of
from proof.virtual import run_virtual
from proof.worlds import perfect_sensor_world

WORLD = disturbed(perfect_sensor_world(1), lateness=Lateness(share=0.02, late_s=2.0))
BLOCKS = proof_blocks()[:3]
REST_S = 8.0 + QUICK.timing.settle_s + 32.0


@cache
def campaign():
    return run_virtual(QUICK, BLOCKS, WORLD)[0]


def tasks_of(kinds):
    return [WindowTask(kind=kind, subject=kind, block=1, repetitions=1) for kind in kinds]


def rested_of(records, work):
    """Return the windows of a kind of work that a rest comes before, by their place."""
    return {n: r for n, r in enumerate(records) if r.rest and r.task.kind in RESTED[work]}


def test_rests_come_before_windows_of_their_work_one_in_each_part_of_the_round():
    kinds = ["control", "upload", "upload", "compute", "upload", "compute", "upload", "upload"]

    def before(wanted, of=kinds, work="computing"):
        return set(rest_positions(tasks_of(of), {work: wanted}))

    assert before(1) == {5}
    assert before(2) == {3, 5}
    assert before(0) == before(2, ["upload"] * 8) == set()
    assert before(2, work="uploads") == {2, 6}
    assert rest_positions(tasks_of(kinds), {"computing": 1, "uploads": 1, "downloads": 1}) == {
        5: "computing",
        4: "uploads",
    }


@pytest.mark.parametrize(("whole", "runs"), [(True, "whole network"), (False, "block 2")])
def test_before_a_rest_the_whole_network_runs_or_its_slowest_block_or_what_sends_most(whole, runs):
    def subject(kind, key, unit_s, bits=0):
        lengths_s = QUICK.work_s
        return Subject(
            kind=kind, key=key, block=1, unit_s=unit_s, lengths_s=lengths_s, payload_bits=bits
        )

    subjects = [
        subject("compute", "block 1", 0.01),
        subject("compute", "block 2", 0.05),
        subject("upload", "slow", 1.0, 5_000_000),
        subject("upload", "fast", 0.5, 5_000_000),
        subject("upload", "small", 0.1, 10_000),
        *([subject("whole", "whole network", 0.06)] if whole else []),
    ]

    task = rest_task(QUICK, subjects, "computing")
    sent = rest_task(QUICK, subjects, "uploads")

    assert task.subject == runs
    assert task.repetitions == ceil(8.0 / (0.06 if whole else 0.05))
    assert (sent.subject, sent.repetitions) == ("fast", 16)


def test_what_cannot_be_run_eight_times_before_a_rest_gives_way_to_what_can():
    """Of one part nothing tells what reading the sensor takes at work."""

    def sent(*units_s):
        subjects = [
            Subject(
                kind="upload", key=f"{unit_s} s", block=0, unit_s=unit_s, lengths_s=QUICK.work_s,
                payload_bits=round(unit_s**1.1 * 1e6),
            )
            for unit_s in units_s
        ]  # fmt: skip
        return rest_task(QUICK, subjects, "uploads").subject

    assert sent(0.3, 1.0, 2.0) == "1.0 s"
    assert sent(2.0, 3.0) == "3.0 s"


def test_fewer_rests_than_none_are_refused():
    with pytest.raises(PlanError, match="rests is -1"):
        msgspec.structs.replace(QUICK, rests=-1)


def test_what_lasts_after_the_work_is_kept_with_the_window_that_follows():
    records = campaign().records

    (rested,) = rested_of(records, "computing").values()
    (sent,) = rested_of(records, "uploads").values()
    late = late_work([rested], "computing")
    assert rested.quiet_s == pytest.approx(REST_S, abs=1.0)
    took_s = sent.rest.work_s + QUICK.timing.upload_settle_s + 16.0
    # The window may be one of those that are watched for 1.5 s.
    assert 0 <= sent.quiet_s - took_s < 2.4
    assert (len(rested.rest.power_w), len(sent.rest.power_w)) == (64, 32)
    assert str(late.shape) == "for some 2 s"
    assert late.told.share == pytest.approx(0.02, abs=3 * late.told.u)


def test_a_campaign_that_is_gone_on_with_rests_where_it_had_not():
    whole = campaign()
    first, second = (n for n, record in enumerate(whole.records) if record.rest)

    def resumed_after(done):
        past = EarlierRun(start=whole.start, records=whole.records[:done])
        later = run_virtual(QUICK, BLOCKS, replace(WORLD, seed=2), past=past)[0].records[done:]
        return [done + n for n, record in enumerate(later) if record.rest]

    assert resumed_after(first) == [first, second]
    assert resumed_after(first + 1) == [second]


def test_where_no_time_is_left_for_a_rest_there_is_none():
    position = min(n for n, record in enumerate(campaign().records) if record.rest)
    before = campaign().records[:position]
    spent_s = sum(r.work_s + r.settle_s + 2 * 0.16 + r.quiet_s for r in before)
    limits = msgspec.structs.replace(QUICK.limits, duration_s=spent_s + 20.0)

    records = run_virtual(msgspec.structs.replace(QUICK, limits=limits), BLOCKS, WORLD)[0].records

    assert len(records) > position
    assert not any(record.rest for record in records)


class Program:
    """Another program that keeps one of four processors busy for some seconds of some rests.

    Its share of the processors is told by the clock, from when it is asked for to when it is asked
    for again, as the kernel does.
    """

    def __init__(self, stage, rests, busy_s):
        self.stage, self.rests, self.busy_s = stage, rests, busy_s
        self.began_ns, self.looks = 0, []

    def begin(self):
        self.began_ns = self.stage.clock.now_ns()

    def since(self):
        elapsed_s = (self.stage.clock.now_ns() - self.began_ns) * 1e-9
        if elapsed_s < 12.0:
            return ForeignLoad(share=0.0)
        self.looks.append(elapsed_s)
        busy_s = self.busy_s if len(self.looks) - 1 in self.rests else 0.0
        return ForeignLoad(share=busy_s / 4 / elapsed_s)


@pytest.mark.parametrize(
    ("rests", "busy_s", "spoilt"),
    [((0,), 3.0, [1, 0]), (range(6), 3.0, [3, 3]), (range(6), 0.5, [0, 0])],
)
def test_a_rest_in_which_another_program_ran_is_done_again_three_times_at_most(
    rests, busy_s, spoilt
):
    uploads = upload_subjects(QUICK, crossing_bits(0, BLOCKS))
    stage = stage_of(WORLD, BLOCKS)
    program = Program(stage, rests, busy_s)
    records = run_campaign(
        QUICK, replace(stage.bench(uploads), foreign_load=program), uploads
    ).records

    told = [record for record in records if record.rest or record.spoilt_rests]
    assert [record.spoilt_rests for record in told] == spoilt
    assert [record.rest is None for record in told] == [tries == 3 for tries in spoilt]
    # Only the rest is looked at, not the work before it, and all that it took is counted.
    assert all(15.9 < looked_s % 16 + 16 < 16.3 for looked_s in program.looks)
    for record in told:
        tries = record.spoilt_rests + (record.rest is not None)
        rest_s = 16.0 if record.task.kind == "upload" else 32.0
        assert 0 <= record.quiet_s - tries * (8.0 + rest_s) < 2.5 * tries
