"""Where in a campaign the device is left alone after a block of work, and what is kept of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import ceil

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK, EarlierRun
from joulesplit.calibrate.campaign._rest import rest_positions, rest_task
from joulesplit.calibrate.campaign._schedule import Subject
from joulesplit.calibrate.errors import PlanError
from joulesplit.calibrate.estimates import late_work
from joulesplit.calibrate.windows import WindowTask
from proof.disturbances import Lateness, disturbed
from proof.stage import proof_blocks
from proof.virtual import run_virtual
from proof.worlds import perfect_sensor_world

WORLD = disturbed(perfect_sensor_world(1), lateness=Lateness(share=0.02, late_s=2.0))
BLOCKS = proof_blocks()[:3]
REST_S = 8.0 + QUICK.timing.settle_s + 16.0


@cache
def campaign():
    return run_virtual(QUICK, BLOCKS, WORLD)[0]


def tasks_of(kinds):
    return [WindowTask(kind=kind, subject=kind, block=1, repetitions=1) for kind in kinds]


def test_rests_come_before_windows_of_computing_one_in_each_part_of_the_round():
    kinds = ["control", "upload", "upload", "compute", "upload", "compute", "upload", "upload"]

    assert rest_positions(tasks_of(kinds), 1) == {5}
    assert rest_positions(tasks_of(kinds), 2) == {3, 5}
    assert rest_positions(tasks_of(kinds), 0) == frozenset()
    assert rest_positions(tasks_of(["upload"] * 8), 2) == frozenset()


@pytest.mark.parametrize(("whole", "runs"), [(True, "whole network"), (False, "block 2")])
def test_before_a_rest_the_whole_network_runs_or_where_it_is_not_measured_its_slowest_block(
    whole, runs
):
    def subject(kind, key, unit_s):
        return Subject(kind=kind, key=key, block=1, unit_s=unit_s, lengths_s=QUICK.work_s)

    subjects = [
        subject("compute", "block 1", 0.01),
        subject("compute", "block 2", 0.05),
        subject("upload", "upload", 0.5),
        *([subject("whole", "whole network", 0.06)] if whole else []),
    ]

    task = rest_task(QUICK, subjects)

    assert task.subject == runs
    assert task.repetitions == ceil(8.0 / (0.06 if whole else 0.05))


def test_fewer_rests_than_none_are_refused():
    with pytest.raises(PlanError, match="rests is -1"):
        msgspec.structs.replace(QUICK, rests=-1)


def test_what_lasts_after_the_work_is_kept_with_the_window_that_follows():
    records = campaign().records

    (rested,) = (record for record in records if record.rest)
    late = late_work(records)
    assert rested.task.kind in ("compute", "head", "whole")
    assert rested.quiet_s == pytest.approx(REST_S, abs=1.0)
    assert len(rested.rest.power_w) == 32
    assert late.lasts_s == 2.0
    assert late.share == pytest.approx(0.02, abs=3 * late.u)


def test_a_campaign_that_is_gone_on_with_rests_where_it_had_not():
    whole = campaign()
    (position,) = (n for n, record in enumerate(whole.records) if record.rest)

    def resumed_after(done):
        past = EarlierRun(start=whole.start, records=whole.records[:done])
        later = run_virtual(QUICK, BLOCKS, replace(WORLD, seed=2), past=past)[0].records[done:]
        return [done + n for n, record in enumerate(later) if record.rest]

    assert resumed_after(position) == [position]
    assert resumed_after(position + 1) == []


def test_where_no_time_is_left_for_a_rest_there_is_none():
    (position,) = (n for n, record in enumerate(campaign().records) if record.rest)
    before = campaign().records[:position]
    spent_s = sum(r.work_s + r.settle_s + 2 * 0.16 + r.quiet_s for r in before)
    limits = msgspec.structs.replace(QUICK.limits, duration_s=spent_s + 20.0)

    records = run_virtual(msgspec.structs.replace(QUICK, limits=limits), BLOCKS, WORLD)[0].records

    assert len(records) > position
    assert not any(record.rest for record in records)
