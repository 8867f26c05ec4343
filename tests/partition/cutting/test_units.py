"""Units of networks of every common make, drawn operator by operator, without telling names.

Joining and pooling cost nothing here, so that few cuts can win besides the units' ends.
"""

from __future__ import annotations

from math import prod

import pytest

from joulesplit.partition import Network, Operator, Tensor
from joulesplit.partition.cutting import residual_blocks

MAP = (1, 8, 8, 4)


class Sketch:
    """A network in the making: tensors by name, operators in order."""

    def __init__(self, *inputs: str) -> None:
        self.shapes = dict.fromkeys(inputs, MAP)
        self.inputs = inputs
        self.operators: list[Operator] = []

    def add(
        self,
        name: str,
        *sources: str,
        mac: int = 0,
        shape: tuple[int, ...] = MAP,
        known: bool = True,
        kind: str | None = None,
        kernel: tuple[int, int] | None = None,
    ) -> str:
        """Add an operator of some multiply-accumulates; return the tensor it makes."""
        if kernel is not None:
            sources = (*sources, f"{name}/kernel")
            self.shapes[sources[1]] = (shape[3], *kernel, self.shapes[sources[0]][3])
        places = list(self.shapes)
        self.shapes[name] = shape
        self.operators.append(
            Operator(
                index=len(self.operators),
                kind=kind or ("CONV_2D" if mac else "ADD"),
                inputs=tuple(places.index(source) for source in sources),
                outputs=(len(places),),
                flop=mac if known else None,
                mac_flop=mac,
            )
        )
        return name

    def convolutions(self, name: str, source: str, count: int, mac: int = 10) -> str:
        """Add a chain of convolutions ``name1``, ``name2`` …; return the last one's tensor."""
        for number in range(1, count + 1):
            source = self.add(f"{name}{number}", source, mac=mac)
        return source

    def blocks(self, *outputs: str) -> list[str]:
        """Return the last tensor made in each block."""
        places = list(self.shapes)
        tensors = tuple(
            Tensor(
                index=index,
                name=name,
                shape=shape,
                dtype="int8",
                bits=8 * prod(shape),
                is_constant=name.endswith("/kernel"),
            )
            for index, (name, shape) in enumerate(self.shapes.items())
        )
        network = Network(
            sha256="",
            name="sketch",
            tensors=tensors,
            operators=tuple(self.operators),
            inputs=tuple(places.index(name) for name in self.inputs),
            outputs=tuple(places.index(name) for name in outputs),
            parameters=0,
        )
        ends = [self.operators[block.last_operator] for block in residual_blocks(network)]
        return [places[operator.outputs[0]] for operator in ends]


@pytest.fixture
def sketch() -> Sketch:
    return Sketch("x")


def test_a_plain_chain_is_one_block_per_convolution_with_its_pooling(sketch: Sketch) -> None:
    a = sketch.add("pool", sketch.convolutions("a", "x", 2), shape=(1, 4, 4, 4))
    sketch.convolutions("b", a, 2)
    assert sketch.blocks("b2") == ["a1", "pool", "b1", "b2"]


def test_a_residual_is_one_block_with_a_squeeze_inside_it_too(sketch: Sketch) -> None:
    skip = sketch.convolutions("stem", "x", 1, mac=50)
    ends = ["stem1"]
    for number in range(4):
        wide = sketch.convolutions(f"wide{number}_", skip, 2)
        gate = sketch.add(f"gate{number}", wide, mac=1, shape=(1, 1, 1, 4))
        scaled = sketch.add(f"scaled{number}", wide, gate)
        narrow = sketch.add(f"narrow{number}", scaled, mac=10)
        skip = sketch.add(f"sum{number}", narrow, skip)
        ends.append(skip)
    assert sketch.blocks(skip) == ends


def test_branches_that_are_joined_are_one_block(sketch: Sketch) -> None:
    # With the input kept on the device the first cut that it does not pass can win.
    hidden, ends = "x", ["m0c1"]
    for module in range(3):
        branches = [sketch.convolutions(f"m{module}{b}", hidden, 2) for b in "abc"]
        hidden = sketch.add(f"joined{module}", *branches)
        ends.append(hidden)
    assert sketch.blocks(hidden) == ends


def test_each_layer_that_adds_to_what_all_before_made_is_a_block(sketch: Sketch) -> None:
    grown, ends = sketch.convolutions("stem", "x", 1), ["stem1"]
    for layer in range(4):
        new = sketch.convolutions(f"layer{layer}_", grown, 2)
        grown = sketch.add(f"grown{layer}", grown, new)
        ends.append(grown)
    assert sketch.blocks(grown) == ends


def test_cells_that_read_the_last_two_are_a_block_each(sketch: Sketch) -> None:
    last = older = sketch.convolutions("stem", "x", 1)
    cells = []
    for cell in range(5):
        left = sketch.convolutions(f"left{cell}_", last, 2)
        right = sketch.convolutions(f"right{cell}_", older, 2)
        older, last = last, sketch.add(f"cell{cell}", left, right)
        cells.append(last)
    assert sketch.blocks(last) == ["stem1", *cells]


def test_long_skips_do_not_hide_the_layers_beside_them(sketch: Sketch) -> None:
    hidden, skips = "x", []
    for level in "123":
        hidden = sketch.convolutions(f"down{level}", hidden, 2)
        skips.append(hidden)
        hidden = sketch.add(f"pool{level}", hidden, shape=(1, 4, 4, 4))
    hidden = sketch.convolutions("bottom", hidden, 1)
    for level, skip in zip("321", reversed(skips), strict=True):
        joined = sketch.add(f"joined{level}", hidden, skip)
        hidden = sketch.convolutions(f"up{level}", joined, 2)
    assert sketch.blocks(hidden) == [
        *("down11", "down12", "down21", "down22", "down31", "down32", "joined3"),
        *("joined2", "joined1", "up11", "up12"),
    ]


def test_a_mask_for_all_layers_does_not_join_them(sketch: Sketch) -> None:
    mask, hidden = sketch.add("mask", "x"), sketch.convolutions("embed", "x", 1)
    # With the input kept on the device the first cut after any work can win.
    ends = ["embed1"]
    for layer in range(4):
        query, key = (sketch.add(f"{n}{layer}", hidden, mac=5) for n in ("query", "key"))
        mixed = sketch.add(f"mixed{layer}", sketch.add(f"scores{layer}", query, key, mac=5), mask)
        hidden = sketch.add(f"attention{layer}", mixed, hidden)
        wide = sketch.convolutions(f"wide{layer}_", hidden, 2)
        hidden = sketch.add(f"layer{layer}", wide, hidden)
        ends += [f"attention{layer}", f"layer{layer}"]
    assert sketch.blocks(hidden) == ends


def test_two_towers_are_cut_layer_by_layer_while_the_other_input_waits() -> None:
    sketch = Sketch("left", "right")
    left = sketch.convolutions("left", "left", 3)
    right = sketch.convolutions("right", "right", 3)
    joined = sketch.add("joined", left, right)
    assert sketch.blocks(joined) == ["left1", "left2", "left3", "right1", "right2", "joined"]


def test_steps_of_a_cell_with_two_states_are_blocks(sketch: Sketch) -> None:
    hidden, cell, ends = "x", "x", []
    for step in range(4):
        gate = sketch.add(f"gate{step}", hidden, mac=10)
        cell = sketch.add(f"cell{step}", gate, cell)
        hidden = sketch.add(f"hidden{step}", gate, cell)
        ends.append(hidden)
    assert sketch.blocks(hidden, cell) == ends


def test_a_skip_over_everything_leaves_the_layers_as_they_are(sketch: Sketch) -> None:
    last = sketch.convolutions("a", "x", 4)
    assert sketch.blocks(sketch.add("sum", last, "x")) == ["a1", "a2", "a3", "sum"]


def test_an_operator_of_unknown_work_is_not_taken_to_do_none(sketch: Sketch) -> None:
    a = sketch.add("unknown", sketch.convolutions("a", "x", 1), known=False)
    sketch.convolutions("b", sketch.add("idle", a), 1)
    assert sketch.blocks("b1") == ["a1", "idle", "b1"]


def test_a_flat_end_that_does_most_of_the_work_is_not_the_head(sketch: Sketch) -> None:
    a = sketch.convolutions("a", "x", 1)
    b = sketch.add("b", a, mac=100, shape=(1, 4))
    sketch.add("c", b, mac=100, shape=(1, 4))
    assert sketch.blocks("c") == ["a1", "b", "c"]


def pointwise(sketch: Sketch, name: str, source: str) -> str:
    return sketch.add(name, source, mac=10, kernel=(1, 1))


def depthwise(sketch: Sketch, name: str, source: str) -> str:
    return sketch.add(name, source, mac=2, kind="DEPTHWISE_CONV_2D", kernel=(3, 3))


def test_a_separable_layer_is_one_block(sketch: Sketch) -> None:
    hidden, ends = sketch.convolutions("stem", "x", 1), ["stem1"]
    for number in range(3):
        hidden = pointwise(sketch, f"p{number}", depthwise(sketch, f"d{number}", hidden))
        ends.append(hidden)
    assert sketch.blocks(hidden) == ends


def test_an_inverted_bottleneck_without_a_skip_is_one_block_with_its_gate(sketch: Sketch) -> None:
    hidden, ends = sketch.convolutions("stem", "x", 1), ["stem1"]
    for number in range(3):
        wide = depthwise(sketch, f"d{number}", pointwise(sketch, f"wide{number}", hidden))
        gate = sketch.add(f"gate{number}", wide, mac=1, shape=(1, 1, 1, 4), kernel=(1, 1))
        hidden = pointwise(sketch, f"p{number}", sketch.add(f"scaled{number}", wide, gate))
        ends.append(hidden)
    last = pointwise(sketch, "top", hidden)
    assert sketch.blocks(last) == [*ends, "top"]


def test_a_bottleneck_of_narrow_and_wide_convolutions_ends_where_it_is_narrow(
    sketch: Sketch,
) -> None:
    """SqueezeNet's module: two wide branches read a narrow tensor and are put together."""
    hidden, ends = sketch.convolutions("stem", "x", 1), ["stem1"]
    for number in range(3):
        narrow = sketch.add(f"squeeze{number}", hidden, mac=2, shape=(1, 8, 8, 1), kernel=(1, 1))
        one = pointwise(sketch, f"one{number}", narrow)
        three = sketch.add(f"three{number}", narrow, mac=18, kernel=(3, 3))
        hidden = sketch.add(f"fire{number}", one, three, shape=(1, 8, 8, 8))
        ends += [narrow, hidden]
    assert sketch.blocks(hidden) == ends
