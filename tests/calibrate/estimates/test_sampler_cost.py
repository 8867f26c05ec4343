"""What reading the sensor takes idle and at work, told by more of it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.estimates import coverage_factor, sampler_share
from joulesplit.calibrate.estimates._campaign_terms import campaign_terms
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


def overhead(records, kind):
    """Return the term of the sampler, relative standard uncertainty."""
    terms = campaign_terms(records, (kind,))
    return next(term for term in terms if term.name == "sampler overhead").standard_uncertainty


def test_uploads_that_were_not_probed_may_take_nothing_to_twice_what_reading_takes_idle():
    computed = window_record(net_j=0.6, work_s=0.5, rest=probed(0.03, 0.03))
    sent = window_record("upload", net_j=0.6, work_s=0.5, rest=rested(0.0))

    assert sampler_share([computed, sent], "uploads") is None
    assert overhead([computed, sent], "upload") == pytest.approx(0.03 / 1.2 / 3**0.5, rel=0.1)
    assert overhead([sent], "upload") == 0.0


def test_reading_that_costs_less_than_in_proportion_is_in_the_interval():
    """As a core that is woken more often and sleeps less deeply: a half of the share is told."""
    rests = [probed(0.06, 0.02, grows=0.6, seed=seed) for seed in range(3)]
    records = [window_record(net_j=0.6, work_s=0.5, rest=rest) for rest in rests]

    true = 0.04 / 1.2
    assert sampler_share(records, "computing").share == pytest.approx(0.46 * true, rel=0.1)
    assert 1.96 * overhead(records, "compute") > true
