"""Uncertainty of energies and of their differences against closed formulas."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from statistics import NormalDist

import msgspec
import numpy as np
import pytest
from scipy.special import stdtr

import joulesplit.optimizer
from joulesplit.calibrate.profile import BudgetTerm, GrossNet
from joulesplit.metrology import coverage_factor
from joulesplit.optimizer import (
    Constraints,
    Problem,
    Usage,
    battery_life,
    difference_u_j,
    prices_from_profile,
)
from joulesplit.optimizer._robustness import assess, probability_cheaper
from joulesplit.optimizer._uncertainty import energy_error, ratio_error, sensor_shapes
from joulesplit.optimizer.errors import ProfileUnusableError

# Of devices whose blocks are known to cost inside a network what they cost alone: what is not known
# of that is judged in test_model_error.
decide = partial(joulesplit.optimizer.decide, model_u_rel=0.0)

BITS = (6400, 3200, 64)
INPUT_BITS = 9600
FIT_COVARIANCE = ((0.04, 0.01, -2e-6), (0.01, 0.09, -3e-5), (-2e-6, -3e-5, 4e-8))


@pytest.fixture
def prepare(make_network):
    def build(world, model="blocks"):
        network, blocks = make_network(world.flop, BITS)
        prices = prices_from_profile(
            network, blocks, world.profile(), compute_model=model,
            usage=Usage(input_bits=INPUT_BITS),
        )  # fmt: skip
        problem = Problem(network=network, blocks=blocks, prices=prices, constraints=Constraints())
        causes = problem.causes(model)
        return problem.energies(model), causes, causes.effects

    return build


def test_per_block_uncertainty_adds_in_squares_and_leaves_the_unused_out(prepare, world):
    _, _, effects = prepare(world(u_rel=0.1))
    u_bit = 0.1 * 0.001
    expected = [
        INPUT_BITS * u_bit,
        math.hypot(0.1, BITS[0] * u_bit),
        math.hypot(0.1, 0.2, BITS[1] * u_bit),
        math.hypot(0.1, 0.2, 0.4),
    ]
    assert np.linalg.norm(effects, axis=1) == pytest.approx(expected)


def test_errors_that_blocks_share_are_propagated_as_shared(prepare, world):
    """Half of each block's variance is common to all three."""
    lower = (0.01, 0.005, 0.01, 0.005, 0.005, 0.01)
    _, _, effects = prepare(world(u_rel=0.1, block_covariance=lower))

    full_local = np.linalg.norm(effects[3])
    assert full_local**2 == pytest.approx(3 * 0.01 + 6 * 0.005)
    u_bit = 0.1 * 0.001
    assert difference_u_j(effects, 3, 2) == pytest.approx(math.hypot(0.1, 3200 * u_bit))


@pytest.mark.parametrize("lower", [(0.01,), (0.01, 0.05, 0.01, 0.0, 0.0, 0.01), (math.nan,) * 6])
def test_a_block_covariance_that_is_none_is_refused(prepare, world, lower):
    with pytest.raises(ProfileUnusableError, match="block energies"):
        prepare(world(u_rel=0.1, block_covariance=lower))


def test_a_difference_keeps_only_what_is_not_shared(prepare, world):
    _, _, effects = prepare(world(u_rel=0.1))
    u_bit = 0.1 * 0.001
    assert difference_u_j(effects, 2, 1) == pytest.approx(math.hypot(0.2, (6400 - 3200) * u_bit))
    assert difference_u_j(effects, 3, 2) == pytest.approx(math.hypot(0.4, 3200 * u_bit))


def test_constant_model_moves_all_blocks_together(prepare, world):
    _, _, effects = prepare(world(u_rel=0.1), "constant")
    # Σ e = 7 J over 700 FLOP: block 2 costs 2 J, all of it with the relative uncertainty of E_d.
    assert difference_u_j(effects, 2, 1) == pytest.approx(math.hypot(0.2, 3200 * 0.1 * 0.001))
    assert np.linalg.norm(effects[3]) == pytest.approx(0.7)


def test_every_block_is_off_the_constant_e_d_of_another_network_in_its_own_way(make_network, world):
    device = world(u_rel=0.1, constant_u_rel=0.2)
    network, blocks = make_network(device.flop, BITS)
    another = replace(network, sha256="cd" * 32)
    prices = prices_from_profile(another, blocks, device.profile())
    effects = Problem(
        network=another, blocks=blocks, prices=prices, constraints=Constraints()
    ).causes("constant").effects  # fmt: skip

    # 700 FLOP at 7 J: blocks of 1, 2 and 4 J.
    assert np.linalg.norm(effects[3]) == pytest.approx(math.hypot(0.7, 0.2, 0.4, 0.8))
    u_bit = 0.1 * 0.001
    assert difference_u_j(effects, 2, 1) == pytest.approx(math.hypot(0.2, 0.4, 3200 * u_bit))
    assert any("20 % each" in note and "another data type" in note for note in prices.notes)


def test_over_the_whole_measured_network_blocks_are_not_off_its_own_e_d(prepare, world):
    _, _, effects = prepare(world(u_rel=0.0, constant_u_rel=0.2, bit_j=1e-9), "constant")

    assert np.linalg.norm(effects[3]) == pytest.approx(0.0, abs=1e-12)
    # Of (1, 2, 4) J: block 1's own error less its seventh of all of them.
    own, others = 1 - 1 / 7, (2 / 7, 4 / 7)
    assert np.linalg.norm(effects[1]) == pytest.approx(0.2 * math.hypot(own, *others), rel=1e-6)


def test_link_uncertainty_is_the_fit_covariance_at_the_stated_rate(prepare, world):
    _, _, effects = prepare(world(covariance=FIT_COVARIANCE, upload_cost_j=5.0))
    for block, bits in ((0, INPUT_BITS), (1, BITS[0]), (2, BITS[1])):
        gradient = np.array([1.0, bits / 1000.0, bits])
        assert effects[block] @ effects[block] == pytest.approx(
            gradient @ np.array(FIT_COVARIANCE) @ gradient
        )
    # The fixed cost is common to two uploads and cancels between them.
    gradient = np.array([0.0, 3.2, 3200.0])
    assert difference_u_j(effects, 1, 2) ** 2 == pytest.approx(
        gradient @ np.array(FIT_COVARIANCE) @ gradient
    )
    assert not effects[3].any()


def test_scale_counts_in_an_energy_and_in_no_difference(prepare, world):
    energies, causes, effects = prepare(world(u_rel=0.1, scale_u_rel=0.02))
    _, _, without = prepare(world(u_rel=0.1))
    assert difference_u_j(effects, 1, 3) == pytest.approx(difference_u_j(without, 1, 3), rel=1e-9)
    stated = energy_error(energies[3].total_j, causes.error(3), 0.02, 0.0)
    assert stated.u_sys == pytest.approx(0.02 * 7.0)
    assert stated.u_stat == pytest.approx(math.hypot(0.1, 0.2, 0.4))
    assert stated.half_width == pytest.approx(
        1.959964 * math.hypot(stated.u_stat, stated.u_sys), rel=1e-6
    )


def test_offset_moves_all_energies_the_same_way(prepare, world):
    _, _, effects = prepare(world(offset_rel=0.1, scale_u_rel=0.05))
    # All energies are off by the same 10 %, so their difference is off by 10 % of itself.
    assert difference_u_j(effects, 2, 1) == pytest.approx(0.1 * abs(2.0 - 3.2))


@pytest.mark.parametrize("model", ["heads", "blocks", "constant"])
def test_what_a_campaign_leaves_open_of_a_kind_of_work_cancels_within_that_kind_alone(
    prepare, world, model
):
    device = world(
        compute_campaign=0.03, upload_campaign=0.04, scale_u_rel=0.02, upload_cost_j=0.5,
        covariance=((0.0,) * 3,) * 3, head_j=((2, 3.0), (3, 7.0)),
    )  # fmt: skip
    _, _, effects = prepare(device, model)

    # Alone: 3 % of 3 J of computing, 4 % of the 0.5 + 3.2 J of the upload, told by other windows.
    assert np.linalg.norm(effects[2]) == pytest.approx(math.hypot(0.03 * 3.0, 0.04 * 3.7))
    # Between two: of 1 J more computing 3 %, of 3.2 J less upload 4 %. The fixed cost is in both.
    assert difference_u_j(effects, 3, 2) == pytest.approx(math.hypot(0.03 * 4.0, 0.04 * 3.7))
    assert difference_u_j(effects, 2, 0) == pytest.approx(
        math.hypot(0.03 * 3.0, 0.04 * (9.6 - 3.2))
    )


def test_a_campaign_is_in_the_interval_the_probability_the_regret_and_the_ratio(
    make_network, world
):
    network, blocks = make_network((100, 200, 400), BITS)

    def decision(**campaign):
        usage = Usage(input_bits=INPUT_BITS)
        return decide(network, blocks, world(u_rel=1e-3, **campaign).profile(), usage=usage)

    without, held = decision(), decision(compute_campaign=0.1, upload_campaign=0.1)
    assert without.robustness.probability_best[without.best.block] > 0.999
    # 7 J on the device, or 3 + 3.2 J: 0.8 J apart, known to 10 % of 4 J and of 3.2 J.
    u_j = 0.1 * math.hypot(4.0, 3.2)
    apart = NormalDist(0.8, u_j)
    assert (held.best.block, held.runner_up.block) == (2, 3)
    assert held.runner_up.excess_u_j == pytest.approx(u_j, rel=0.01)
    assert held.runner_up.probability_cheaper == pytest.approx(apart.cdf(0.0), rel=0.01)
    assert held.candidates[2].u_sys_j == pytest.approx(0.1 * math.hypot(3.0, 3.2))
    regret_j = u_j**2 * apart.pdf(0.0) - 0.8 * apart.cdf(0.0)
    assert held.robustness.expected_regret_j > 0.85 * regret_j  # of 20,000 draws
    assert held.ratio_u_flop_per_bit == pytest.approx(0.1 * math.hypot(0.1, 0.1), rel=1e-3)


def test_a_batterys_count_holds_what_its_campaign_leaves_open(make_network, world):
    network, blocks = make_network((100, 200, 400), BITS)
    device = world(compute_campaign=0.1, idle_w=1.0, idle_u_sys_w=0.5, idle_campaign_w=0.3)
    held = decide(network, blocks, device.profile(), usage=Usage(period_s=10.0))
    # 10 % of 7 J; of P_0 0.3 W by the campaign and 0.4 W by the sensor, over 10 s.
    expected = math.hypot(0.7, 3.0, 4.0)
    assert held.candidates[3].u_sys_j == pytest.approx(expected)
    life = battery_life(held, 1000.0)
    low, high = held.candidates[3].ci95_j
    assert life.by_split[3].ci95 == pytest.approx((1000.0 / high, 1000.0 / low))


def test_ratio_loses_the_scale_and_adds_the_statistics(world, make_network):
    network, blocks = make_network((100, 200, 400), BITS)
    profile = world(u_rel=0.03, scale_u_rel=0.5).profile()
    prices = prices_from_profile(network, blocks, profile)
    assert prices.ratio_error_flop_per_bit.u == pytest.approx(0.1 * 0.03 * math.sqrt(2.0))


def test_ratio_keeps_only_what_an_offset_does_to_one_side_more_than_to_the_other(
    world, make_network, make_quantity
):
    network, blocks = make_network((100, 200, 400), BITS)
    profile = world(offset_rel=0.1).profile()
    prices = prices_from_profile(network, blocks, profile)
    assert prices.ratio_error_flop_per_bit.u == pytest.approx(0.0, abs=1e-12)
    less = make_quantity(1000.0, 0.0, 30.0)
    left = ratio_error(prices.computing.e_d, less, 0.0, sensor_shapes(None, "net"))
    assert left.u == pytest.approx(0.1 * (0.1 - 0.03))


def test_the_profiles_own_ratio_is_taken_where_it_has_one(world, make_network, make_quantity):
    network, blocks = make_network((100, 200, 400), BITS)
    own = GrossNet(gross=make_quantity(0.2, 0.01, 0.02), net=make_quantity(0.1, 0.003, 0.004))
    profile = world(u_rel=0.03).profile(e_d_over_e_c_flop_per_bit=own)
    assert prices_from_profile(
        network, blocks, profile
    ).ratio_error_flop_per_bit.u == pytest.approx(0.005)


def test_monte_carlo_meets_the_closed_form_of_two_candidates(prepare, world):
    energies, causes, _ = prepare(world(u_rel=0.2))
    draws = 200_000
    found = assess(energies, causes, feasible=(2, 3), best=2, draws=draws, seed=7)
    # Normal difference D = E(3) − E(2): P(D > 0) = Φ(z), E[max(0, −D)] = u·φ(z) − D·Φ(−z).
    difference_j = (7.0) - (3.0 + 3.2)
    u_j = math.hypot(0.8, 3200 * 0.2 * 0.001)
    z = difference_j / u_j
    upper = 0.5 * math.erfc(z / math.sqrt(2.0))
    assert probability_cheaper(energies, causes, one=2, other=3) == pytest.approx(1.0 - upper)
    sigma = math.sqrt(upper * (1.0 - upper) / draws)
    assert found.probability_best[2] == pytest.approx(1.0 - upper, abs=4.0 * sigma)
    assert found.probability_best == pytest.approx(
        (0.0, 0.0, found.probability_best[2], 1.0 - found.probability_best[2])
    )
    density = math.exp(-z * z / 2.0) / math.sqrt(2.0 * math.pi)
    regret_j = u_j * density - difference_j * upper
    assert found.expected_regret_j == pytest.approx(regret_j, abs=4.0 * u_j / math.sqrt(draws))
    assert found.too_close_to_call


def test_certain_figures_leave_no_doubt_and_exact_ties_go_as_in_the_search(prepare, world):
    energies, causes, _ = prepare(world(block_j=(1.0, 2.0, 3.2)))
    assert energies[2].total_j == energies[3].total_j
    found = assess(energies, causes, feasible=(0, 1, 2, 3), best=3)
    assert found.probability_best == (0.0, 0.0, 0.0, 1.0)
    assert found.expected_regret_j == 0.0
    assert not found.too_close_to_call
    assert probability_cheaper(energies, causes, one=2, other=3) == 0.5
    assert probability_cheaper(energies, causes, one=3, other=0) == 1.0


@pytest.mark.parametrize(
    "covariance",
    [((1.0, 0.0), (0.0, 1.0)), ((0.0,) * 3, (0.0, -1.0, 0.0), (0.0,) * 3)],
)
def test_a_link_covariance_that_is_none_is_refused(prepare, world, covariance):
    with pytest.raises(ProfileUnusableError, match="covariance"):
        prepare(world(covariance=covariance))


def stated(figure, degrees_of_freedom):
    return msgspec.structs.replace(figure, degrees_of_freedom=degrees_of_freedom)


def with_degrees(profile, computing, link):
    """The same profile, its energies known with so many degrees of freedom."""
    blocks = tuple(
        msgspec.structs.replace(
            block,
            energy_j=GrossNet(
                gross=stated(block.energy_j.gross, computing),
                net=stated(block.energy_j.net, computing),
            ),
        )
        for block in profile.compute.blocks
    )
    e_c = profile.link.uplink.e_c_bit_per_j
    e_c = GrossNet(gross=stated(e_c.gross, link), net=stated(e_c.net, link))
    uplink = msgspec.structs.replace(profile.link.uplink, e_c_bit_per_j=e_c)
    return msgspec.structs.replace(
        profile,
        compute=msgspec.structs.replace(profile.compute, blocks=blocks),
        link=msgspec.structs.replace(profile.link, uplink=uplink),
    )


@pytest.fixture
def decided(make_network, world):
    def decide_with(computing, link, **device):
        network, blocks = make_network((100, 200, 400), BITS)
        profile = with_degrees(world(**device).profile(), computing, link)
        return decide(network, blocks, profile, usage=Usage(input_bits=INPUT_BITS))

    return decide_with


def test_a_candidate_has_the_degrees_of_freedom_of_what_it_takes(decided):
    decision = decided(5.0, 8.0, u_rel=0.05)

    device = decision.candidates[3]
    assert device.degrees_of_freedom == pytest.approx(5.0)
    assert device.coverage_factor == pytest.approx(2.5706, abs=1e-4)
    server = decision.candidates[0]
    assert server.degrees_of_freedom == pytest.approx(8.0)
    assert server.coverage_factor == pytest.approx(2.3060, abs=1e-4)
    split = decision.candidates[1]
    computed_j, sent_j = 0.05 * 1.0, 0.05 * 6.4
    combined = math.hypot(computed_j, sent_j)
    expected = combined**4 / (computed_j**4 / 5 + sent_j**4 / 8)
    assert split.degrees_of_freedom == pytest.approx(expected)
    low_j, high_j = split.ci95_j
    assert (high_j - low_j) / 2 == pytest.approx(split.coverage_factor * combined)


def test_a_difference_and_a_probability_are_those_of_students_t(decided):
    decision = decided(4.0, 4.0, u_rel=0.05)

    second = decision.runner_up
    low_j, high_j = second.excess_ci95_j
    assert (high_j - low_j) / 2 / second.excess_u_j >= 2.7764 / math.sqrt(2)
    # Both parts have four degrees of freedom: ν_eff by hand, and t's tail at ΔE/u.
    blocks = sorted((second.block, decision.best.block))
    computed_j = 0.05 * math.hypot(*(1.0, 2.0, 4.0)[blocks[0] : blocks[1]])
    sent = (INPUT_BITS, *BITS[:-1], 0)
    sent_j = 0.05 * 0.001 * (sent[blocks[0]] - sent[blocks[1]])
    u_j = math.hypot(computed_j, sent_j)
    freedom = u_j**4 / (computed_j**4 / 4 + sent_j**4 / 4)
    assert second.excess_u_j == pytest.approx(u_j)
    assert (high_j - low_j) / 2 == pytest.approx(coverage_factor(freedom) * u_j)
    expected = stdtr(freedom, -second.excess_j / u_j)
    assert second.probability_cheaper == pytest.approx(expected)
    # Between these two the draws say the same, up to their own scatter and Satterthwaite's.
    assert decision.probability_best == pytest.approx(1 - expected, abs=0.02)


def test_a_profile_of_bounds_has_their_shorter_intervals(make_network, world):
    network, blocks = make_network((100, 200, 400), BITS)
    profile = world(scale_u_rel=0.02).profile()
    bound = BudgetTerm(
        name="shunt", kind="scale", standard_uncertainty=0.02, source="", half_width=0.0346,
        distribution="rectangular",
    )  # fmt: skip
    sensor = msgspec.structs.replace(profile.sensor, budget=(bound,))
    device = decide(network, blocks, msgspec.structs.replace(profile, sensor=sensor)).candidates[3]
    assert device.coverage_factor == pytest.approx(0.95 * math.sqrt(3))


def test_a_difference_in_joules_has_the_scales_share_of_it(make_network, world):
    network, blocks = make_network((100, 200, 400), BITS)
    decision = decide(network, blocks, world(scale_u_rel=0.02).profile())
    second = decision.runner_up
    assert second.excess_u_j == pytest.approx(0.02 * second.excess_j)
    # Which of them costs less a scale cannot change.
    assert second.probability_cheaper == 0.0
    assert decision.probability_best == 1.0
