"""What reading the sensor takes idle and at work, told by more of it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import coverage_factor, sampler_share
from window_records import probed, rested, window_record


def told_by(*rests, kind="compute"):
    records = [window_record(kind, net_j=0.6, work_s=0.5, rest=rest) for rest in rests]
    return sampler_share(records, "computing" if kind == "compute" else "uploads")


def test_where_reading_was_not_rehearsed_nothing_is_told():
    assert told_by(None, rested(0.0)) is None


@pytest.mark.parametrize(("effort", "idle_w", "work_w"), [(3.0, 0.05, 0.02), (2.2, 0.01, 0.03)])
def test_what_reading_takes_more_in_idle_is_the_share_that_net_energies_lack(
    effort, idle_w, work_w
):
    told = told_by(*(probed(idle_w, work_w, effort=effort, seed=seed) for seed in range(3)))

    assert told.share == pytest.approx((idle_w - work_w) / 1.2, abs=4 * told.u)
    assert told.u < 0.0015


def test_the_uncertainty_is_that_of_the_scatter():
    beyond = []
    for seed in range(400):
        told = told_by(probed(0.02, 0.02, seed=seed))
        beyond.append(abs(told.share) > coverage_factor(told.degrees_of_freedom) * told.u)

    # One in twenty, and of 400 more than 8 % in one of three hundred.
    assert np.mean(beyond) < 0.08


def test_uploads_take_what_reading_costs_at_rest_from_the_rests_after_computing():
    sent = probed(0.03, 0.01, seed=5)
    sent = msgspec.structs.replace(
        sent, sampler=msgspec.structs.replace(sent.sampler, idle_power_w=())
    )
    computed = window_record(net_j=0.6, work_s=0.5, rest=probed(0.03, 0.03))
    uploaded = window_record("upload", net_j=0.6, work_s=0.5, rest=sent)

    assert sampler_share([uploaded], "uploads") is None
    told = sampler_share([computed, uploaded], "uploads")
    assert told.share == pytest.approx(0.02 / 1.2, abs=4 * told.u)
