"""Whole decisions from profiles of plain numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import joulesplit.optimizer
from joulesplit.calibrate.profile import BlockEnergy, Check, GrossNet, Quality
from joulesplit.optimizer import Constraints, Usage
from joulesplit.optimizer.errors import (
    InvalidConstraintError,
    InvalidInputError,
    NoFeasibleSplitError,
    OptimizerError,
    ProfileMismatchError,
    ProfileUnusableError,
)

# Of devices whose blocks are known to cost inside a network what they cost alone: what is not known
# of that is judged in test_model_error.
decide = partial(joulesplit.optimizer.decide, model_u_rel=0.0)

FLOP, BITS = (100, 200, 400), (6400, 3200, 64)


@pytest.fixture(scope="session")
def small(make_network):
    return make_network(FLOP, BITS, input_elements=300)


def changed(profile, path, value):
    """Copy a profile with one nested field replaced."""
    head, _, rest = path.partition(".")
    inner = changed(getattr(profile, head), rest, value) if rest else value
    return msgspec.structs.replace(profile, **{head: inner})


def test_paper_constants_in_a_profile_reproduce_the_paper_and_warn_of_the_pixels(mobilenet, world):
    network, blocks = mobilenet
    flop = tuple(b.flop for b in blocks)
    device = world(flop=flop, block_j=tuple(n / 1.22e8 for n in flop), bit_j=1 / 2e6, rate=2e6)
    decision = decide(network, blocks, device.profile())
    assert (decision.best.block, decision.best.where) == (5, "split")
    assert decision.paper.best_block == 5
    assert decision.ratio_flop_per_bit == pytest.approx(61.0)
    assert decision.candidates[0].energy_j == pytest.approx(2.408448)
    assert decision.input_as_uint8_j == pytest.approx(0.602112)
    assert any("8-bit" in note and "less than this choice" in note for note in decision.notes)
    pixels_up = Usage(input_bits=1_204_224)
    pixels = decide(network, blocks, device.profile(), usage=pixels_up)
    assert (pixels.best.block, pixels.best.where) == (0, "server")
    private = Constraints(min_block=1)
    kept = decide(network, blocks, device.profile(), usage=pixels_up, constraints=private)
    assert kept.best.block == 5
    assert kept.candidates[0].violates == ("min_block",)


def test_full_local_uploads_nothing_and_equals_constant_model_exactly(small, world):
    profile = world(u_rel=0.01).profile()
    by_block = decide(*small, profile, compute_model="blocks").candidates[-1]
    constant = decide(*small, profile, compute_model="constant").candidates[-1]
    assert (by_block.upload_bits, by_block.upload_j, by_block.upload_fixed_j) == (0, 0.0, 0.0)
    assert constant.energy_j == pytest.approx(by_block.energy_j, rel=1e-14)
    assert by_block.energy_j == 7.0


def test_constant_model_regret_is_priced_by_the_blocks(small, world):
    # Same total, other shares: by constant E_d the blocks cost 1, 2, 4 J.
    device = world(block_j=(0.5, 0.5, 6.0), bit_j=0.00125)
    decision = decide(*small, device.profile())
    # Per block: 12, 8.5, 5, 7 J. By E_d: 12, 9, 7, 7 J, and the tie goes to no upload.
    assert [c.energy_j for c in decision.candidates] == pytest.approx([12.0, 8.5, 5.0, 7.0])
    by_blocks, constant = decision.models
    assert (by_blocks.model, by_blocks.block, by_blocks.regret_j) == ("blocks", 2, 0.0)
    assert (constant.model, constant.block, constant.energy_j) == ("constant", 3, 7.0)
    assert constant.regret_j == pytest.approx(2.0)
    assert decision.judged_by == "blocks"
    told = "The constant-E_d model would have chosen block 3, costing 2 J more per inference by the"
    assert any(note.startswith(f"{told} sum of the blocks") for note in decision.notes)


def test_what_computing_is_priced_by_is_told_where_nothing_better_was_measured(small, world):
    def notes(profile, **how):
        return " ".join(decide(*small, profile, **how).notes)

    without_heads, with_heads = world().profile(), world(head_j=((2, 3.1),)).profile()
    assert "blocks measured alone; run as one network" in notes(without_heads)
    assert "as one network they may" not in notes(with_heads)
    other = changed(without_heads, "compute.model.sha256", "another")
    assert "priced by the constant E_d, because" in notes(other)
    assert "priced by the constant E_d, because" not in notes(other, compute_model="constant")


def test_energies_measured_at_another_input_shape_are_not_taken_for_this_one(small, world):
    network, _ = small

    def at(shapes):
        return changed(world().profile(), "compute.model.input_shapes", shapes)

    name, shape = next(iter(network.input_shapes.items()))
    same, twice = at({name: shape}), at({name: (2 * shape[0],)})
    assert decide(*small, same).compute_model == "blocks"
    decision = decide(*small, twice)
    assert decision.compute_model == "constant"
    told = f"measured at inputs {name} = {2 * shape[0]}, not at {name} = {shape[0]}"
    assert any(told in note for note in decision.notes)
    with pytest.raises(ProfileMismatchError, match=told):
        decide(*small, twice, compute_model="blocks")


def test_constant_model_keeps_the_same_limits(small, world):
    device = world(block_j=(0.5, 0.5, 6.0), bit_j=0.00125)
    decision = decide(*small, device.profile(), constraints=Constraints(max_block=1))
    # Of 12 and 8.5 J by block, 12 and 9 J by E_d.
    assert [choice.block for choice in decision.models] == [decision.best.block] * 2 == [1, 1]
    assert [choice.regret_j for choice in decision.models] == [0.0, 0.0]


def test_paper_result_takes_float32_outputs_of_a_quantised_network(make_network, world):
    # One byte per value: 6400 bit are 800 values, 25,600 bit as floats.
    network, blocks = make_network(FLOP, BITS, input_elements=300, dtype="int8")
    decision = decide(network, blocks, world().profile())
    assert decision.candidates[1].upload_bits == 6400
    assert decision.paper.energy_j[0] == pytest.approx(1.0 + 25.6)
    assert "own int8 input, 2400 bit" in " ".join(decision.notes)


def test_the_hint_at_8_bit_input_respects_the_limits(small, world):
    # 2400 bit as pixels: 2.4 J and 2.4 s; as float32: 9.6 J and 9.6 s.
    profile = world().profile()

    def hint(**limits):
        return " ".join(decide(*small, profile, constraints=Constraints(**limits)).notes)

    assert "it would cost 2.4 J, less than this choice" in hint(max_latency_s=4.0)
    assert "which the limits do not allow" in hint(max_latency_s=2.0)
    assert "which the limits do not allow" in hint(min_block=1)
    cheap = world(block_j=(0.1, 0.1, 0.1)).profile()
    assert "not less than this choice" in " ".join(decide(*small, cheap).notes)


def test_parts_add_up_with_a_fixed_cost_per_upload(small, world):
    device = world(upload_cost_j=0.25, covariance=((0.0,) * 3,) * 3)
    decision = decide(*small, device.profile())
    assert [c.upload_fixed_j for c in decision.candidates] == [0.25, 0.25, 0.25, 0.0]
    for c in decision.candidates:
        assert c.energy_j == pytest.approx(c.compute_j + c.upload_j + c.upload_fixed_j)
    assert decision.input_as_uint8_j == pytest.approx(0.25 + 2400 * 0.001)


def test_gross_and_net_are_never_mixed(small, world):
    device = world(upload_cost_j=0.25, covariance=((0.0,) * 3,) * 3, gross_factor=3.0)
    profile = device.profile()
    net, gross = decide(*small, profile), decide(*small, profile, account="gross")
    assert (net.account, gross.account) == ("net", "gross")
    for one, other in zip(net.candidates, gross.candidates, strict=True):
        assert other.compute_j == pytest.approx(3.0 * one.compute_j)
        assert other.upload_j == pytest.approx(3.0 * one.upload_j)
        # E_0 is known net only, so a gross energy must not hold it.
        assert other.upload_fixed_j == 0.0
    assert all(crossover.rate_bit_per_s is None for crossover in gross.sensitivity.crossovers)
    assert any("leave out" in note for note in gross.notes)
    assert gross.paper.all_device_j == pytest.approx(3.0 * net.paper.all_device_j)


def without_net(profile, path):
    figure = profile
    for name in path.split("."):
        figure = getattr(figure, name)
    return changed(profile, path, GrossNet(gross=figure.gross, net=None))


@pytest.mark.parametrize("path", ["compute.e_d_flop_per_j", "link.uplink.e_c_bit_per_j"])
def test_one_missing_net_figure_makes_the_whole_decision_gross(small, world, path):
    profile = without_net(world().profile(), path)
    decision = decide(*small, profile)
    assert decision.account == "gross"
    assert decision.candidates[-1].energy_j == 14.0
    assert any("no net figures" in note for note in decision.notes)
    with pytest.raises(ProfileUnusableError, match="no net figure"):
        decide(*small, profile, account="net")


LINKED = {
    "covariance": ((0.01, 0.0, 1e-7), (0.0, 0.0, 0.0), (1e-7, 0.0, 1e-10)),
    "u_rel": 0.1,
    "upload_cost_j": 0.1,
    "scale_u_rel": 0.02,
}


@settings(deadline=None)
@given(
    block_j=st.lists(st.floats(0.1, 5.0), min_size=3, max_size=3),
    bit_j=st.floats(1e-4, 5e-3),
    # A power of two multiplies without rounding, so nothing at all may move.
    factor=st.integers(-10, 10).map(lambda k: 2.0**k),
)
def test_a_common_factor_changes_no_choice_and_no_probability(
    world, make_network, block_j, bit_j, factor
):
    network, blocks = make_network(FLOP, BITS, input_elements=300)
    common = {"block_j": tuple(block_j), "bit_j": bit_j, **LINKED}
    one = decide(network, blocks, world(**common).profile())
    other = decide(network, blocks, world(**common, scale=factor).profile())
    assert other.best.block == one.best.block
    assert other.sensitivity.hull == one.sensitivity.hull
    assert other.sensitivity.breakpoints == tuple(
        replace(swap, e_c_bit_per_j=swap.e_c_bit_per_j / factor)
        for swap in one.sensitivity.breakpoints
    )
    assert other.ratio_flop_per_bit == one.ratio_flop_per_bit
    for a, b in zip(one.candidates, other.candidates, strict=True):
        assert b.probability_best == a.probability_best
        assert b.energy_j == factor * a.energy_j
    assert other.expected_regret_j == factor * one.expected_regret_j


@pytest.mark.parametrize("factor", [1.02, 0.37, 1e3])
def test_no_probability_moves_with_a_sensor_that_reads_high(small, world, factor):
    one = decide(*small, world(**LINKED, bit_j=0.0011).profile())
    other = decide(*small, world(**LINKED, bit_j=0.0011, scale=factor).profile())
    assert 0.1 < one.probability_best < 0.9
    # Rounding may move a draw across a tie, so allow one in twenty thousand.
    assert [c.probability_best for c in other.candidates] == pytest.approx(
        [c.probability_best for c in one.candidates], abs=1.5 / one.robustness.draws
    )


def test_latency_is_device_time_plus_airtime_and_can_be_limited(small, world):
    profile = world().profile()
    decision = decide(*small, profile)
    assert [c.latency_s for c in decision.candidates] == pytest.approx([9.6, 6.5, 3.5, 0.6])
    # 9.6, 7.4, 6.2, 7 J: the cheapest takes 3.5 s.
    assert decision.best.block == 2
    fast = decide(*small, profile, constraints=Constraints(max_latency_s=1.0))
    assert fast.best.where == "device"
    with pytest.raises(NoFeasibleSplitError, match="max_latency_s"):
        decide(*small, profile, constraints=Constraints(max_latency_s=0.1))


def test_what_less_time_would_cost_is_told(small, world):
    decision = decide(*small, world().profile())
    # 9.6, 7.4, 6.2, 7 J and 9.6, 6.5, 3.5, 0.6 s: only the whole device is faster than l = 2.
    (faster,) = decision.faster
    assert faster.block == 3
    assert faster.latency_s == pytest.approx(0.6)
    assert faster.saved_s == pytest.approx(2.9)
    assert faster.excess_j == pytest.approx(0.8)
    assert faster.excess_j == decision.runner_up.excess_j
    assert faster.excess_u_j == decision.runner_up.excess_u_j


def test_a_split_that_is_not_allowed_buys_no_time(small, world):
    decision = decide(*small, world().profile(), constraints=Constraints(max_block=2))
    assert decision.best.block == 2
    assert decision.faster == ()


def test_doubt_is_told(small, world):
    sure = decide(*small, world(u_rel=0.001).profile())
    unsure = decide(*small, world(u_rel=0.2).profile())
    assert sure.probability_best > 0.999
    assert sure.too_close_to_call is False
    assert unsure.too_close_to_call is True
    assert unsure.expected_regret_j > sure.expected_regret_j
    assert any("Too close to call" in note for note in unsure.notes)
    assert not any("Too close to call" in note for note in sure.notes)
    assert sum(c.probability_best for c in unsure.candidates) == pytest.approx(1.0)


def test_unknown_uncertainty_stays_unknown(small, world, make_quantity):
    profile = world().profile()
    bare = make_quantity(1000.0, None, None)
    profile = changed(profile, "link.uplink.e_c_bit_per_j", GrossNet(gross=bare, net=bare))
    decision = decide(*small, profile)
    assert decision.probability_best is None
    assert decision.ratio_u_flop_per_bit is None
    assert decision.best.ci95_j is None
    assert decision.runner_up.probability_cheaper is None
    assert any("states no uncertainty" in note for note in decision.notes)


def test_explanation_names_the_choice_its_rivals_and_what_would_change_it(small, world):
    decision = decide(
        *small, world(u_rel=0.01, covariance=((0.0,) * 3,) * 2 + ((0.0, 0.0, 1e-10),)).profile()
    )
    text = decision.explanation
    assert "block 2 (block_2)" in text
    assert "6.2 J per inference (net)" in text
    assert "all on the device 7 J" in text
    assert "all on the server 9.6 J" in text
    # 0.8 J apart; u² = 0.04² + (3200 · 1e-5)² J².
    assert "block 3, costs 0.8 J more (standard uncertainty 0.05122 J)" in text
    assert "with probability below 0.0001" in text
    # 3 + a·3200 against 7: dearer than 1.25 mJ per bit; against 1 + a·6400: cheaper than 0.625.
    assert "Block 3 takes over if bits get dearer: E_c below 800 bit/J" in text
    assert "takes over if bits get cheaper: E_c above 1600 bit/J" in text
    only = decide(*small, world().profile(), constraints=Constraints(min_block=3))
    assert "No other candidate is allowed" in only.explanation
    assert only.runner_up is None


def test_another_network_falls_back_to_constant_and_says_so(small, world):
    network, blocks = small
    other = replace(network, sha256="cd" * 32)
    decision = decide(other, blocks, world(block_j=(0.5, 0.5, 6.0)).profile())
    assert decision.compute_model == "constant"
    assert [c.compute_j for c in decision.candidates] == pytest.approx([0.0, 1.0, 3.0, 7.0])
    assert [choice.model for choice in decision.models] == ["constant"]
    assert decision.best.latency_s is None
    assert any("constant E_d" in note and "net.tflite" in note for note in decision.notes)


def other_file(network, blocks, profile):
    return replace(network, sha256="cd" * 32), blocks, profile


def other_cuts(network, blocks, profile):
    moved = [msgspec.structs.replace(b, last_operator=b.last_operator + 1)
             for b in profile.compute.blocks]  # fmt: skip
    return network, blocks, changed(profile, "compute.blocks", tuple(moved))


def no_blocks(network, blocks, profile):
    return network, blocks, changed(profile, "compute.blocks", ())


@pytest.mark.parametrize("spoil", [other_file, other_cuts, no_blocks])
def test_per_block_energies_of_other_blocks_are_refused(small, world, spoil):
    spoiled = spoil(*small, world().profile())
    with pytest.raises(ProfileMismatchError):
        decide(*spoiled, compute_model="blocks")
    with pytest.raises(ProfileUnusableError, match="max_latency_s"):
        decide(*spoiled, constraints=Constraints(max_latency_s=1.0))


def test_a_rejected_profile_needs_insistence_and_keeps_its_mark(small, world):
    check = Check(name="drift", value=2.0, limit=1.0, unit="1", outcome="fail")
    profile = world().profile(quality=Quality(verdict="rejected", checks=(check,)))
    with pytest.raises(ProfileUnusableError, match="drift"):
        decide(*small, profile)
    decision = decide(*small, profile, allow_rejected=True)
    assert decision.verdict == "rejected"
    assert any("rejected (drift)" in note for note in decision.notes)


def test_simulated_suspect_and_foreign_figures_are_marked(small, world, make_network):
    check = Check(name="drift", value=2.0, limit=1.0, unit="1", outcome="warn")
    profile = world().profile(
        simulated=True, source="literature", quality=Quality(verdict="suspect", checks=(check,))
    )
    profile = changed(profile, "compute.flop_convention", "tf-profiler")
    network, blocks = make_network(FLOP, BITS, unknown=1)
    decision = decide(network, blocks, profile)
    assert decision.simulated
    told = " ".join(decision.notes)
    for word in ("simulated", "literature", "suspect (drift)", "tf-profiler", "1 × CONV_2D"):
        assert word in told


def test_only_a_simulation_may_use_a_loopback_link(small, world):
    profile = changed(world().profile(), "link.loopback", True)
    with pytest.raises(ProfileUnusableError, match="loopback"):
        decide(*small, profile)
    assert decide(*small, changed(profile, "simulated", True)).best.block == 2


def spoil_block(profile, value):
    first: BlockEnergy = profile.compute.blocks[0]
    bad = msgspec.structs.replace(first.energy_j.gross, value=value)
    blocks = (
        msgspec.structs.replace(first, energy_j=GrossNet(gross=bad, net=bad)),
        *profile.compute.blocks[1:],
    )
    return changed(profile, "compute.blocks", blocks)


@pytest.mark.parametrize("account", ["net", "gross"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_figures_that_cannot_be_are_refused(small, world, make_quantity, value, account):
    good = world().profile()
    bad = GrossNet(gross=make_quantity(value), net=make_quantity(value))
    for path in ("compute.e_d_flop_per_j", "link.uplink.e_c_bit_per_j"):
        with pytest.raises(ProfileUnusableError, match="cannot be"):
            decide(*small, changed(good, path, bad), account=account)
    spoiled = spoil_block(good, value)
    with pytest.raises(ProfileUnusableError, match="constant compute model"):
        decide(*small, spoiled, account=account)
    constant = decide(*small, spoiled, account=account, compute_model="constant")
    assert constant.judged_by == "constant"
    with pytest.raises(ProfileUnusableError, match="bit/s"):
        decide(*small, changed(good, "link.uplink.rate_bit_per_s", value))


def test_uncertainties_that_cannot_be_are_refused(small, world, make_quantity):
    bad = GrossNet(gross=make_quantity(1.0, -0.1), net=make_quantity(1.0, math.nan))
    for account in ("net", "gross"):
        profile = changed(world().profile(), "compute.e_d_flop_per_j", bad)
        with pytest.raises(ProfileUnusableError, match="uncertainties"):
            decide(*small, profile, account=account)


def test_a_profile_without_link_is_refused(small, world):
    with pytest.raises(ProfileUnusableError, match="no link"):
        decide(*small, world().profile(link=None))


def test_a_fixed_cost_below_zero_by_no_more_than_chance_is_nought(small, world, make_quantity):
    profile = world(covariance=((0.01, 0.0, 0.0), (0.0,) * 3, (0.0,) * 3)).profile()
    path = "link.uplink.fit.upload_cost_j"
    near = decide(*small, changed(profile, path, make_quantity(-0.15, 0.1)))
    assert near.candidates[0].upload_fixed_j == 0.0
    assert near.candidates[0].energy_j == pytest.approx(9.6)
    assert near.candidates[0].u_stat_j == pytest.approx(0.1)
    assert any("below zero" in note for note in near.notes)
    # One sound campaign in forty is two standard uncertainties below a cost that is nought.
    decide(*small, changed(profile, path, make_quantity(-0.25, 0.1)))
    for value in (-0.45, math.nan):
        with pytest.raises(ProfileUnusableError, match="fixed cost"):
            decide(*small, changed(profile, path, make_quantity(value, 0.1)))


@pytest.mark.parametrize(("low_j", "counted_j"), [(-0.1, 0.0), (0.01, 0.15)])
def test_a_burst_counts_only_where_it_stands_clear_of_nought(small, world, low_j, counted_j):
    """Else it would be dearer in the mean than it is: taken where chance has it above alone."""
    covariance = ((0.01, 0.0, 0.0, -0.004), (0.0,) * 4, (0.0,) * 4, (-0.004, 0.0, 0.0, 0.01))
    device = world(burst_j=0.15, upload_cost_j=0.5, covariance=covariance)
    profile = device.profile()
    burst = msgspec.structs.replace(
        profile.link.uplink.fit.burst_cost_j, ci95=(low_j, 0.3 - low_j), u_stat=0.1
    )
    found = decide(*small, changed(profile, "link.uplink.fit.burst_cost_j", burst))

    # What the burst costs less for certain the upload, fitted with it, costs more: 0.4 of it.
    upload_j = 0.5 + 0.4 * (0.15 - counted_j)
    assert found.candidates[0].upload_fixed_j == pytest.approx(upload_j + counted_j)
    assert found.candidates[0].u_stat_j == pytest.approx(math.sqrt(0.01 + 0.01 - 2 * 0.004))


@given(
    block_j=st.tuples(*[st.floats(0.1, 5.0)] * 3),
    burst_j=st.floats(-0.3, 0.3),
    upload_j=st.floats(-0.3, 0.3),
    shared=st.floats(-0.9, 0.9),
    uploads=st.lists(st.floats(1.0, 30.0), min_size=2, max_size=4).map(sorted),
)
def test_more_uploads_in_a_burst_never_cost_more_and_no_interval_reaches_below_zero(
    small, world, *, block_j, burst_j, upload_j, shared, uploads
):
    covariance = [
        [0.01, 0.0, 0.0, 0.01 * shared],
        [0.0] * 4,
        [0.0] * 4,
        [0.01 * shared, 0, 0, 0.01],
    ]
    device = world(
        block_j=block_j, burst_j=burst_j, upload_cost_j=upload_j, u_rel=0.1,
        covariance=tuple(map(tuple, covariance)),
    )  # fmt: skip
    profile = device.profile()
    for name, value in (("upload_cost_j", upload_j), ("burst_cost_j", burst_j)):
        figure = getattr(profile.link.uplink.fit, name)
        figure = msgspec.structs.replace(figure, value=value, u_stat=0.1)
        profile = changed(profile, f"link.uplink.fit.{name}", figure)
    found = [decide(*small, profile, usage=Usage(uploads_per_burst=n)) for n in uploads]
    for fewer, more in pairwise(found):
        for one, other in zip(fewer.candidates, more.candidates, strict=True):
            assert other.energy_j <= one.energy_j + 1e-12
    assert all(c.ci95_j[0] >= 0.0 for decision in found for c in decision.candidates)


def test_blocks_that_are_not_the_whole_network_are_refused(small, world):
    network, blocks = small
    for wrong in ((), blocks[:2], blocks[1:], (blocks[1], blocks[0], blocks[2])):
        with pytest.raises(InvalidInputError, match="not the whole"):
            decide(network, wrong, world().profile())


NONSENSE = (
    ("input_bits", 0),
    ("uploads_per_burst", 0.5),
    ("uploads_per_connection", math.nan),
    ("server_wait_s", -1.0),
)


def test_options_without_sense_are_refused(small, world):
    profile = world().profile()
    with pytest.raises(InvalidConstraintError):
        decide(*small, profile, constraints=Constraints(min_block=4))
    for options in (
        *({"account": "Net"}, {"compute_model": "per-block"}),
        *({"usage": Usage(**{name: value})} for name, value in NONSENSE),
    ):
        with pytest.raises(InvalidInputError):
            decide(*small, profile, **options)


def test_every_error_is_one_line_of_the_one_tree():
    for error in (InvalidInputError, ProfileMismatchError, ProfileUnusableError):
        assert issubclass(error, OptimizerError)
        assert issubclass(error, ValueError)
    assert issubclass(InvalidConstraintError, InvalidInputError)
    assert issubclass(NoFeasibleSplitError, OptimizerError)


def test_a_profile_that_was_changed_is_noticed(small, world):
    profile = world(head_j=((2, 2.9), (3, 6.8))).profile()
    first, second, third = profile.compute.blocks

    def refused(path, value, words):
        with pytest.raises(ProfileUnusableError, match=words):
            decide(*small, changed(profile, path, value))

    refused("compute.blocks", (second, first, third), "in this order")
    refused("compute.heads", (profile.compute.heads[0],) * 2, "each end once")
    for name in ("flop", "output_bits"):
        other = msgspec.structs.replace(second, **{name: 12_345})
        found = decide(*small, changed(profile, "compute.blocks", (first, other, third)))
        assert found.compute_model == "constant"
        assert any("other work or outputs" in note for note in found.notes)


@pytest.mark.parametrize("value", [1e300, 1e-300])
def test_an_efficiency_beyond_all_nature_is_refused(small, world, make_quantity, value):
    beyond = make_quantity(value, value / 100)
    profile = changed(
        world().profile(), "compute.e_d_flop_per_j", GrossNet(gross=beyond, net=beyond)
    )
    with pytest.raises(ProfileUnusableError, match="for E_d, which cannot be"):
        decide(*small, profile, compute_model="constant")
