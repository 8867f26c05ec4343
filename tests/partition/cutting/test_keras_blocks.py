"""Blocks of the six Keras networks are the units that their authors name.

A unit inside which a cut can win is two blocks, and so is one with pooling that pays.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from joulesplit.partition import Network
from joulesplit.partition.cutting import prefix_cuts, residual_blocks
from joulesplit.partition.cutting._winning import winning_ends

RESNET = [f"conv{s}_block{b}" for s, n in ((2, 3), (3, 4), (4, 6), (5, 3)) for b in range(1, n + 1)]
DENSENET = [
    name
    for stage, layers in ((2, 6), (3, 12), (4, 24), (5, 16))
    for name in (
        *(f"conv{stage}_block{layer}" for layer in range(1, layers + 1)),
        *([f"pool{stage}_conv"] if stage < 5 else []),
    )
]
EFFICIENTNET = [
    f"block{stage}{letter}"
    for stage, letters in enumerate(("a", "ab", "ab", "abc", "abc", "abcd", "a"), start=1)
    for letter in letters
]
MOBILENET = ["expanded_conv", *(f"block_{b}" for b in range(1, 17))]
STEM = ["conv2d", "conv2d_1_2", "conv2d_2", "conv2d_3", "conv2d_4"]
INCEPTION = [f"mixed{m}" for m in range(11)]


@pytest.mark.parametrize(
    ("name", "expected", "winning"),
    [
        ("MobileNetV2", ["Conv1", *MOBILENET, "Conv_1", "head"], []),
        ("EfficientNetB0", ["stem_conv", *EFFICIENTNET, "top_conv", "head"], []),
        ("ResNet50", ["conv1_conv", *RESNET, "head"], ["pool1", "conv5_block1.2"]),
        ("DenseNet121", ["conv1_conv", *DENSENET, "head"], ["pool1"]),
        ("InceptionV3", [*STEM, *INCEPTION, "head"], ["conv2d_33"]),
    ],
)
def test_units_are_the_authors(
    keras_network: Callable[[str], Network], name: str, expected, winning
) -> None:
    found = [block.name for block in residual_blocks(keras_network(name))]
    # The exporter appends a counter to some layers.
    plain = [f if f in expected else f.removesuffix("_1") for f in found]
    assert [f for f in plain if f not in winning] == expected
    assert [f for f in plain if f in winning] == winning


def test_nasnets_units_end_with_cells(keras_network: Callable[[str], Network]) -> None:
    """Its cells read the last two; in the file's order some stand entwined with the next one."""
    network = keras_network("NASNetMobile")
    blocks, cuts = residual_blocks(network), prefix_cuts(network)
    winning = winning_ends(network, cuts)
    assert (blocks[0].last_operator, blocks[-1].name) == (0, "head")
    units = [block for block in blocks[1:-1] if block.last_operator not in winning]
    assert (len(blocks), len(units)) == (18, 9)
    for block in units:
        # The last cell's concatenation is followed by an activation that costs nothing to keep.
        ends = network.operators[block.last_operator - 1 : block.last_operator + 1]
        assert "CONCATENATION" in {operator.kind for operator in ends}
        assert len(cuts[block.last_operator + 1].tensors) <= 2
    assert max(block.mac_flop for block in blocks) < 0.2 * network.mac_flop
