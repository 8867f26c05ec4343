"""What goes up in an encoding: its own size, and its time at the power of computing."""

from __future__ import annotations

import math
from dataclasses import replace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joulesplit.calibrate.profile import GrossNet, Quantity
from joulesplit.optimizer import (
    Constraints,
    InputForm,
    SentEncoded,
    SplitPolicy,
    Usage,
    decide,
    policy_bytes,
    policy_from,
)
from joulesplit.optimizer._encoding import MeasuredEncoding, StatedTime, making_of
from joulesplit.optimizer.errors import InvalidInputError, ProfileUnusableError

FLOP, BITS, BLOCK_J = (100, 200, 400), (6400, 3200, 32), (1.0, 2.0, 4.0)
POWER_W = sum(BLOCK_J) / (0.1 + 0.2 + 0.3)
"""Mean net power of the made world's blocks, which take 0.1 s, 0.2 s and 0.3 s."""
HALF = SentEncoded(
    name="float16", bits=(800, 3200, 1600), encode_s=(0.01, 0.02, 0.03), timed_on="a desk"
)


def candidates(network, profile, encoding=HALF, **options):
    usage = Usage(encoding=encoding, **options.pop("usage", {}))
    return decide(*network, profile, usage=usage, **options).candidates


@pytest.fixture
def network3(make_network):
    return make_network(FLOP, BITS, input_elements=100)


@pytest.mark.parametrize(("account", "factor"), [("net", 1.0), ("gross", 2.0)])
def test_each_upload_has_the_encoded_size_and_pays_for_the_time_of_encoding(
    network3, world, account, factor
):
    found = candidates(network3, world(bit_j=0.001).profile(), account=account)
    assert [c.upload_bits for c in found] == [800, 3200, 1600, 0]
    encode_j = [factor * POWER_W * time_s for time_s in (*HALF.encode_s, 0.0)]
    assert [c.encode_j for c in found] == pytest.approx(encode_j)
    for candidate in found:
        computed_j = factor * sum(BLOCK_J[: candidate.block])
        upload_j = factor * 0.001 * candidate.upload_bits
        total_j = computed_j + encode_j[candidate.block] + upload_j
        assert candidate.energy_j == pytest.approx(total_j)


def test_a_slow_encoding_of_few_bits_can_lose_against_sending_as_it_is(network3, world):
    profile = world(bit_j=0.0002).profile()
    slow = replace(HALF, bits=(3199, 1600, 32), encode_s=(2.0, 2.0, 2.0))
    quick = replace(slow, encode_s=(0.0, 0.0, 0.0))
    as_is = decide(*network3, profile).best.energy_j
    assert min(c.energy_j for c in candidates(network3, profile, quick)) < as_is
    assert min(c.energy_j for c in candidates(network3, profile, slow)) > as_is


def test_encoding_takes_part_of_the_time_allowed(network3, world):
    plain = decide(*network3, world().profile()).candidates
    found = candidates(network3, world().profile())
    for one, as_is, time_s in zip(found, plain, (*HALF.encode_s, 0.0), strict=True):
        saved_s = (as_is.upload_bits - one.upload_bits) / 1000.0
        assert one.latency_s == pytest.approx(as_is.latency_s - saved_s + time_s)
    limit = Constraints(max_latency_s=found[2].latency_s - 1e-6)
    assert "max_latency_s" in candidates(network3, world().profile(), constraints=limit)[2].violates


def test_an_input_of_the_users_own_size_is_not_encoded_again(network3, world):
    server = candidates(network3, world().profile(), usage={"input_bits": 500})[0]
    assert (server.upload_bits, server.encode_j) == (500, 0.0)


def test_the_power_is_as_uncertain_as_the_energy_it_comes_from(network3, world):
    """Block 1 alone, its energy known exactly but for E_d's own 10 %: 0.1 of the encoding's."""
    device = world(u_rel=0.1, bit_j=1e-12)
    slow = replace(HALF, encode_s=(1.0, 0.0, 0.0))
    server = candidates(network3, device.profile(), slow)[0]
    assert server.encode_j == pytest.approx(POWER_W)
    assert server.u_stat_j == pytest.approx(0.1 * POWER_W, rel=1e-6)
    both = candidates(network3, device.profile(), replace(HALF, encode_s=(0.0, 1.0, 0.0)))[1]
    assert both.u_stat_j == pytest.approx(0.1 * math.hypot(POWER_W, BLOCK_J[0]), rel=1e-6)


def test_where_the_power_of_computing_is_not_known_encoding_counts_nothing_and_says_so(
    network3, world
):
    network, blocks = network3
    other = replace(network, sha256="cd" * 32)
    decision = decide(other, blocks, world().profile(), usage=Usage(encoding=HALF))
    assert [c.encode_j for c in decision.candidates] == [0.0] * 4
    assert [c.upload_bits for c in decision.candidates] == [800, 3200, 1600, 0]
    assert any("l = 0, 1, 2 is not measured: not in the price" in note for note in decision.notes)
    known = decide(*network3, world().profile(), usage=Usage(encoding=HALF))
    assert not any("not in the price" in note for note in known.notes)
    assert any("float16" in note and "a desk" in note for note in known.notes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bits": (800, 3200)},
        {"encode_s": (0.0, 0.0, 0.0, 0.0)},
        {"bits": (800, 0, 1600)},
        {"encode_s": (0.0, -1.0, 0.0)},
        {"encode_s": (0.0, math.nan, 0.0)},
    ],
)
def test_figures_that_make_no_sense_are_refused(network3, world, wrong):
    with pytest.raises(InvalidInputError, match="float16"):
        candidates(network3, world().profile(), replace(HALF, **wrong))


@pytest.mark.parametrize(("account", "factor"), [("net", 1.0), ("gross", 2.0)])
def test_making_bytes_costs_what_was_measured_whatever_its_time_is_said_to_be(
    network3, world, account, factor
):
    """Of l = 1 measured, of l = 0 and 2 the mean cost of a bit, known as badly as bits differ."""
    device = world(u_rel=0.1, bit_j=1e-12, made=(("float16", 1, 0.64, 0.2),))
    priced = candidates(network3, sized(device.profile()), account=account)
    assert [c.made_by for c in priced] == ["scaled by size", "measured", "scaled by size", None]
    per_bit_j = factor * 0.64 / BITS[0]
    assert [c.encode_j for c in priced] == pytest.approx(
        [per_bit_j * 3200, factor * 0.64, per_bit_j * BITS[1], 0.0]
    )
    assert priced[1].latency_s - priced[1].upload_s == pytest.approx(0.1 + 0.2)
    u_j = factor * 0.1 * math.hypot(BLOCK_J[0], 0.64)
    assert priced[1].u_stat_j == pytest.approx(u_j, rel=1e-6)
    # Of a single place nothing tells how bits differ: from nothing to twice.
    alone_j = per_bit_j * 3200 * math.hypot(0.1, 1 / math.sqrt(3))
    assert priced[0].u_stat_j == pytest.approx(alone_j, rel=1e-6)


@pytest.mark.parametrize(
    "wrong", [(1, -0.64, 0.2), (1, 0.64, -0.2), (1, 0.64, 0.0), (3, 0.64, 0.2)]
)
def test_no_decision_is_made_of_what_making_bytes_cannot_cost(network3, world, wrong):
    """Not even of a profile that nothing examined: l = 3 of three blocks sends nothing."""
    profile = world(u_rel=0.1, made=(("float16", *wrong),)).profile()
    with pytest.raises(ProfileUnusableError, match="making float16 at l = "):
        candidates(network3, sized(profile))


def sized(profile):
    """The profile of a device that says how long its blocks' outputs are."""
    blocks = [
        msgspec.structs.replace(block, output_bits=bits)
        for block, bits in zip(profile.compute.blocks, BITS, strict=True)
    ]
    compute = msgspec.structs.replace(profile.compute, blocks=tuple(blocks))
    return msgspec.structs.replace(profile, compute=compute)


def test_of_two_places_the_scatter_of_a_bits_cost_is_pooled_with_what_one_says(network3, world):
    made = (("float16", 0, 0.32 * 0.9, 0.1), ("float16", 2, 0.32 * 1.1, 0.1))
    device = sized(world(bit_j=1e-12, made=made).profile())
    model = msgspec.structs.replace(device.compute.model, input_bits=3200)
    compute = msgspec.structs.replace(device.compute, model=model)
    first = candidates(network3, msgspec.structs.replace(device, compute=compute))[1]
    assert first.made_by == "scaled by size"
    assert first.encode_j == pytest.approx(1e-4 * BITS[0])
    # 0.9 and 1.1 scatter by √0.02, from nothing to twice is √(1/3); one more value about their
    # mean by √1.5 times that.
    u_rel = math.sqrt((0.02 + 1 / 3) / 2 * 1.5)
    assert first.u_stat_j == pytest.approx(first.encode_j * u_rel, rel=1e-6)


def quantity(value, u_stat=0.0, unit="J"):
    return Quantity(value=value, unit=unit, ci95=None, u_stat=u_stat, u_sys=0.0, n=12)


def elsewhere(*energies_j, u_j=0.0):
    """Making 1000 bits at places of these energies."""
    return [
        MeasuredEncoding(
            encoding="float16",
            block=place,
            bits=1000,
            energy=quantity(energy_j, u_j),
            latency=quantity(0.1, unit="s"),
        )
        for place, energy_j in enumerate(energies_j)
    ]


def scaled(*energies_j, u_j=0.0, bits=2000):
    told = StatedTime(value_s=0.0, u_rel=None)
    return making_of(None, elsewhere(*energies_j, u_j=u_j), bits, told, None)


def test_of_several_places_the_scatter_of_a_bits_cost_is_that_of_the_next_one():
    """0.9, 1.0 and 1.1 scatter by 0.1, one more value about their mean by √(4/3) times that."""
    found = scaled(0.9, 1.0, 1.1)
    assert found.energy_j == pytest.approx(2.0)
    assert found.own_u_j == pytest.approx(2 * 0.1 * math.sqrt(4 / 3))
    assert found.inverse_freedom == pytest.approx(1 / 2)


@pytest.mark.parametrize("energies_j", [(-0.01,), (-0.01, -0.02), (0.01, -0.02), (0.0, 0.0, 0.0)])
def test_a_cost_that_scattered_below_zero_is_known_no_better_when_it_is_scaled(energies_j):
    """Its standard uncertainty of 0.02 J for 1000 bits is at least 0.04 J for 2000."""
    found = scaled(*energies_j, u_j=0.02)
    assert found.energy_j == 0.0
    assert found.own_u_j >= 0.04


def test_a_candidate_whose_bytes_may_cost_nothing_says_what_they_may_cost(network3, world):
    plain = world(u_rel=0.1, bit_j=1e-12, made=(("float16", 1, 0.0, 0.2),))
    device = sized(plain.profile())
    [made] = device.compute.encodings
    energy = GrossNet(gross=made.energy_j.gross, net=quantity(-0.01, 0.02))
    below = (msgspec.structs.replace(made, energy_j=energy),)
    compute = msgspec.structs.replace(device.compute, encodings=below)
    server = candidates(network3, msgspec.structs.replace(device, compute=compute))[0]
    assert (server.made_by, server.encode_j) == ("scaled by size", 0.0)
    assert server.u_stat_j >= 0.02 * 3200 / BITS[0]


def test_bytes_that_nothing_prices_make_a_choice_that_no_probability_is_stated_of(network3, world):
    """What they cost beyond the price can only make the choice another if it is the choice's."""
    unknown = replace(HALF, encode_s=(0.0, 0.0, 0.0), encode_u_rel=None)
    profile = world(u_rel=0.01, bit_j=0.0005, head_j=((2, 3.0), (3, 7.0))).profile()
    found = decide(*network3, profile, usage=Usage(encoding=unknown))
    assert (found.best.block, found.best.made_by) == (0, "not measured")
    assert (found.probability_best, found.best.ci95_j) == (None, None)
    assert "calibrate with --encodings float16" in found.unsure_because
    told = " ".join(found.notes)
    assert (
        "Making float16 of l = 0, 1, 2 is not measured: not in the price, nor in its time." in told
    )
    assert f"unless making its bytes costs {found.runner_up.excess_j:.4g} J" in told
    # Bits that cost much leave all on the device: nothing is made there, and it is as sure as ever.
    dear = world(u_rel=0.01, bit_j=0.05, head_j=((2, 3.0), (3, 7.0))).profile()
    local = decide(*network3, dear, usage=Usage(encoding=unknown))
    assert (local.best.block, local.unsure_because) == (3, None)
    assert local.probability_best > 0.99


def test_a_time_that_is_assumed_is_doubted_by_as_much_as_it_says(network3, world):
    assumed = replace(HALF, encode_s=(0.1, 0.0, 0.0), encode_u_rel=0.5)
    server = candidates(network3, world(bit_j=1e-12).profile(), assumed)[0]
    assert (server.made_by, server.encode_j) == ("assumed", pytest.approx(0.1 * POWER_W))
    assert server.u_stat_j == pytest.approx(0.5 * 0.1 * POWER_W, rel=1e-6)
    # Back to back a longer inference costs idle power as well.
    profile = world(bit_j=1e-12, idle_w=3.0).profile()
    lasting = candidates(network3, profile, assumed, usage={"back_to_back": True})[0]
    assert lasting.u_stat_j == pytest.approx(0.5 * 0.1 * (POWER_W + 3.0), rel=1e-6)

    # In a period what takes longer leaves less of the idle power that its gross energy holds.
    usage = {"period_s": 100.0}
    [paced, *_] = candidates(network3, profile, assumed, usage=usage, account="gross")
    assert paced.encode_j == pytest.approx(0.1 * 2 * POWER_W)
    assert paced.u_stat_j == pytest.approx(0.5 * 0.1 * (2 * POWER_W - 3.0), rel=1e-6)


FORMS = (
    InputForm(name="as-is", bits=3200),
    InputForm(name="uint8", bits=896, encode_s=0.01),
    InputForm(name="int8", bits=840, encode_s=0.001, is_lossless=False),
)


def in_forms(network, profile, *forms, constraints=None, **usage):
    stated = Usage(input_forms=forms, **usage)
    return decide(*network, profile, usage=stated, constraints=constraints)


@given(
    sizes=st.lists(st.tuples(st.integers(1, 7000), st.floats(0.0, 0.5)), min_size=1, max_size=4),
    bit_j=st.floats(1e-5, 5e-3),
    asked=st.tuples(
        st.sampled_from([{}, {"back_to_back": True}, {"period_s": 20.0}]),
        st.sampled_from([None, 1000, 3000]),
    ),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_cheapest_of_all_splits_in_all_forms_is_found(network3, world, sizes, bit_j, asked):
    """Against every form decided on alone."""
    device = world(bit_j=bit_j, idle_w=1.0, u_rel=0.01).profile()
    forms = [
        InputForm(name=f"form {i}", bits=size, encode_s=time_s)
        for i, (size, time_s) in enumerate(sizes)
    ]
    rhythm, limit = asked
    limits = Constraints(max_upload_bits=limit)
    found = in_forms(network3, device, *forms, constraints=limits, **rhythm)
    alone = [in_forms(network3, device, form, constraints=limits, **rhythm) for form in forms]
    assert found.best.energy_j == min(decision.best.energy_j for decision in alone)
    taken = next(i for i, form in enumerate(forms) if form.name == found.usage.input_form.name)
    assert found.candidates == alone[taken].candidates
    assert found.robustness == alone[taken].robustness
    for form, decision in zip(found.input_forms, alone, strict=True):
        assert form.energy_j == decision.candidates[0].energy_j
        assert form.breaks_limits == bool(decision.candidates[0].violates)


def test_what_may_change_the_result_is_told_and_taken_only_where_it_is_allowed(network3, world):
    profile = world(bit_j=0.0005).profile()
    found = in_forms(network3, profile, *FORMS)
    assert (found.best.block, found.best.sent_as) == (0, "uint8")
    assert found.lossy_form is not None
    assert found.lossy_form.name == "int8"
    allowed = in_forms(network3, profile, *FORMS, allow_lossy_input=True)
    assert (allowed.best.sent_as, allowed.lossy_form) == ("int8", None)
    with pytest.raises(InvalidInputError, match="may change the result"):
        in_forms(network3, profile, FORMS[2])


def test_a_policy_sends_each_split_as_it_was_decided(network3, world):
    device = world(covariance=((1e-12,) * 3,) * 3, bit_j=0.0005)
    usage = Usage(input_forms=FORMS, encoding=replace(HALF, refused=(2,)))
    policy = SplitPolicy.build(*network3, device.profile(), usage=usage)
    # Beyond the splits: full offload as it is, which is the cheapest at rates far above.
    assert [line.encoding for line in policy.lines] == ["uint8", "float16", None, None, None]
    assert [line.upload_bits for line in policy.lines] == [896, 3200, 1600, 0, 3200]
    assert [policy.lines[block].made_by for block in (0, 1, 3)] == ["as stated", "as stated", None]
    assert policy_from(policy_bytes(policy)).lines == policy.lines
