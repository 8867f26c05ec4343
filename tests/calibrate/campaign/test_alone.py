"""Uploads that go alone: which are, what they wait for, and what is announced of it."""

from __future__ import annotations

import random

import msgspec
import pytest

from joulesplit.calibrate.campaign import QUICK, UNLIMITED, upload_subjects
from joulesplit.calibrate.campaign._alone import ALONE_AFTER_S, Pauses, pauses_s
from joulesplit.calibrate.campaign._plan import PLANS
from joulesplit.calibrate.campaign._transfer_plan import stream_length, window_lengths_s
from joulesplit.calibrate.windows import WindowTask
from joulesplit.drivers.simulated import SimulatedClock

SIZES = [32_000, 802_816, 12_845_056]
UPLOADS = upload_subjects(QUICK, SIZES)
UNPACED = [upload for upload in UPLOADS if upload.rate_bit_per_s == UNLIMITED]
PACED = [upload for upload in UPLOADS if upload.rate_bit_per_s != UNLIMITED]


def upload(subject, repetitions=1):
    return WindowTask(kind="upload", subject=subject.key, block=0, repetitions=repetitions)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_preset_sends_each_size_alone_and_in_a_stream(plan):
    """Priced by windows of many, an upload that goes alone was 4 to 11 % too cheap."""
    shortest_s = min(plan.upload_lengths_s)
    for unpaced in UNPACED:
        assert 0.0 in window_lengths_s(plan, unpaced, shortest_s / 3)
        assert stream_length(plan, unpaced, shortest_s / 3) == 4
    # What a window holds once anyway needs no other one; what opens TCP's window itself, no stream.
    assert window_lengths_s(plan, UNPACED[-1], 2 * shortest_s) == plan.upload_lengths_s
    assert stream_length(plan, UNPACED[-1], 5.0) == 1
    for paced in PACED:
        assert window_lengths_s(plan, paced, shortest_s / 3) == plan.upload_lengths_s
        assert stream_length(plan, paced, shortest_s / 3) == 1


def test_an_upload_that_goes_alone_waits_until_nothing_has_been_sent_for_long():
    clock = SimulatedClock()
    pauses = Pauses(QUICK, UPLOADS, clock)
    stream, alone, paced = upload(UNPACED[0], 40), upload(UNPACED[0]), upload(PACED[0])

    pauses.over(stream)
    assert (pauses.wait_before(stream), pauses.wait_before(paced)) == (0.0, 0.0)
    began_ns = clock.now_ns()
    assert pauses.wait_before(alone) == pytest.approx(ALONE_AFTER_S)
    assert clock.now_ns() - began_ns == pytest.approx(ALONE_AFTER_S * 1e9)
    assert pauses.wait_before(alone) == 0.0
    # What is no transfer is part of the pause; so is a rest after one.
    pauses.over(alone, ago_s=1.0)
    pauses.over(WindowTask(kind="compute", subject="block 1", block=1, repetitions=1))
    assert pauses.wait_before(alone) == pytest.approx(ALONE_AFTER_S - 1.0)


def test_a_plan_of_before_waits_for_nothing():
    clock = SimulatedClock()
    before = msgspec.structs.replace(QUICK, lone_uploads=False)
    pauses = Pauses(before, UPLOADS, clock)

    pauses.over(upload(UNPACED[0]))
    assert pauses.wait_before(upload(UNPACED[0])) == 0.0
    assert window_lengths_s(before, UNPACED[0], 0.01) == before.upload_lengths_s
    assert stream_length(before, UNPACED[0], 0.01) == 1


@pytest.mark.parametrize(
    ("transfers", "others", "other_s"), [(20, 30, 1.2), (9, 1, 2.5), (4, 0, 0)]
)
def test_pauses_are_announced_as_the_order_of_windows_makes_them(transfers, others, other_s):
    chance, alone, orders = random.Random(4), 3, 4000
    waited_s = 0.0
    for _ in range(orders):
        windows = ["alone"] * alone + ["sent"] * (transfers - alone) + ["other"] * others
        chance.shuffle(windows)
        since_s = 0.0
        for window in windows:
            if window == "alone":
                waited_s += max(0.0, ALONE_AFTER_S - since_s)
            since_s = since_s + other_s if window == "other" else 0.0

    announced_s = pauses_s(alone, transfers, others, other_s)
    assert announced_s == pytest.approx(waited_s / orders, rel=0.05)
    assert pauses_s(0, transfers, others, other_s) == 0.0
