"""What a battery pays for, against sums and errors written out."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.campaign import QUICK, Completion, profile_from_windows
from joulesplit.cli._resources import paper_network
from joulesplit.optimizer import Constraints, Usage, battery_life, decide
from joulesplit.optimizer.errors import InvalidInputError, PeriodTooShortError
from joulesplit.partition.reading import read_network
from proof.stage import proof_blocks
from proof.virtual import run_virtual, virtual_circumstances
from proof.worlds import clean_world

FLOP, BITS = (100, 200, 400), (6400, 3200, 64)
WAIT = Usage(server_wait_s=0.5)
LOCAL = Constraints(min_block=3)
SPLIT = Constraints(min_block=2, max_block=2)


@pytest.fixture
def small(make_network):
    return make_network(FLOP, BITS, input_elements=300)


def test_a_period_costs_the_energy_above_idle_and_the_idle_power_all_along(small, world):
    profile = world(idle_w=2.5).profile()
    decision = decide(*small, profile, constraints=SPLIT)
    # 3 J of computing and 3200 bit at 1 mJ; 0.3 s and 3.2 s of it.
    life = battery_life(decision, profile, 36_000.0, period_s=10.0)
    assert life.period_energy_j == pytest.approx(6.2 + 2.5 * 10.0)
    assert life.inferences.count == pytest.approx(36_000.0 / 31.2)
    assert (life.back_to_back, life.left_out) == (False, ())
    assert life.inferences.count * life.period_s <= 36_000.0 / 2.5


def test_back_to_back_a_period_is_the_latency_with_the_wait(small, world):
    profile = world(idle_w=2.5).profile()
    known = decide(*small, profile, constraints=SPLIT, usage=WAIT)
    life = battery_life(known, profile, 1000.0)
    assert (life.back_to_back, life.left_out) == (True, ())
    assert life.period_s == pytest.approx(0.3 + 3.2 + 0.5)
    assert life.period_energy_j == pytest.approx(6.2 + 2.5 * 4.0)
    unknown = battery_life(decide(*small, profile, constraints=SPLIT), profile, 1000.0)
    assert unknown.period_s == pytest.approx(3.5)
    assert "wait for the server" in unknown.left_out[0]
    local = battery_life(decide(*small, profile, constraints=LOCAL), profile, 1000.0)
    assert local.left_out == ()


def test_gross_energy_gets_idle_for_the_rest_of_the_period_alone(small, world):
    device = world(
        idle_w=2.0, upload_cost_j=0.4, burst_j=0.6, connection_j=0.1,
        covariance=((0.0,) * 4,) * 4, gross_fit=True,
    )  # fmt: skip
    usage = Usage(server_wait_s=0.5, uploads_per_burst=3.0, uploads_per_connection=5.0)
    profile = device.profile()
    decision = decide(*small, profile, account="gross", constraints=SPLIT, usage=usage)
    # Fixed costs are doubled by gross, so they last their net energy over P_0.
    counted_s = 0.3 + 3.2 + 0.5 + 0.4 / 2.0 + 0.6 / 2.0 / 3.0 + 0.05 / 5.0
    assert decision.best.idle_s == pytest.approx(counted_s)
    life = battery_life(decision, profile, 1000.0, period_s=60.0)
    assert life.period_energy_j == pytest.approx(decision.best.energy_j + 2.0 * (60.0 - counted_s))
    assert life.left_out == ()


@pytest.mark.parametrize("compute_model", ["heads", "blocks", "constant"])
def test_time_in_gross_energy_is_that_of_what_computing_is_priced_by(small, world, compute_model):
    profile = world(idle_w=2.0, head_j=((2, 2.5),)).profile()
    decision = decide(
        *small, profile, account="gross", compute_model=compute_model, constraints=SPLIT
    )
    # The head lasts 0.16 s; the constant E_d spreads 0.6 s over 700 FLOP.
    own_s = {"heads": 0.16, "blocks": 0.3, "constant": 0.6 * 300 / 700}[compute_model]
    assert decision.best.idle_s == pytest.approx(own_s + 3.2)


def test_without_idle_power_what_can_be_counted_is_counted_and_named(small, world):
    profile = world().profile()
    net = decide(*small, profile, constraints=LOCAL)
    for period_s in (None, 10.0):
        life = battery_life(net, profile, 700.0, period_s=period_s)
        assert life.inferences.count == pytest.approx(100.0)
        assert life.left_out == ("the idle power (the profile has none)",)
    gross = decide(*small, profile, account="gross", constraints=LOCAL)
    assert battery_life(gross, profile, 1400.0).left_out == ()
    sparse = battery_life(gross, profile, 1400.0, period_s=10.0)
    assert sparse.inferences.count == pytest.approx(100.0)
    assert sparse.left_out == ("the idle power between inferences (the profile has none)",)


def test_without_times_only_a_stated_period_can_be_counted(small, world):
    network, blocks = small
    other = replace(network, sha256="cd" * 32)
    profile = world(idle_w=2.0).profile()
    decision = decide(other, blocks, profile, constraints=LOCAL)
    assert battery_life(decision, profile, 1.0, period_s=1e-3).left_out == ()
    life = battery_life(decision, profile, 1.0)
    assert life.period_s is None
    assert life.left_out == ("the idle power (the time of an inference is not known)",)


def test_the_interval_has_one_scale_one_offset_and_the_idle_powers_own_scatter(small, world):
    device = world(idle_w=2.0, idle_u_w=0.03, u_rel=0.02, scale_u_rel=0.05)
    profile = device.profile()
    idle_w = msgspec.structs.replace(profile.idle.power_w, u_sys=math.hypot(0.05 * 2.0, 0.01))
    idle = msgspec.structs.replace(profile.idle, power_w=idle_w)
    profile = msgspec.structs.replace(profile, idle=idle)
    decision = decide(*small, profile, constraints=LOCAL)
    life = battery_life(decision, profile, 1e5, period_s=30.0)
    scatter_j = 0.02 * math.hypot(1.0, 2.0, 4.0)
    u_j = math.hypot(scatter_j, 0.03 * 30.0, 0.01 * 30.0, 0.05 * (7.0 + 60.0))
    half_j = 1.959964 * u_j
    assert life.inferences.ci95 == pytest.approx((1e5 / (67 + half_j), 1e5 / (67 - half_j)))


def test_the_idle_powers_scatter_is_one_for_all_the_time_in_a_gross_period(small, world):
    profile = world(idle_w=2.0, idle_u_w=0.03, u_rel=0.02).profile()
    decision = decide(*small, profile, account="gross", constraints=LOCAL)
    own_j = [max(0.0, (0.04 * e) ** 2 - (0.03 * t) ** 2) for e, t in ((1, 0.1), (2, 0.2), (4, 0.3))]
    life = battery_life(decision, profile, 1e5, period_s=30.0)
    u_j = math.sqrt(sum(own_j) + (0.03 * 30.0) ** 2)
    period_j = 14.0 + 2.0 * 29.4
    assert life.inferences.ci95 == pytest.approx(
        (1e5 / (period_j + 1.959964 * u_j), 1e5 / (period_j - 1.959964 * u_j))
    )


def test_an_energy_that_may_be_nothing_gives_no_interval(small, world):
    profile = world(scale_u_rel=0.6).profile()
    life = battery_life(decide(*small, profile, constraints=LOCAL), profile, 700.0)
    assert life.inferences.ci95 is None


def test_what_cannot_be_is_refused(small, world):
    profile = world(idle_w=2.0).profile()
    decision = decide(*small, profile, constraints=SPLIT)
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidInputError, match="battery"):
            battery_life(decision, profile, bad)
        with pytest.raises(InvalidInputError, match="period"):
            battery_life(decision, profile, 1.0, period_s=bad)
    with pytest.raises(PeriodTooShortError, match=r"takes 3\.5 s"):
        battery_life(decision, profile, 1.0, period_s=3.4)


DONE = Completion(complete=True, reached=True, reason="", warm=True)


@pytest.mark.campaign
@pytest.mark.parametrize("period_s", [1.0, 60.0])
def test_of_a_calibrated_device_net_and_gross_pay_for_as_many_and_so_does_the_truth(period_s):
    network, blocks, setup = read_network(paper_network()), proof_blocks(), clean_world(1)
    outcome, sensor, _ = run_virtual(QUICK, blocks, setup)
    around = virtual_circumstances(QUICK, network, blocks, setup, sensor)
    profile = profile_from_windows(outcome.records, around, DONE)
    last = Constraints(min_block=len(blocks))
    lives = [
        battery_life(
            decide(network, blocks, profile, account=account, constraints=last),
            profile,
            36_000.0,
            period_s=period_s,
        )
        for account in ("net", "gross")
    ]
    truth_j = sum(profile.truth.block_energy_j) + profile.truth.idle_power_w * period_s
    for life in lives:
        low, high = life.inferences.ci95
        assert low <= 36_000.0 / truth_j <= high
    net, gross = (life.inferences.count for life in lives)
    assert net == pytest.approx(gross, rel=2e-3)
    assert np.isfinite(net)
