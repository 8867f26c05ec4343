from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from calibrate.errors import PlanError
from calibrate.plan import PLANS, QUICK, expected_duration_s, tasks_of, upload_subjects

LATENCY_S = {1: 0.01, 2: 0.002, 3: 0.03}
SIZES = [32_000, 401_408, 802_816, 2_408_448, 12_845_056]


def changed(**fields):
    return msgspec.structs.replace(QUICK, **fields)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_block_and_length_is_measured_as_often_as_planned(plan):
    uploads = upload_subjects(plan, SIZES)
    tasks = tasks_of(plan, LATENCY_S, uploads)

    compute = Counter(task.block for task in tasks if task.kind == "compute")
    upload = Counter(task.subject for task in tasks if task.kind == "upload")
    assert compute == dict.fromkeys(LATENCY_S, len(plan.work_s) * plan.repeats)
    assert upload == {subject.key: plan.repeats for subject in uploads}


def test_repetitions_fill_the_planned_length():
    tasks = tasks_of(QUICK, LATENCY_S, upload_subjects(QUICK, SIZES))

    lengths = sorted({t.repetitions * LATENCY_S[3] for t in tasks if t.block == 3})
    assert lengths == pytest.approx(QUICK.work_s, rel=0.15)


def test_the_order_is_shuffled_but_repeatable():
    uploads = upload_subjects(QUICK, SIZES)
    first = tasks_of(QUICK, LATENCY_S, uploads)

    assert first == tasks_of(QUICK, LATENCY_S, uploads)
    assert first != tasks_of(changed(order_seed=2), LATENCY_S, uploads)
    kinds = [task.kind for task in first if task.kind != "control"]
    assert kinds != sorted(kinds)


def test_the_control_window_comes_first_and_at_fixed_intervals():
    plan = changed(control_every=4)
    tasks = tasks_of(plan, LATENCY_S, upload_subjects(plan, SIZES))

    controls = [i for i, task in enumerate(tasks) if task.kind == "control"]
    assert controls[:3] == [0, 5, 10]
    assert len({(tasks[i].block, tasks[i].repetitions) for i in controls}) == 1


def test_upload_sizes_span_those_of_the_cuts_and_leave_out_what_lasts_too_long():
    subjects = upload_subjects(QUICK, SIZES)

    sizes = {subject.payload_bits for subject in subjects}
    assert {min(SIZES), max(SIZES)} <= sizes
    assert all(s.payload_bits / s.rate_bit_per_s <= 2 * QUICK.upload_s for s in subjects)
    assert {s.rate_bit_per_s for s in subjects} == set(QUICK.rates_bit_per_s)


def test_the_expected_duration_is_the_sum_of_the_windows():
    uploads = upload_subjects(QUICK, SIZES)
    tasks = tasks_of(QUICK, LATENCY_S, uploads)
    around = 2 * QUICK.timing.idle_s + QUICK.timing.settle_s

    alone = expected_duration_s(QUICK, tasks[:1], LATENCY_S, uploads)

    assert alone == pytest.approx(around + tasks[0].repetitions * LATENCY_S[tasks[0].block])
    assert expected_duration_s(QUICK, tasks, LATENCY_S, uploads) > len(tasks) * around


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"work_s": (0.5,)}, "two lengths"),
        ({"work_s": (0.5, 0.6)}, "twofold"),
        ({"rates_bit_per_s": (1e6, 1e6)}, "one rate"),
        ({"repeats": 0}, "positive"),
        ({"upload_s": 0.0}, "positive"),
    ],
)
def test_a_plan_that_cannot_determine_the_figures_is_refused(fields, message):
    with pytest.raises(PlanError, match=message):
        changed(**fields)


def test_nothing_to_upload_is_refused():
    with pytest.raises(PlanError, match="no block has an output"):
        upload_subjects(QUICK, [])
