"""Tensors that must not leave: found in what crosses, wherever the split is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.optimizer import Constraints, decide
from joulesplit.optimizer._privacy import leaking
from joulesplit.optimizer.errors import InvalidConstraintError, NoFeasibleSplitError

FLOP, BITS = (100, 200, 400), (6400, 3200, 64)


@pytest.fixture
def skipping(make_network):
    """A network whose input is added again behind block 2, so that it crosses after block 1."""
    network, (first, *others) = make_network(FLOP, BITS, input_elements=300)
    blocks = (replace(first, tensors=("t0", "t1"), output_bits=9600 + 6400), *others)
    return network, blocks


def test_a_split_after_the_first_block_is_not_private_where_the_input_skips_forward(
    skipping, world
):
    profile = world(bit_j=1e-5).profile()
    by_block = decide(*skipping, profile, constraints=Constraints(min_block=1, max_block=1))
    assert by_block.best.block == 1
    private = decide(*skipping, profile, constraints=Constraints(keep_local=("input",)))
    assert [c.violates for c in private.candidates] == [("keep_local",)] * 2 + [()] * 2
    assert private.best.block == 2
    with pytest.raises(NoFeasibleSplitError, match="keep_local"):
        decide(*skipping, profile, constraints=Constraints(keep_local=("t0",), max_block=1))


def test_what_only_moves_values_gives_them_away_too(make_network):
    network, blocks = make_network(FLOP, BITS)
    moving = replace(network.operators[0], kind="RESHAPE")
    network = replace(network, operators=(moving, *network.operators[1:]))
    assert leaking(network, blocks, ("input",)) == {0, 1}
    assert leaking(network, blocks, ("t2",)) == {2}
    # The result comes back from the server, or never leaves: nothing crosses after the last block.
    assert leaking(network, blocks, ("t3",)) == frozenset()


def test_a_name_that_the_network_does_not_have_is_refused(make_network, world):
    network, blocks = make_network(FLOP, BITS)
    with pytest.raises(InvalidConstraintError, match="no tensor 'image'"):
        decide(network, blocks, world().profile(), constraints=Constraints(keep_local=("image",)))


@given(
    kept=st.sets(st.integers(0, 6), min_size=1),
    crossing=st.lists(st.sets(st.integers(0, 6), min_size=1), min_size=7, max_size=7),
)
def test_what_leaks_is_what_brute_force_finds_in_what_crosses(make_network, kept, crossing):
    network, blocks = make_network((1,) * 7, (32,) * 7)
    blocks = [
        replace(block, tensors=tuple(f"t{index}" for index in sorted(names)))
        for block, names in zip(blocks, crossing, strict=True)
    ]
    names = tuple(f"t{index}" for index in sorted(kept))
    expected = {b + 1 for b in range(6) if crossing[b] & kept} | ({0} if 0 in kept else set())
    assert leaking(network, blocks, names) == expected
