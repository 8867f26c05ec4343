"""MobileNetV2 against the figures published for it."""

from __future__ import annotations

from math import prod
from pathlib import Path

import pytest

from joulesplit.partition import Block, Network
from joulesplit.partition.cutting import every_cut_blocks, residual_blocks
from joulesplit.partition.reading import LoadedModel

# Name; 2·MAC and one FLOP per output element of add, mean and softmax; float32 output bits.
PAPER = [
    ("Conv1", 21_676_032, 12_845_056),
    ("expanded_conv", 20_070_400, 6_422_528),
    ("block_1", 58_404_864, 2_408_448),
    ("block_2", 51_555_840, 2_408_448),
    ("block_3", 30_933_504, 802_816),
    ("block_4", 22_002_176, 802_816),
    ("block_5", 22_002_176, 802_816),
    ("block_6", 15_128_064, 401_408),
    ("block_7", 20_634_880, 401_408),
    ("block_8", 20_634_880, 401_408),
    ("block_9", 20_634_880, 401_408),
    ("block_10", 25_439_232, 602_112),
    ("block_11", 45_403_008, 602_112),
    ("block_12", 45_403_008, 602_112),
    ("block_13", 31_215_744, 250_880),
    ("block_14", 30_960_160, 250_880),
    ("block_15", 30_960_160, 250_880),
    ("block_16", 46_005_120, 501_760),
    ("Conv_1", 40_140_800, 2_007_040),
    ("head", 2_562_280, 32_000),
]
MAC_FLOP = 601_548_544


@pytest.fixture
def network(mobilenet: LoadedModel) -> Network:
    return mobilenet.network


def outputs_of(network: Network, block: Block, kinds: set[str]) -> int:
    operators = network.operators[block.first_operator : block.last_operator + 1]
    chosen = [operator for operator in operators if operator.kind in kinds]
    return sum(prod(network.tensors[o.outputs[0]].shape) for o in chosen)


def test_the_twenty_blocks_carry_the_papers_names_and_output_sizes(network: Network) -> None:
    element_bits = {"float32": 32, "int8": 8}[network.tensors[network.inputs[0]].dtype]
    found = [(block.name, block.output_bits) for block in residual_blocks(network)]
    assert found == [(name, bits * element_bits // 32) for name, _flop, bits in PAPER]


def test_multiply_accumulates_and_element_wise_work_are_the_papers(network: Network) -> None:
    element_wise = {"ADD", "MEAN", "SOFTMAX"}
    found = [b.mac_flop + outputs_of(network, b, element_wise) for b in residual_blocks(network)]
    assert found == [flop for _name, flop, _bits in PAPER]
    assert network.mac_flop == MAC_FLOP


def test_the_convention_adds_a_bias_per_output_of_every_weighted_operator(
    network: Network,
) -> None:
    weighted = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
    for block in residual_blocks(network)[:-1]:
        bias = outputs_of(network, block, weighted)
        assert block.flop == block.mac_flop + bias + outputs_of(network, block, {"ADD"})


def test_the_head_costs_what_the_profiler_says(network: Network) -> None:
    head = residual_blocks(network)[-1]
    assert head.flop == 2 * 1280 * 1000 + 1000 + 7 * 7 * 1280 + 5 * 1000 == 2_628_720


def test_blocks_add_up_to_the_network(network: Network) -> None:
    for blocks in (residual_blocks(network), every_cut_blocks(network)):
        assert sum(block.flop for block in blocks) == network.flop
        assert sum(block.mac_flop for block in blocks) == MAC_FLOP


def test_all_65_operators_have_a_rule_and_name_their_layer(network: Network) -> None:
    names = [block.name for block in every_cut_blocks(network)]
    assert len(network.operators) == len(names) == len(set(names)) == 65
    assert network.unknown_operators == {}
    assert names[1:4] == ["expanded_conv_depthwise", "expanded_conv_project", "block_1_expand"]


def test_parameters_are_those_of_the_folded_network(network: Network) -> None:
    """Keras counts 3,538,984; folding leaves one bias per channel of four batch-norm vectors."""
    channels = 17_056
    assert network.parameters == 3_538_984 - 3 * channels


def test_shapes_and_dtypes_are_those_of_the_file(network: Network, mobilenet_path: Path) -> None:
    image, scores = (network.tensors[i[0]] for i in (network.inputs, network.outputs))
    assert (image.shape, scores.shape) == ((1, 224, 224, 3), (1, 1000))
    assert image.dtype == scores.dtype == mobilenet_path.stem.rsplit("_", 1)[1]
    assert (image.quantization is None) == (image.dtype == "float32")
