"""What goes up in an encoding: its own size, and its time at the power of computing."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from joulesplit.optimizer import Constraints, SentEncoded, Usage, decide
from joulesplit.optimizer.errors import InvalidInputError

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
    assert any("Encoding counts no energy" in note for note in decision.notes)
    known = decide(*network3, world().profile(), usage=Usage(encoding=HALF))
    assert not any("Encoding counts no energy" in note for note in known.notes)
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
