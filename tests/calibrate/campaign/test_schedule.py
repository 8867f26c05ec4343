from __future__ import annotations

from collections import Counter
from math import ceil

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.calibrate.campaign import (
    QUICK,
    StopPlan,
    announced_duration_s,
    block_key,
    download_subjects,
    head_blocks,
    longest_duration_s,
    upload_subjects,
)
from joulesplit.calibrate.campaign._plan import PLANS, Limits
from joulesplit.calibrate.campaign._schedule import (
    Subject,
    distinct_repetitions,
    expected_duration_s,
    layout_starts,
    round_tasks,
)
from joulesplit.calibrate.errors import PlanError

LATENCY_S = {1: 0.01, 2: 0.002, 3: 0.03}
SIZES = [32_000, 401_408, 802_816, 2_408_448, 12_845_056]


def changed(**fields):
    return msgspec.structs.replace(QUICK, **fields)


def subjects(plan):
    blocks = [
        Subject(kind="compute", key=block_key(i), block=i, unit_s=s, lengths_s=plan.work_s)
        for i, s in LATENCY_S.items()
    ]
    uploads = [
        Subject(
            kind="upload",
            key=upload.key,
            block=0,
            unit_s=upload.airtime_s or 0.1,
            lengths_s=plan.upload_lengths_s,
        )
        for upload in upload_subjects(plan, SIZES)
    ]
    return (*blocks, *uploads)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_subject_and_length_is_measured_as_often_as_planned(plan):
    tasks = round_tasks(plan, subjects(plan), 0)

    measured = Counter(task.subject for task in tasks if task.kind != "control")
    assert measured == {s.key: len(s.lengths_s) * plan.repeats for s in subjects(plan)}


def test_repetitions_fill_the_planned_length():
    tasks = round_tasks(QUICK, subjects(QUICK), 0)

    lengths = sorted({t.repetitions * LATENCY_S[3] for t in tasks if t.block == 3})
    assert lengths == pytest.approx(QUICK.work_s, rel=0.15)


@given(
    unit_s=st.floats(1e-3, 1e3),
    shortest_s=st.floats(0.01, 10.0),
    more=st.lists(st.floats(2.0, 9.0), min_size=1, max_size=4, unique=True),
)
def test_work_of_any_length_is_repeated_differently_often(unit_s, shortest_s, more):
    """Else the energy of one repetition, a slope, cannot be told."""
    lengths_s = (shortest_s, *(shortest_s * times for times in more))
    repetitions = distinct_repetitions(lengths_s, unit_s)

    assert len(set(repetitions.values())) > 1
    for seconds, number in repetitions.items():
        assert number * unit_s >= seconds or number <= len(lengths_s)
        assert number == ceil(seconds / unit_s) or unit_s >= max(lengths_s)


def test_an_upload_longer_than_its_windows_is_sent_once_and_twice():
    """The only one of a window follows a pause: what TCP does then was taken for what bits cost."""
    subject = Subject(kind="upload", key="u", block=0, unit_s=1.07, lengths_s=(0.33, 0.825))
    assert {subject.task(seconds).repetitions for seconds in subject.lengths_s} == {1, 2}


def test_no_window_asks_for_more_copies_than_there_may_be():
    subject = Subject(kind="phase", key="p", block=0, unit_s=1e-3, lengths_s=(1.0,), most=16)
    assert subject.task(1.0).repetitions == 16
    assert subject.task(0.004).repetitions == 4


def test_the_order_is_shuffled_but_repeatable_and_another_one_in_each_round():
    first = round_tasks(QUICK, subjects(QUICK), 0)

    assert first == round_tasks(QUICK, subjects(QUICK), 0)
    assert first != round_tasks(QUICK, subjects(QUICK), 1)
    assert first != round_tasks(changed(order_seed=2), subjects(QUICK), 0)
    kinds = [task.kind for task in first if task.kind != "control"]
    assert kinds != sorted(kinds)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_each_subject_is_measured_once_in_each_part_of_a_round(plan):
    tasks = [task for task in round_tasks(plan, subjects(plan), 0) if task.kind != "control"]

    for subject in subjects(plan):
        parts = len(subject.lengths_s) * plan.repeats
        places = [i / len(tasks) for i, task in enumerate(tasks) if task.subject == subject.key]
        # The tasks lie a little closer in one part than in another, by chance.
        assert all(-0.12 < place - i / parts < 1 / parts + 0.12 for i, place in enumerate(places))


def test_every_length_comes_first_somewhere():
    orders = {
        tuple(t.repetitions for t in round_tasks(QUICK, subjects(QUICK), n) if t.block == 2)
        for n in range(20)
    }

    assert {order[0] for order in orders} == set(next(iter(orders)))


def test_a_later_round_measures_only_what_is_asked_for():
    tasks = round_tasks(QUICK, subjects(QUICK), 1, only=["block 2"])
    assert {task.subject for task in tasks if task.kind != "control"} == {"block 2"}


def test_the_control_window_comes_first_and_at_fixed_intervals():
    plan = changed(control_every=4)
    tasks = round_tasks(plan, subjects(plan), 0)

    controls = [i for i, task in enumerate(tasks) if task.kind == "control"]
    assert controls[:3] == [0, 5, 10]
    assert {(tasks[i].subject, tasks[i].repetitions) for i in controls} == {("block 3", 8)}


def test_the_expected_duration_is_the_sum_of_the_windows():
    tasks = round_tasks(QUICK, subjects(QUICK), 0)
    unit_s = {s.key: s.unit_s for s in subjects(QUICK)}
    around_s = 2 * QUICK.timing.idle_s + QUICK.timing.settle_s

    alone = expected_duration_s(QUICK.timing, tasks[:1], unit_s)

    assert alone == pytest.approx(around_s + tasks[0].repetitions * unit_s[tasks[0].subject])
    assert expected_duration_s(QUICK.timing, tasks, unit_s) > len(tasks) * around_s


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_what_is_announced_before_is_what_the_windows_take(plan, make_block):
    plan = msgspec.structs.replace(plan, heads=(), whole=False, downloads=False)
    blocks = [make_block(i, 1, bits) for i, bits in enumerate(SIZES[:3], start=1)]
    unit_s = {s.key: s.unit_s for s in subjects(plan)}
    tasks = round_tasks(plan, subjects(plan), 0)

    announced_s = announced_duration_s(plan, blocks, SIZES)

    # The first six windows are waited for, and some of the longest are watched: of three blocks
    # the first ten, of uploads the first four, then one in four.
    wait_s = 6 * max(0.8, 2 * plan.timing.idle_s)
    long_uploads = sum(t.kind == "upload" for t in tasks) // len(plan.upload_lengths_s)
    watched = min(10, 3 * plan.repeats) + 4
    watched += ceil(max(0, 3 * plan.repeats - 10) / 4) + ceil(max(0, long_uploads - 4) / 4)
    wait_s += watched * max(1.5, 2 * plan.timing.idle_s)
    # A block of work of 8 s, and 32 s of rest after computing, 16 s after uploads.
    settles_s = plan.timing.settle_s + plan.timing.settle_after_s("upload")
    wait_s += plan.rests * (40 + 24 + settles_s)
    expected_s = expected_duration_s(plan.timing, tasks, unit_s) + wait_s
    assert announced_s == pytest.approx(expected_s, rel=0.1)


def test_more_windows_than_memory_holds_are_refused_before_they_are_made(make_block):
    plan = changed(repeats=10**9, limits=Limits(duration_s=1e12))
    blocks = [make_block(i, 1, bits) for i, bits in enumerate(SIZES[:3], start=1)]

    with pytest.raises(PlanError, match="100000 are the most"):
        announced_duration_s(plan, blocks, SIZES)
    with pytest.raises(PlanError, match="100000 are the most"):
        round_tasks(plan, subjects(plan), 0)


def test_a_download_of_each_size_is_announced_too(make_block):
    blocks = [make_block(i, 1, bits) for i, bits in enumerate(SIZES[:3], start=1)]
    plan = changed(control_every=10**6, upload_sizes=3)
    received = download_subjects(plan, upload_subjects(plan, SIZES))
    without_s = announced_duration_s(plan, blocks, SIZES)

    with_s = announced_duration_s(msgspec.structs.replace(plan, downloads=True), blocks, SIZES)

    around_s = 2 * plan.timing.idle_s + plan.timing.settle_after_s("download")
    # A window holds whole transfers; how long one lasts that is not paced nobody knows yet.
    lengths_s = [
        around_s + (ceil(seconds / once_s) * once_s if (once_s := download.airtime_s) else seconds)
        for seconds in plan.upload_lengths_s
        for download in received
    ]
    # What comes late after the first two is watched for, and after one in four of the others.
    watched = 2 + ceil((plan.repeats * len(received) - 2) / 4)
    watch_s = max(1.5, 2 * plan.timing.idle_s)
    # Once the device is left alone after downloads.
    rest_s = 24 + plan.timing.settle_after_s("download")
    added_s = plan.repeats * sum(lengths_s) + watched * watch_s + rest_s
    assert with_s - without_s == pytest.approx(added_s)


def test_steps_measured_apart_are_announced_at_the_shortest_and_the_longest_work(make_block):
    blocks = [make_block(i, 1, bits) for i, bits in enumerate(SIZES[:3], start=1)]
    plan = changed(control_every=10**6, repeats=2)
    around_s = 2 * plan.timing.idle_s + plan.timing.settle_s

    with_s = announced_duration_s(plan, blocks, SIZES, phases=3)

    each_s = min(plan.work_s) + max(plan.work_s) + 2 * around_s
    assert with_s - announced_duration_s(plan, blocks, SIZES) == pytest.approx(2 * 3 * each_s)


def test_candidate_heads_send_less_than_every_split_before_them(make_block):
    bits = [900, 400, 500, 400, 300, 800, 100]
    blocks = [make_block(i, 1, b) for i, b in enumerate(bits, start=1)]
    plan = changed(heads="candidates")

    brute_force = tuple(
        last for last in range(2, len(bits)) if bits[last - 1] < min(bits[: last - 1])
    )
    assert head_blocks(plan, blocks) == brute_force == (2, 5)


@pytest.mark.parametrize("last", [0, 1, 7, 8])
def test_a_head_that_is_no_head_is_refused(make_block, last):
    blocks = [make_block(i, 1, 100) for i in range(1, 8)]
    with pytest.raises(PlanError, match=f"no head ends with block {last}"):
        head_blocks(changed(heads=(last,)), blocks)


@pytest.mark.parametrize(
    ("looks", "limit_s", "longest_s"),
    [(1, 1e4, 10.0), (3, 1e4, 30.0), (4, 1e4, 45.0), (5, 1e4, 67.5), (5, 50.0, 50.0)],
)
def test_the_longest_campaign_grows_by_a_round_or_by_half_until_the_limit(
    looks, limit_s, longest_s
):
    plan = changed(stop=StopPlan(rule="decision", looks=looks), limits=Limits(duration_s=limit_s))

    assert longest_duration_s(plan, 10.0) == pytest.approx(longest_s)


def test_a_round_has_equal_parts_of_each_layout_of_memory_and_later_rounds_begin_with_a_new_one():
    assert layout_starts(90, 3, first=True) == {30, 60}
    assert layout_starts(90, 3, first=False) == {0, 30, 60}
    assert layout_starts(90, 1, first=False) == set()
