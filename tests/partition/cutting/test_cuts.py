"""Cuts and blocks of random graphs against their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.partition import Network, Operator, Tensor
from joulesplit.partition.cutting import blocks_at, every_cut_blocks, prefix_cuts, residual_blocks
from joulesplit.partition.errors import CutError


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any graph in execution order: constants, unpacked constants, several inputs, outputs."""
    bits, constants = [], set()
    sources = draw(st.integers(1, 3))
    stored = draw(st.integers(0, 3))
    for index in range(sources + stored):
        bits.append(draw(st.integers(1, 9)))
        if index >= sources:
            constants.add(index)
    operators = []
    for index in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["ADD", "CONV_2D", "DEQUANTIZE", "RANDOM_UNIFORM"]))
        inputs = draw(st.lists(st.integers(0, len(bits) - 1), min_size=1, max_size=3))
        outputs = tuple(range(len(bits), len(bits) + draw(st.integers(1, 2))))
        bits.extend(draw(st.integers(1, 9)) for _ in outputs)
        mac_flop = 2 if kind == "CONV_2D" else 0
        operators.append(
            Operator(
                index=index,
                kind=kind,
                inputs=tuple(inputs),
                outputs=outputs,
                flop=3,
                mac_flop=mac_flop,
                state=tuple(draw(st.sets(st.sampled_from("abc"), max_size=1))),
            )
        )
    computed = range(sources + stored, len(bits))
    outputs = draw(st.lists(st.sampled_from(computed), min_size=1, max_size=3, unique=True))
    return Network(
        sha256="0" * 64,
        name="random",
        tensors=tuple(
            Tensor(
                index=index,
                name=f"t{index}",
                shape=(1, 2, 2, size),
                dtype=draw(st.sampled_from(["int8"] * 9 + ["resource"])),
                bits=size,
                is_constant=index in constants,
            )
            for index, size in enumerate(bits)
        ),
        operators=tuple(operators),
        inputs=tuple(draw(st.permutations(range(sources)))),
        outputs=tuple(outputs),
        parameters=0,
    )


def is_constant(network: Network, tensor: int) -> bool:
    """By definition: stored, or made of constants only, but never at random."""
    if network.tensors[tensor].is_constant:
        return True
    makers = [o for o in network.operators if tensor in o.outputs]
    return any(
        o.kind != "RANDOM_UNIFORM" and all(is_constant(network, i) for i in o.inputs)
        for o in makers
    )


def crossing(network: Network, after: int) -> set[int]:
    """By definition: received or made by the head, needed by the tail or the caller."""
    head, tail = network.operators[: after + 1], network.operators[after + 1 :]
    held = set(network.inputs) | {i for o in head for i in o.outputs}
    needed = set(network.outputs) | {i for o in tail for i in o.inputs}
    if after == -1:
        needed |= set(network.inputs)
    return {i for i in held & needed if not is_constant(network, i)}


@given(networks())
def test_every_cut_is_what_the_definition_says(network: Network) -> None:
    cuts = prefix_cuts(network)
    assert [cut.after_operator for cut in cuts] == list(range(-1, len(network.operators)))
    for cut in cuts:
        assert len(cut.tensors) == len(set(cut.tensors))
        assert set(cut.tensors) == crossing(network, cut.after_operator)
        assert cut.bits == sum(network.tensors[index].bits for index in cut.tensors)


@given(networks())
def test_a_cut_has_an_obstacle_where_something_cannot_cross_or_state_is_torn(
    network: Network,
) -> None:
    *cuts, last = prefix_cuts(network)
    working = [o for o in network.operators if not all(is_constant(network, i) for i in o.outputs)]
    for cut in cuts:
        sides = {(n, o.index <= cut.after_operator) for o in working for n in o.state}
        torn = len(sides) > len({name for name, _side in sides})
        stuck = any(network.tensors[i].dtype == "resource" for i in cut.tensors)
        assert bool(cut.obstacle) == (torn or stuck)
    assert not last.obstacle


@given(networks())
def test_the_ends_keep_the_order_of_the_networks_interface(network: Network) -> None:
    cuts = prefix_cuts(network)
    assert cuts[0].tensors == network.inputs
    kept = tuple(i for i in network.outputs if not is_constant(network, i))
    assert cuts[-1].tensors == kept


@given(networks(), st.data())
def test_blocks_follow_each_other_and_cover_the_network(network: Network, data) -> None:
    cuts = prefix_cuts(network)
    indices = st.integers(0, len(network.operators) - 1)
    chosen = sorted(data.draw(st.sets(indices)))
    if any(cuts[end + 1].obstacle for end in chosen):
        with pytest.raises(CutError, match="end it elsewhere"):
            blocks_at(network, chosen)
        chosen = []
    for blocks in (
        residual_blocks(network),
        every_cut_blocks(network),
        blocks_at(network, chosen),
    ):
        starts = [block.first_operator for block in blocks]
        assert starts == [0, *(block.last_operator + 1 for block in blocks[:-1])]
        assert blocks[-1].last_operator == len(network.operators) - 1
        assert [block.index for block in blocks] == list(range(1, len(blocks) + 1))
        assert len({block.name for block in blocks}) == len(blocks)
        assert sum(block.flop for block in blocks) == network.flop
        assert [b.output_bits for b in blocks] == [cuts[b.last_operator + 1].bits for b in blocks]
        assert not any(cuts[block.last_operator + 1].obstacle for block in blocks)
