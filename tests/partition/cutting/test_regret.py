"""The default blocks hide no cut that can win, and what chosen blocks hide is said.

The oracle here knows nothing of hulls, epochs or fractions' envelopes: it prices every prefix cut
by its definition, at drawn prices and drawn costs of the operators whose work is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, pairwise, product
from math import inf, prod
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from joulesplit.partition import Block, Network, Operator, Tensor
from joulesplit.partition.cutting import (
    best_cuts,
    block_regret,
    blocks_at,
    every_cut_blocks,
    prefix_cuts,
    residual_blocks,
)
from joulesplit.partition.cutting._mincut import best_closed_cut
from joulesplit.partition.errors import CutError, UnsupportedModelError
from joulesplit.partition.reading import LoadedModel, read_network

SIZED = {
    "as-is": lambda n, _c: 32 * n,
    "float16": lambda n, _c: 16 * n,
    "int8": lambda n, _c: 40 + 8 * n,
    "int8-channel": lambda n, c: 40 * c + 8 * n,
}
"""What n float32 numbers in c channels take, bit."""
MOST_OPERATORS = 11
MOST_UNKNOWN = 4
"""Where every combination of bounds is tried."""
Prices = list[Fraction | None]


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Any graph: branches, skips, passing inputs, depthwise pairs, mixed dtypes, unknown work."""
    tensors: list[Tensor] = []

    def add() -> int:
        shape = (1, 2, draw(st.integers(1, 2)), draw(st.sampled_from([1, 2, 4, 12])))
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
    for index in range(draw(st.integers(1, MOST_OPERATORS))):
        sources = st.integers(max(0, len(tensors) - 4), len(tensors) - 1)
        kind = draw(st.sampled_from(["ADD", "CONV_2D", "DEPTHWISE_CONV_2D"]))
        flop = draw(st.one_of(st.none(), *[st.sampled_from([0, 1, 7, 50, 400, 10**5])] * 4))
        lowest, highest = draw(st.sampled_from([(0, None), (5, None), (0, 60), (40, 400)]))
        operators.append(
            Operator(
                index=index,
                kind=kind,
                inputs=tuple(draw(st.lists(sources, min_size=1, max_size=2))),
                outputs=tuple(add() for _ in range(draw(st.sampled_from([1, 1, 1, 2])))),
                flop=flop,
                mac_flop=(flop or 0) if kind != "ADD" else 0,
                least_flop=0 if flop is not None else lowest,
                most_flop=None if flop is not None else highest,
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


unknown_costs = st.tuples(*[st.sampled_from([0, 1, 30, 10**6])] * MOST_OPERATORS)


def weighings(network: Network, unknown: tuple[int, ...]) -> Iterator[Weighing]:
    """Every encoding, inputs free and kept, at each E_d/E_c where two cuts tie and in between."""
    for encoding, keep_input in product(SIZED, (False, True)):
        free, paid = (
            prices(network, Weighing(Fraction(ratio), encoding, keep_input, unknown))
            for ratio in (0, 1)
        )
        lines = {(w, p - w) for w, p in zip(free, paid, strict=True) if w is not None}
        ties = {Fraction(b[0] - a[0], a[1] - b[1]) for a in lines for b in lines if a[1] != b[1]}
        edges = [Fraction(0), *sorted(tie for tie in ties if tie > 0), Fraction(10**9)]
        between = [(low + high) / 2 for low, high in pairwise(edges)]
        for ratio in sorted({*edges[1:], *between}):
            yield Weighing(ratio, encoding, keep_input, unknown)


def prices(network: Network, how: Weighing) -> Prices:
    """What each prefix cut costs by definition, from l = 0 on; None where it is not allowed."""
    own = iter(how.unknown)
    spent = [within(o, next(own)) if o.flop is None else o.flop for o in network.operators]
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


def within(operator: Operator, drawn: int) -> int:
    """What an operator of unknown work takes, of all that its bounds allow."""
    return max(operator.least_flop, min(drawn, operator.most_flop or drawn))


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


@given(networks(), unknown_costs)
@settings(max_examples=300)
def test_the_best_block_end_is_the_best_prefix_cut(
    network: Network, unknown: tuple[int, ...]
) -> None:
    blocks = residual_blocks(network)
    for how in weighings(network, unknown):
        found = prices(network, how)
        assert least(found, blocks) == min(p for p in found if p is not None), how


@given(networks(), st.sets(st.integers(0, 9), max_size=3), unknown_costs)
def test_no_price_is_worse_than_the_stated_regret(
    network: Network, chosen: set[int], unknown: tuple[int, ...]
) -> None:
    blocks = some_blocks(network, chosen)
    share = [block_regret(network, blocks, keep_input=kept).share for kept in (False, True)]
    for how in weighings(network, unknown):
        found = prices(network, how)
        best = min(price for price in found if price is not None)
        most = share[how.keep_input]
        assert most == inf or float(least(found, blocks)) <= float(best) * (1 + most) * (1 + 1e-12)


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


@given(networks(), st.sampled_from([0, 1, 7, 300, 10**4]))
def test_a_best_cut_is_the_best_whatever_unknown_operators_take_and_else_none_is_named(
    network: Network, ratio: int
) -> None:
    unknown = sum(operator.flop is None for operator in network.operators)
    assume(unknown <= MOST_UNKNOWN)
    ends = [
        prices(network, Weighing(Fraction(ratio), "as-is", False, taken))
        for taken in product((0, 10**12), repeat=unknown)
    ]
    least = ends[0]
    try:
        best = best_cuts(network, ratio, keep_input=False)
    except CutError:
        assert depends_on_unknown_work(network, ratio, ends)
        return
    position = best.prefix.after_operator + 1
    for found in ends:
        assert found[position] == min(price for price in found if price is not None)
    assert best.prefix_cost_flop == pytest.approx(float(least[position]))
    limits = [operator.bounds_flop[1] for operator in network.operators[:position]]
    most = None if None in limits else pytest.approx(float(ends[-1][position]))
    assert best.prefix_most_flop == most


def depends_on_unknown_work(network: Network, ratio: int, ends: Sequence[Prices]) -> bool:
    """Is the cut that is best if all take their least not the best one for some other work?"""
    least = ends[0]
    first = min((price, at) for at, price in enumerate(least) if price is not None)[1]
    if any(found[first] > min(p for p in found if p is not None) for found in ends):
        return True
    unknown = [operator for operator in network.operators if operator.flop is None]
    costs = []
    for taken in product((0, 10**12), repeat=len(unknown)):
        own = {o.index: within(o, drawn) for o, drawn in zip(unknown, taken, strict=True)}
        costs.append([own.get(o.index, o.flop or 0) for o in network.operators])
    head = best_closed_cut(network, costs[0], ratio).cut
    return any(
        sum(cost[i] for i in head.operators) + ratio * head.bits
        > best_closed_cut(network, cost, ratio).cost
        for cost in costs
    )


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


def test_a_cut_that_wins_only_in_another_encoding_ends_a_block() -> None:
    """Integers are sent as they are; as halves the floating-point numbers after them are fewer."""
    shapes = [((1, 8, 8, 8), "float32"), ((1, 2, 2, 50), "int8"), ((1, 2, 2, 15), "float32"),
              ((1, 8, 8, 8), "float32")]  # fmt: skip
    bits = [32 * 512, 8 * 200, 32 * 60, 32 * 512]
    network = Network(
        sha256="", name="mixed", inputs=(0,), outputs=(3,), parameters=0,
        tensors=tuple(
            Tensor(index=i, name=f"t{i}", shape=shape, dtype=dtype, bits=size, is_constant=False)
            for i, ((shape, dtype), size) in enumerate(zip(shapes, bits, strict=True))
        ),
        operators=tuple(
            Operator(index=i, kind=kind, inputs=(i,), outputs=(i + 1,), flop=flop,
                     mac_flop=flop * (kind == "CONV_2D"))
            for i, (kind, flop) in enumerate([("CONV_2D", 10), ("TANH", 5), ("CONV_2D", 10**6)])
        ),
    )  # fmt: skip
    assert [block.last_operator for block in residual_blocks(network)] == [0, 1, 2]
    hidden = block_regret(network, blocks_at(network, [0]), keep_input=False)
    assert hidden.encoding == "int8"
    assert hidden.best.after_operator == 1
    assert hidden.share == pytest.approx(1600 / (40 + 8 * 60) - 1, rel=0.05)
