"""What a battery pays for, and which split it lasts longest with, against sums written out."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import joulesplit.optimizer
from joulesplit.calibrate.campaign import QUICK, Completion, profile_from_windows
from joulesplit.cli._resources import paper_network
from joulesplit.optimizer import Constraints, Usage, battery_life
from joulesplit.optimizer.errors import InvalidInputError, NoFeasibleSplitError
from joulesplit.partition.reading import read_network
from proof.stage import proof_blocks
from proof.virtual import run_virtual, virtual_circumstances
from proof.worlds import clean_world

# Of devices whose blocks are known to cost inside a network what they cost alone.
decide = partial(joulesplit.optimizer.decide, model_u_rel=0.0)

FLOP, BITS = (100, 200, 400), (6400, 3200, 64)
LOCAL = Constraints(min_block=3)
SPLIT = Constraints(min_block=2, max_block=2)
STREAM = Usage(back_to_back=True)


def every(period_s, **usage):
    return Usage(period_s=period_s, **usage)


@pytest.fixture(scope="session")
def small(make_network):
    return make_network(FLOP, BITS, input_elements=300)


def life_of(network, profile, battery_j=1000.0, *, usage=STREAM, **options):
    return battery_life(decide(*network, profile, usage=usage, **options), battery_j)


def test_a_period_costs_the_energy_above_idle_and_the_idle_power_all_along(small, world):
    profile = world(idle_w=2.5).profile()
    # 3 J of computing and 3200 bit at 1 mJ; 0.3 s and 3.2 s of it.
    life = life_of(small, profile, 36_000.0, usage=every(10.0), constraints=SPLIT)
    assert life.period_energy_j == pytest.approx(6.2 + 2.5 * 10.0)
    assert life.inferences.count == pytest.approx(36_000.0 / 31.2)
    assert (life.back_to_back, life.left_out) == (False, ())
    assert life.inferences.count * life.period_s <= 36_000.0 / 2.5


def test_back_to_back_a_period_is_the_latency_with_the_wait(small, world):
    profile = world(idle_w=2.5).profile()
    waiting = replace(STREAM, server_wait_s=0.5)
    life = life_of(small, profile, usage=waiting, constraints=SPLIT)
    assert (life.back_to_back, life.left_out) == (True, ())
    assert life.period_s == pytest.approx(0.3 + 3.2 + 0.5)
    assert life.period_energy_j == pytest.approx(6.2 + 2.5 * 4.0)
    unknown = life_of(small, profile, constraints=SPLIT)
    assert unknown.period_s == pytest.approx(3.5)
    assert "wait for the server" in unknown.left_out[0]
    assert life_of(small, profile, constraints=LOCAL).left_out == ()


def test_the_split_that_costs_least_is_not_the_one_that_a_battery_lasts_longest_with(small, world):
    """Split 2 costs 6.2 J and 7.0 J are all on the device; but it takes 3.5 s and that 0.6 s."""
    profile = world(idle_w=2.5).profile()
    assert decide(*small, profile).best.block == 2
    decision = decide(*small, profile, usage=replace(STREAM, server_wait_s=0.2))
    life = battery_life(decision, 36_000.0)
    assert decision.best.block == 3
    assert life.inferences.count == pytest.approx(36_000.0 / (7.0 + 2.5 * 0.6))
    at_split = life.by_split[2]
    assert at_split.count == pytest.approx(36_000.0 / (6.2 + 2.5 * 3.7))
    assert life.moved_share == pytest.approx(1 - (7.0 + 1.5) / (9.6 + 2.5 * 9.8))
    assert decision.probability_best > 0.999


USES = st.builds(
    lambda period, wait, burst: Usage(
        period_s=period, back_to_back=period is None, server_wait_s=wait, uploads_per_burst=burst
    ),
    st.none() | st.floats(0.05, 30.0),
    st.none() | st.floats(0.0, 2.0),
    st.floats(1.0, 10.0),
)


ROUNDED_OFF = 1e-12
"""Blocks of 0.1, 0.2 and 0.3 s add up to 0.6000000000000001 s."""


def test_a_limit_of_exactly_what_it_takes_is_kept_whatever_sums_are_rounded_to(small, world):
    profile = world().profile()
    found = decide(*small, profile, usage=Usage(period_s=0.6))
    assert found.best.block == 3
    limits = Constraints(max_latency_s=0.6, min_block=3)
    assert decide(*small, profile, constraints=limits).best.block == 3


@given(
    block_j=st.tuples(*[st.floats(0.05, 5.0)] * 3),
    bit_j=st.floats(1e-4, 3e-3),
    idle_w=st.floats(0.1, 6.0),
    usage=USES,
    account=st.sampled_from(["net", "gross"]),
)
def test_the_choice_is_the_brute_force_least_of_all_a_period_takes(
    small, world, *, block_j, bit_j, idle_w, usage, account
):
    # By gross each second of work holds P_0, so that the figures are those of one device.
    device = world(block_j=block_j, bit_j=bit_j, idle_w=idle_w)
    profile = with_gross_of(device.profile(), idle_w)
    times_s = [0.0, 0.1, 0.3, 0.6]
    truth = {}
    for block, bits in enumerate((9600, 6400, 3200, 0)):
        own_j = sum(block_j[:block]) + bits * bit_j
        waits_s = (usage.server_wait_s or 0.0) if bits else 0.0
        lasting_s = times_s[block] + bits / 1000.0 + waits_s
        if usage.period_s is None:
            truth[block] = own_j + idle_w * lasting_s
        elif lasting_s <= usage.period_s * (1 + ROUNDED_OFF):
            truth[block] = own_j + idle_w * usage.period_s
    if not truth:
        with pytest.raises(NoFeasibleSplitError, match="period_s"):
            decide(*small, profile, usage=usage, account=account)
        return
    decision = decide(*small, profile, usage=usage, account=account)
    assert decision.best.energy_j == pytest.approx(min(truth.values()))
    for block, energy_j in truth.items():
        assert decision.candidates[block].energy_j == pytest.approx(energy_j)
        assert not decision.candidates[block].violates
    life = battery_life(decision, 5e4)
    assert life.inferences.count == pytest.approx(max(5e4 / one for one in truth.values()))


def with_gross_of(profile, idle_w):
    """The same profile, its gross energies the net ones and P_0 for as long as they last."""
    replaced = msgspec.structs.replace

    def gross(figure, lasting_s):
        value = figure.net.value + idle_w * lasting_s
        return replaced(figure, gross=replaced(figure.net, value=value))

    blocks = tuple(
        replaced(b, energy_j=gross(b.energy_j, b.latency_s.value)) for b in profile.compute.blocks
    )
    e_c = profile.link.uplink.e_c_bit_per_j
    per_bit_j = 1 / e_c.net.value + idle_w / 1000.0
    e_c = replaced(e_c, gross=replaced(e_c.net, value=1 / per_bit_j))
    uplink = replaced(profile.link.uplink, e_c_bit_per_j=e_c)
    return replaced(
        profile,
        compute=replaced(profile.compute, blocks=blocks),
        link=replaced(profile.link, uplink=uplink),
    )


def test_an_inference_that_starts_alone_pays_for_its_start_and_one_of_a_stream_does_not(
    small, world, make_quantity
):
    profile = world(idle_w=1.0).profile()
    compute = msgspec.structs.replace(
        profile.compute, window_cost_j=make_quantity(0.9, 0.05, unit="J")
    )
    profile = msgspec.structs.replace(profile, compute=compute)
    alone = decide(*small, profile, usage=every(20.0))
    assert [c.start_j for c in alone.candidates] == [0.0, 0.9, 0.9, 0.9]
    assert alone.candidates[2].energy_j == pytest.approx(6.2 + 0.9 + 20.0)
    assert alone.candidates[2].u_stat_j == pytest.approx(0.05)
    assert decide(*small, profile, usage=STREAM).candidates[2].start_j == 0.0
    assert decide(*small, profile).candidates[2].start_j == 0.0


def test_a_head_whose_start_was_measured_pays_that_and_others_what_starts_cost_on_average(
    small, world, make_quantity
):
    profile = world(idle_w=1.0, head_j=((2, 2.9), (3, 6.5))).profile()
    second, third = profile.compute.heads
    own = msgspec.structs.replace(third, start_cost_j=make_quantity(0.2, 0.04, unit="J"))
    compute = msgspec.structs.replace(
        profile.compute,
        window_cost_j=make_quantity(0.9, 0.05, unit="J"),
        heads=(second, own),
    )
    profile = msgspec.structs.replace(profile, compute=compute)
    alone = decide(*small, profile, usage=every(20.0), model_u_rel=0.0).candidates
    assert [c.start_j for c in alone] == [0.0, 0.9, 0.9, 0.2]
    assert alone[3].energy_j == pytest.approx(6.5 + 0.2 + 20.0)
    assert [alone[block].u_stat_j for block in (2, 3)] == pytest.approx([0.05, 0.04])
    another = msgspec.structs.replace(
        profile,
        compute=msgspec.structs.replace(
            compute, model=msgspec.structs.replace(compute.model, sha256="cd" * 32)
        ),
    )
    elsewhere = decide(*small, another, usage=every(20.0), compute_model="constant").candidates
    assert [c.start_j for c in elsewhere] == [0.0, 0.9, 0.9, 0.9]


def test_gross_energy_gets_idle_for_the_rest_of_the_period_alone(small, world):
    device = world(
        idle_w=2.0, upload_cost_j=0.4, burst_j=0.6, connection_j=0.1,
        covariance=((0.0,) * 4,) * 4, gross_fit=True,
    )  # fmt: skip
    usage = every(60.0, server_wait_s=0.5, uploads_per_burst=3.0, uploads_per_connection=5.0)
    profile = device.profile()
    decision = decide(*small, profile, account="gross", constraints=SPLIT, usage=usage)
    # Fixed costs are doubled by gross, so they last their net energy over P_0.
    counted_s = 0.3 + 3.2 + 0.5 + 0.4 / 2.0 + 0.6 / 2.0 / 3.0 + 0.05 / 5.0
    assert decision.best.idle_s == pytest.approx(counted_s)
    assert decision.best.idle_j == pytest.approx(2.0 * (60.0 - counted_s))
    assert battery_life(decision, 1000.0).left_out == ()


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
    for usage in (STREAM, every(10.0)):
        life = life_of(small, profile, 700.0, usage=usage, constraints=LOCAL)
        assert life.inferences.count == pytest.approx(100.0)
        assert life.left_out == ("the idle power (the profile has none)",)
    gross = {"account": "gross", "constraints": LOCAL}
    assert life_of(small, profile, **gross).left_out == ()
    sparse = life_of(small, profile, 1400.0, usage=every(10.0), **gross)
    assert sparse.inferences.count == pytest.approx(100.0)
    assert sparse.left_out == ("the idle power between inferences (the profile has none)",)


def test_without_times_only_a_stated_period_can_be_counted(small, world):
    network, blocks = small
    other = replace(network, sha256="cd" * 32), blocks
    profile = world(idle_w=2.0).profile()
    assert life_of(other, profile, usage=every(1e-3), constraints=LOCAL).left_out == ()
    life = life_of(other, profile, constraints=LOCAL)
    assert life.period_s is None
    assert life.left_out == ("the idle power (the time of an inference is not known)",)


def test_the_interval_has_one_scale_one_offset_and_the_idle_powers_own_scatter(small, world):
    device = world(idle_w=2.0, idle_u_w=0.03, u_rel=0.02, scale_u_rel=0.05)
    profile = device.profile()
    idle_w = msgspec.structs.replace(profile.idle.power_w, u_sys=math.hypot(0.05 * 2.0, 0.01))
    idle = msgspec.structs.replace(profile.idle, power_w=idle_w)
    profile = msgspec.structs.replace(profile, idle=idle)
    life = life_of(small, profile, 1e5, usage=every(30.0), constraints=LOCAL)
    scatter_j = 0.02 * math.hypot(1.0, 2.0, 4.0)
    u_j = math.hypot(scatter_j, 0.03 * 30.0, 0.01 * 30.0, 0.05 * (7.0 + 60.0))
    half_j = 1.959964 * u_j
    assert life.inferences.ci95 == pytest.approx((1e5 / (67 + half_j), 1e5 / (67 - half_j)))
    assert life.by_split[3] == life.inferences


def test_back_to_back_the_times_of_the_blocks_are_as_uncertain_as_they_were_measured(small, world):
    profile = world(idle_w=2.0).profile()
    blocks = tuple(
        msgspec.structs.replace(b, latency_s=msgspec.structs.replace(b.latency_s, u_stat=0.01))
        for b in profile.compute.blocks
    )
    compute = msgspec.structs.replace(profile.compute, blocks=blocks)
    decision = decide(
        *small, msgspec.structs.replace(profile, compute=compute), usage=STREAM, constraints=LOCAL
    )
    assert decision.best.u_stat_j == pytest.approx(2.0 * 0.01 * math.sqrt(3))


def test_the_idle_powers_scatter_is_one_for_all_the_time_in_a_gross_period(small, world):
    profile = world(idle_w=2.0, idle_u_w=0.03, u_rel=0.02).profile()
    life = life_of(small, profile, 1e5, usage=every(30.0), account="gross", constraints=LOCAL)
    own_j = [max(0.0, (0.04 * e) ** 2 - (0.03 * t) ** 2) for e, t in ((1, 0.1), (2, 0.2), (4, 0.3))]
    u_j = math.sqrt(sum(own_j) + (0.03 * 30.0) ** 2)
    period_j = 14.0 + 2.0 * 29.4
    assert life.inferences.ci95 == pytest.approx(
        (1e5 / (period_j + 1.959964 * u_j), 1e5 / (period_j - 1.959964 * u_j))
    )


def test_an_energy_that_may_be_nothing_has_an_interval_above_nothing(small, world):
    """Cut off at zero, where no energy is: below 7 − 1.96·4.2 J there is nothing."""
    decision = decide(*small, world(scale_u_rel=0.6).profile(), constraints=LOCAL, usage=STREAM)
    low_j, high_j = decision.best.ci95_j
    assert 0.0 < low_j < 7.0 < high_j
    below = 0.5 * math.erfc(7.0 / 4.2 / math.sqrt(2))
    inside = 0.5 * math.erfc((7.0 - high_j) / 4.2 / math.sqrt(2)) - 0.5 * math.erfc(
        (7.0 - low_j) / 4.2 / math.sqrt(2)
    )
    assert inside == pytest.approx(0.95 * (1 - below), rel=1e-6)
    assert battery_life(decision, 700.0).inferences.ci95[1] == pytest.approx(700.0 / low_j)


def test_what_cannot_be_is_refused(small, world):
    profile = world(idle_w=2.0).profile()
    decision = decide(*small, profile, constraints=SPLIT, usage=STREAM)
    for bad in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(InvalidInputError, match="battery"):
            battery_life(decision, bad)
        with pytest.raises(InvalidInputError, match="period"):
            decide(*small, profile, usage=every(bad))
    with pytest.raises(InvalidInputError, match="for a period"):
        battery_life(decide(*small, profile), 1.0)
    with pytest.raises(InvalidInputError, match="one of both"):
        decide(*small, profile, usage=Usage(period_s=1.0, back_to_back=True))
    with pytest.raises(NoFeasibleSplitError, match=r"period_s.*needs 3\.5 s"):
        decide(*small, profile, constraints=SPLIT, usage=every(3.4))


DONE = Completion(complete=True, reached=True, reason="", warm=True)


@pytest.mark.campaign
@pytest.mark.parametrize("period_s", [1.0, 60.0])
def test_of_a_calibrated_device_net_and_gross_pay_for_as_many_and_so_does_the_truth(period_s):
    network, blocks, setup = read_network(paper_network()), proof_blocks(), clean_world(1)
    outcome, sensor, _ = run_virtual(QUICK, blocks, setup)
    around = virtual_circumstances(QUICK, network, blocks, setup, sensor)
    profile = profile_from_windows(outcome.records, around, DONE)
    last = Constraints(min_block=len(blocks))
    decisions = [
        decide(network, blocks, profile, account=account, constraints=last, usage=every(period_s))
        for account in ("net", "gross")
    ]
    truth_j = sum(profile.truth.block_energy_j) + profile.truth.idle_power_w * period_s
    truth_j += setup.costs.window_cost_j
    lives = [battery_life(decision, 36_000.0) for decision in decisions]
    for life in lives:
        low, high = life.inferences.ci95
        assert low <= 36_000.0 / truth_j <= high
    net, gross = (life.inferences.count for life in lives)
    assert net == pytest.approx(gross, rel=2e-3)
    assert np.isfinite(net)
