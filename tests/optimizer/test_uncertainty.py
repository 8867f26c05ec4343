"""Uncertainty of energies and of their differences against closed formulas."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from joulesplit.calibrate.profile import GrossNet
from joulesplit.optimizer import Constraints
from joulesplit.optimizer.errors import ProfileUnusableError
from joulesplit.optimizer import prices_from_profile
from joulesplit.optimizer._robustness import assess, probability_cheaper
from joulesplit.optimizer import Problem
from joulesplit.optimizer import difference_u_j
from joulesplit.optimizer._uncertainty import energy_uncertainty, ratio_u
from joulesplit.optimizer import Usage

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
        effects = problem.effects(model)
        return problem.energies(model), effects, effects.on_candidates_j

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
    ).effects("constant").on_candidates_j  # fmt: skip

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
    _, _, effects = prepare(world(covariance=FIT_COVARIANCE, upload_cost_j=0.5))
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
    energies, sources, effects = prepare(world(u_rel=0.1, scale_u_rel=0.02))
    _, _, without = prepare(world(u_rel=0.1))
    assert difference_u_j(effects, 1, 3) == pytest.approx(difference_u_j(without, 1, 3), rel=1e-9)
    stated = energy_uncertainty(
        energies[3].total_j, effects[3], statistical=sources.statistical, scale_u_rel=0.02
    )
    assert stated.u_sys_j == pytest.approx(0.02 * 7.0)
    assert stated.u_stat_j == pytest.approx(math.hypot(0.1, 0.2, 0.4))
    half_width = 1.959964 * math.hypot(stated.u_stat_j, stated.u_sys_j)
    assert stated.ci95_j == pytest.approx((7.0 - half_width, 7.0 + half_width), rel=1e-4)


def test_offset_moves_all_energies_the_same_way(prepare, world):
    _, _, effects = prepare(world(offset_rel=0.1, scale_u_rel=0.05))
    # All energies are off by the same 10 %, so their difference is off by 10 % of itself.
    assert difference_u_j(effects, 2, 1) == pytest.approx(0.1 * abs(2.0 - 3.2))


def test_ratio_loses_the_scale_and_adds_the_statistics(world, make_network):
    network, blocks = make_network((100, 200, 400), BITS)
    profile = world(u_rel=0.03, scale_u_rel=0.5).profile()
    prices = prices_from_profile(network, blocks, profile)
    assert prices.ratio_u_flop_per_bit == pytest.approx(0.1 * 0.03 * math.sqrt(2.0))


def test_ratio_keeps_only_what_an_offset_does_to_one_side_more_than_to_the_other(
    world, make_network, make_quantity
):
    network, blocks = make_network((100, 200, 400), BITS)
    profile = world(offset_rel=0.1).profile()
    prices = prices_from_profile(network, blocks, profile)
    assert prices.ratio_u_flop_per_bit == pytest.approx(0.0, abs=1e-12)
    less = make_quantity(1000.0, 0.0, 30.0)
    assert ratio_u(prices.computing.e_d, less, 0.0) == pytest.approx(0.1 * (0.1 - 0.03))


def test_the_profiles_own_ratio_is_taken_where_it_has_one(world, make_network, make_quantity):
    network, blocks = make_network((100, 200, 400), BITS)
    own = GrossNet(gross=make_quantity(0.2, 0.01, 0.02), net=make_quantity(0.1, 0.003, 0.004))
    profile = world(u_rel=0.03).profile(e_d_over_e_c_flop_per_bit=own)
    assert prices_from_profile(network, blocks, profile).ratio_u_flop_per_bit == pytest.approx(
        0.005
    )


def test_monte_carlo_meets_the_closed_form_of_two_candidates(prepare, world):
    energies, _, effects = prepare(world(u_rel=0.2))
    draws = 200_000
    found = assess(energies, effects, feasible=(2, 3), best=2, draws=draws, seed=7)
    # Normal difference D = E(3) − E(2): P(D > 0) = Φ(z), E[max(0, −D)] = u·φ(z) − D·Φ(−z).
    difference_j = (7.0) - (3.0 + 3.2)
    u_j = math.hypot(0.8, 3200 * 0.2 * 0.001)
    z = difference_j / u_j
    upper = 0.5 * math.erfc(z / math.sqrt(2.0))
    assert probability_cheaper(energies, effects, one=2, other=3) == pytest.approx(1.0 - upper)
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
    energies, _, effects = prepare(world(block_j=(1.0, 2.0, 3.2)))
    assert energies[2].total_j == energies[3].total_j
    found = assess(energies, effects, feasible=(0, 1, 2, 3), best=3)
    assert found.probability_best == (0.0, 0.0, 0.0, 1.0)
    assert found.expected_regret_j == 0.0
    assert not found.too_close_to_call
    assert probability_cheaper(energies, effects, one=2, other=3) == 0.5
    assert probability_cheaper(energies, effects, one=3, other=0) == 1.0


@pytest.mark.parametrize(
    "covariance",
    [((1.0, 0.0), (0.0, 1.0)), ((0.0,) * 3, (0.0, -1.0, 0.0), (0.0,) * 3)],
)
def test_a_link_covariance_that_is_none_is_refused(prepare, world, covariance):
    with pytest.raises(ProfileUnusableError, match="covariance"):
        prepare(world(covariance=covariance))
