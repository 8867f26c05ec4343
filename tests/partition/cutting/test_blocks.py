"""The rule for blocks, one clause at a time."""

from __future__ import annotations

import pytest

from joulesplit.partition import Network, Operator, Tensor
from joulesplit.partition.cutting import blocks_at, residual_blocks
from joulesplit.partition.cutting._names import common_words, operator_layers, stem
from joulesplit.partition.errors import CutError, PartitionError


def chain(*steps: tuple[str, str, int, tuple[int, ...]]) -> Network:
    """A chain of (tensor name, kind, multiply-accumulate FLOP, output shape)."""
    named = [("image", (1, 8, 8, 3)), *((name, shape) for name, _kind, _mac, shape in steps)]
    tensors = []
    for index, (name, shape) in enumerate(named):
        size = shape[0]
        for dimension in shape[1:]:
            size *= dimension
        tensors.append(
            Tensor(
                index=index,
                name=name,
                shape=shape,
                dtype="int8",
                bits=8 * size,
                is_constant=False,
            )
        )
    operators = tuple(
        Operator(index=i, kind=kind, inputs=(i,), outputs=(i + 1,), flop=mac, mac_flop=mac)
        for i, (_name, kind, mac, _shape) in enumerate(steps)
    )
    return Network(
        sha256="",
        name="chain",
        tensors=tuple(tensors),
        operators=operators,
        inputs=(0,),
        outputs=(len(steps),),
        parameters=0,
    )


def described(network: Network) -> list[tuple[str, int]]:
    return [(block.name, block.last_operator) for block in residual_blocks(network)]


MAP = (1, 8, 8, 4)


def test_layers_of_one_block_stay_together_with_what_lies_between_them() -> None:
    network = chain(
        ("net/stage_1_expand/Conv2D", "CONV_2D", 2, MAP),
        ("net/anything/Relu", "RELU", 0, MAP),
        ("net/stage_1_project/Conv2D", "CONV_2D", 2, MAP),
        ("net/stage_2_expand/Conv2D", "CONV_2D", 2, MAP),
    )
    assert described(network) == [("stage_1", 2), ("stage_2_expand", 3)]


def test_the_part_without_spatial_extent_is_the_head() -> None:
    network = chain(
        ("a/Conv2D", "CONV_2D", 2, MAP),
        ("b/Conv2D", "CONV_2D", 2, MAP),
        ("pool/Mean", "MEAN", 0, (1, 4)),
        ("c/MatMul", "FULLY_CONNECTED", 2, (1, 9)),
        ("d/MatMul", "FULLY_CONNECTED", 2, (1, 2)),
    )
    assert described(network) == [("a", 0), ("b", 1), ("head", 4)]


def test_a_network_that_is_flat_throughout_is_not_one_head() -> None:
    network = chain(
        ("c/MatMul", "FULLY_CONNECTED", 2, (1, 9)),
        ("d/MatMul", "FULLY_CONNECTED", 2, (1, 2)),
    )
    assert described(network) == [("c", 0), ("d", 1)]


def test_padding_joins_the_layer_it_pads_for() -> None:
    network = chain(
        ("a/Conv2D", "CONV_2D", 2, MAP),
        ("pad/Pad", "PAD", 0, (1, 10, 10, 4)),
        ("b/Conv2D", "CONV_2D", 2, MAP),
    )
    assert described(network) == [("a", 0), ("b", 2)]


def test_a_lone_pooling_joins_the_layer_before_it() -> None:
    network = chain(
        ("a/Conv2D", "CONV_2D", 2, MAP),
        ("pool/MaxPool", "MAX_POOL_2D", 0, (1, 4, 4, 4)),
        ("b/Conv2D", "CONV_2D", 2, MAP),
    )
    assert described(network) == [("a", 1), ("b", 2)]


def test_names_fall_back_to_the_kind_and_never_repeat() -> None:
    network = chain(
        ("t1", "CONV_2D", 2, MAP),
        ("net/conv/Conv2D", "CONV_2D", 2, MAP),
        ("net/conv_b/Conv2D", "CONV_2D", 2, MAP),
        ("net/conv/Conv2D", "CONV_2D", 2, MAP),
    )
    names = [block.name for block in residual_blocks(network)]
    assert names == ["conv_2d_0", "conv", "conv_b", "conv.2"]


def test_layer_names_lose_scope_counter_and_fused_roles() -> None:
    network = chain(
        ("net_1/out_relu_1/Relu6;net_1/Conv_1_1/convolution", "CONV_2D", 2, MAP),
        ("net_1/sub/b_2_expand_relu_1/Relu6;net_1/sub/b_2_expand_BN_1/mul_1", "CONV_2D", 2, MAP),
        ("net_1/sub/b_2_add_1/add", "ADD", 0, MAP),
        ("net_1/sub/b_3_add_1/add", "ADD", 0, MAP),
        ("StatefulPartitionedCall:0", "SOFTMAX", 0, MAP),
    )
    assert operator_layers(network) == ("Conv_1", "b_2_expand", "b_2_add", "b_3_add", "")


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("block_1_expand", "block_1"),
        ("block2a_se_squeeze", "block2a"),
        ("expanded_conv_project", "expanded_conv"),
        ("Conv_1", "Conv_1"),
        ("expand_only", "expand_only"),
    ],
)
def test_a_stem_ends_before_the_first_role(layer: str, expected: str) -> None:
    assert stem(layer) == expected


def test_common_words_are_whole_words() -> None:
    assert common_words(["conv2_block1_1_conv", "conv2_block12"]) == "conv2"
    assert common_words(["a_b", "a_b_c"]) == "a_b"
    assert common_words(["x", "y"]) == ""


def test_chosen_blocks_end_where_asked() -> None:
    network = chain(*((f"t{i}", "RELU", 0, MAP) for i in range(5)))
    assert [b.last_operator for b in blocks_at(network, [1, 2])] == [1, 2, 4]
    assert [b.last_operator for b in blocks_at(network, [])] == [4]


@pytest.mark.parametrize("ends", [[-1, 2], [2, 1], [1, 1], [5]])
def test_impossible_block_ends_are_refused(ends: list[int]) -> None:
    network = chain(*((f"t{i}", "RELU", 0, MAP) for i in range(5)))
    with pytest.raises(CutError, match="from 0 to 4") as caught:
        blocks_at(network, ends)
    assert isinstance(caught.value, PartitionError | ValueError)
