"""The default blocks hide no cut that can win, and what chosen blocks hide is said.

The oracle here knows nothing of hulls, epochs or fractions' envelopes: it prices every prefix cut
by its definition, at drawn prices and drawn costs of the operators whose work is unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate
from math import inf, prod
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.partition import Block, Network, Operator, Tensor
from joulesplit.partition.cutting import (
    block_regret,
    blocks_at,
    every_cut_blocks,
    prefix_cuts,
    residual_blocks,
)
from joulesplit.partition.errors import UnsupportedModelError
from joulesplit.partition.reading import LoadedModel, read_network

SIZED = {
    "as-is": lambda n, _c: 32 * n,
    "float16": lambda n, _c: 16 * n,
    "int8": lambda n, _c: 40 + 8 * n,
    "int8-channel": lambda n, c: 40 * c + 8 * n,
}
"""What n float32 numbers in c channels take, bit."""
Prices = list[Fraction | None]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any graph: branches, skips, passing inputs, depthwise pairs, mixed dtypes, unknown work."""
    tensors: list[Tensor] = []

    def add() -> int:
        shape = (1, 2, draw(st.integers(1, 2)), draw(st.integers(1, 6)))
        dtype = draw(st.sampled_from(["float32", "float32", "int8", "int32", "resource"]))
        bits = {"float32": 32, "int8": 8, "int32": 32, "resource": 0}[dtype]
        bits *= 2 * shape[2] * shape[3]
        tensors.append(
            Tensor(index=len(tensors), name=f"t{len(tensors)}", shape=shape, dtype=dtype,
                   bits=bits, is_constant=False)
        )  # fmt: skip
        return len(tensors) - 1

    inputs = tuple(add() for _ in range(draw(st.integers(1, 2))))
    operators = []
    for index in range(draw(st.integers(1, 9))):
        sources = st.integers(max(0, len(tensors) - 4), len(tensors) - 1)
        kind = draw(st.sampled_from(["ADD", "CONV_2D", "DEPTHWISE_CONV_2D"]))
        flop = draw(st.one_of(st.none(), *[st.sampled_from([0, 1, 7, 50, 400, 10**5])] * 4))
        operators.append(
            Operator(
                index=index,
                kind=kind,
                inputs=tuple(draw(st.lists(sources, min_size=1, max_size=2))),
                outputs=tuple(add() for _ in range(draw(st.sampled_from([1, 1, 1, 2])))),
                flop=flop,
                mac_flop=(flop or 0) if kind != "ADD" else 0,
                state=tuple(draw(st.sampled_from([(), (), (), ("a",)]))),
            )
        )
    made = range(len(inputs), len(tensors))
    outputs = draw(st.sets(st.sampled_from(made), min_size=1, max_size=2))
    return Network(
        sha256="", name="any", tensors=tuple(tensors), operators=tuple(operators), inputs=inputs,
        outputs=tuple(sorted(outputs | {made[-1]})), parameters=0,
    )  # fmt: skip


class Weighing(NamedTuple):
    """How cuts are weighed: E_d/E_c, what is sent, and what the unknown operators really cost."""

    ratio: Fraction
    encoding: str
    keep_input: bool
    unknown: tuple[int, ...]


weighings = st.builds(
    Weighing,
    st.fractions(0, 10**6, max_denominator=1000),
    st.sampled_from(sorted(SIZED)),
    st.booleans(),
    st.tuples(*[st.sampled_from([0, 1, 30, 10**6])] * 9),
)


def prices(network: Network, how: Weighing) -> Prices:
    """What each prefix cut costs by definition, from l = 0 on; None where it is not allowed."""
    own = iter(how.unknown)
    spent = [next(own) if o.flop is None else o.flop for o in network.operators]
    work = list(accumulate(spent, initial=0))
    cuts = prefix_cuts(network)
    found: Prices = []
    for position, cut in enumerate(cuts[:-1]):
        started = any(o.flop != 0 for o in network.operators[:position])
        uploads_input = not started or not set(network.inputs).isdisjoint(cut.tensors)
        allowed = not cut.obstacle and not (how.keep_input and uploads_input)
        bits = sum(sent_bits(network.tensors[i], how.encoding) for i in cut.tensors)
        found.append(work[position] + how.ratio * bits if allowed else None)
    return [*found, Fraction(work[-1])]


def sent_bits(tensor: Tensor, encoding: str) -> int:
    if tensor.dtype != "float32":
        return tensor.bits
    return SIZED[encoding](prod(tensor.shape), tensor.shape[-1])


def least(found: Prices, blocks: Sequence[Block]) -> Fraction:
    """The best of the blocks' ends; the last one is always allowed."""
    ends = [0, *(block.last_operator + 1 for block in blocks)]
    return min(price for end in ends if (price := found[end]) is not None)


def some_blocks(network: Network, chosen: set[int]) -> tuple[Block, ...]:
    possible = {block.last_operator for block in every_cut_blocks(network)}
    return blocks_at(network, sorted(chosen & possible))


@given(networks(), weighings)
def test_the_best_block_end_is_the_best_prefix_cut(network: Network, how: Weighing) -> None:
    found = prices(network, how)
    assert least(found, residual_blocks(network)) == min(p for p in found if p is not None)


@given(networks(), st.sets(st.integers(0, 9), max_size=3), weighings)
def test_no_price_is_worse_than_the_stated_regret(
    network: Network, chosen: set[int], how: Weighing
) -> None:
    blocks = some_blocks(network, chosen)
    share = block_regret(network, blocks, keep_input=how.keep_input).share
    found = prices(network, how)
    best = min(price for price in found if price is not None)
    assert share == inf or float(least(found, blocks)) <= float(best) * (1 + share) * (1 + 1e-12)


@given(networks(), st.sets(st.integers(0, 9), max_size=3), st.booleans())
def test_the_stated_regret_is_really_lost_at_its_own_price(
    network: Network, chosen: set[int], keep_input: bool
) -> None:
    known = [replace(operator, flop=operator.flop or 0) for operator in network.operators]
    network = replace(network, operators=tuple(known))
    blocks = some_blocks(network, chosen)
    regret = block_regret(network, blocks, keep_input=keep_input)
    # A limit is approached, here to less than a thousandth.
    ratio = Fraction(min(max(regret.ratio_flop_per_bit, 1e-9), 1e15))
    found = prices(network, Weighing(ratio, regret.encoding, keep_input, ()))
    ours, best = least(found, blocks), min(p for p in found if p is not None)
    if regret.share == inf:
        assert ours > 1000 * best
    else:
        assert float(ours) == pytest.approx(float(best) * (1 + regret.share), rel=1e-3)
        assert float(found[regret.best.after_operator + 1] or 0) == pytest.approx(float(best))


def assert_none_lost(network: Network) -> None:
    blocks = residual_blocks(network)
    assert block_regret(network, blocks, keep_input=False).share == 0
    assert block_regret(network, blocks, keep_input=True).share == 0


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[1] / "models").glob("*.tflite")), ids=lambda p: p.stem
)
def test_nothing_is_lost_on_any_small_network(path: Path) -> None:
    try:
        network = read_network(path)
    except UnsupportedModelError:
        network = read_network(path, {"serving_default_image:0": (1, 32, 32, 3)})
    assert_none_lost(network)


def test_nothing_is_lost_on_the_keras_networks(keras_model: LoadedModel) -> None:
    assert_none_lost(keras_model.network)


def test_nothing_is_lost_on_the_bundled_networks(mobilenet: LoadedModel) -> None:
    assert_none_lost(mobilenet.network)
