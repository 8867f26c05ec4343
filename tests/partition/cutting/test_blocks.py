"""The rule for blocks, one clause at a time."""

from __future__ import annotations

import pytest

from joulesplit.partition import Network, Operator, Tensor
from joulesplit.partition.cutting import blocks_at, residual_blocks, undominated_cuts
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


def test_names_do_not_say_where_blocks_end() -> None:
    network = chain(
        ("Sequential_2/a/Conv2D", "CONV_2D", 2, MAP),
        ("Sequential_2/a/Conv2D", "CONV_2D", 2, MAP),
        ("stage_1_expand/x/Conv2D", "CONV_2D", 2, MAP),
        ("stage_1_project/x/Conv2D", "CONV_2D", 2, MAP),
    )
    assert [end for _name, end in described(network)] == [0, 1, 2, 3]


def test_the_part_without_spatial_extent_is_the_head() -> None:
    network = chain(
        ("a/Conv2D", "CONV_2D", 2000, MAP),
        ("b/Conv2D", "CONV_2D", 2000, MAP),
        ("pool/Mean", "MEAN", 0, (1, 4)),
        ("c/MatMul", "FULLY_CONNECTED", 4, (1, 9)),
        ("d/MatMul", "FULLY_CONNECTED", 4, (1, 2)),
    )
    assert described(network) == [("a", 0), ("b", 1), ("head", 4)]


def test_a_head_of_more_than_a_hundredth_of_the_work_ends_blocks_where_bits_get_fewer() -> None:
    network = chain(
        ("a/Conv2D", "CONV_2D", 100, MAP),
        ("b/Conv2D", "CONV_2D", 3900, MAP),
        ("pool/Mean", "MEAN", 0, (1, 4)),
        ("c/MatMul", "FULLY_CONNECTED", 20, (1, 9)),
        ("d/MatMul", "FULLY_CONNECTED", 21, (1, 2)),
    )
    # By FLOP none of them can win; by measured energies one can.
    assert [hull.cut.after_operator for hull in undominated_cuts(network)] == [-1, 4]
    assert [end for _name, end in described(network)] == [0, 2, 4]


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


SQUEEZE = "torchvision.models.squeezenet.SqueezeNet/torch.nn.modules.container.Sequential_features"
CONV, RELU = "torch.nn.modules.conv.Conv2d", "torch.nn.modules.activation.ReLU"


def test_layers_of_pytorch_are_called_as_pytorch_calls_them() -> None:
    fire = f"{SQUEEZE}/torchvision.models.squeezenet.Fire_3"
    network = chain(
        (f"{SQUEEZE}/{RELU}_1;1;{SQUEEZE}/{CONV}_0;1", "CONV_2D", 2, MAP),
        (f"{fire}/{CONV}_squeeze;1;{fire}/{RELU}_squeeze_activation;1", "CONV_2D", 2, MAP),
        (f"{fire};1", "CONCATENATION", 0, MAP),
        ("torch.nn.modules.activation.ReLU;1", "RELU", 0, MAP),
        ("my_package.nets._Backbone/my_package.parts._ConvUnit_stem_1/Conv2D;7", "CONV_2D", 2, MAP),
    )
    assert operator_layers(network)[:4] == (
        *("features.0", "features.3.squeeze", "features.3", ""),
    )


def test_of_layers_fused_into_one_name_the_one_that_is_new_names_the_operator() -> None:
    network = chain(
        ("net/a/Conv2D", "CONV_2D", 2, MAP),
        ("net/a/Conv2D;net/b/Conv2D;net/b/Relu", "CONV_2D", 2, MAP),
        ("net/a/Conv2D;net/b/Conv2D;net/c/Conv2D", "CONV_2D", 2, MAP),
    )
    assert operator_layers(network) == ("a", "b", "c")


def test_a_path_of_nothing_but_scopes_is_a_name_too() -> None:
    network = chain(
        *((f"bert/bert/bert/layer_{i}/Conv2D", "CONV_2D", 2, MAP) for i in range(3)),
        ("bert/bert/bert;bert/bert", "CONV_2D", 2, MAP),
    )
    assert operator_layers(network)[:3] == ("layer_0", "layer_1", "layer_2")


def test_scopes_that_few_layers_share_stay_in_the_name() -> None:
    network = chain(
        ("boxes/predictor_0/Conv2D", "CONV_2D", 2, MAP),
        ("boxes/predictor_1/separable_conv2d/depthwise", "CONV_2D", 2, MAP),
        ("MobilenetV2/expanded_conv/BiasAdd/ReadVariableOp", "CONV_2D", 2, MAP),
        ("features/x/Conv2D", "CONV_2D", 2, MAP),
    )
    assert operator_layers(network) == (
        *("boxes/predictor_0", "boxes/predictor_1", "MobilenetV2/expanded_conv", "features/x"),
    )


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
    assert common_words(["features.3.squeeze", "features.3.expand1x1"]) == "features.3"
    assert common_words(["stage/a_b/x", "stage/a_c/x"]) == "stage/a"
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
