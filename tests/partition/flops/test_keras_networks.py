"""Six networks as the converter writes them, against TensorFlow's profiler.

``facts/make_keras_networks.py`` made the files and the figures; their weights are placeholders.
"""

from __future__ import annotations

import json
from math import prod
from pathlib import Path

import pytest

from joulesplit.partition import Network
from joulesplit.partition.reading import LoadedModel

FACTS = Path(__file__).parents[1] / "facts"
PROFILER = json.loads((FACTS / "keras_networks.json").read_text())


@pytest.fixture
def network(keras_model: LoadedModel) -> Network:
    return keras_model.network


def test_the_facts_are_those_of_six_networks() -> None:
    named = {"MobileNetV2", "EfficientNetB0", "ResNet50", "InceptionV3", "DenseNet121"}
    assert set(PROFILER) - {"made_with"} == named | {"NASNetMobile"}


def test_multiply_accumulates_equal_the_profilers(keras_name: str, network: Network) -> None:
    assert network.mac_flop == PROFILER[keras_name]["profiler_mac_flop"]
    counted = PROFILER[keras_name]["profiler_flop"]
    depthwise = [o.mac_flop for o in network.operators if o.kind == "DEPTHWISE_CONV_2D"]
    assert sum(depthwise) == counted.get("DepthwiseConv2dNative", 0)


def test_nothing_is_unknown_or_assumed(keras_name: str, network: Network) -> None:
    assert network.unknown_operators == {}
    assert network.notes == ()
    assert not network.assumed_batch
    (image,) = network.inputs
    assert list(network.tensors[image].shape) == PROFILER[keras_name]["input_shape"]


def test_folding_the_batch_norm_leaves_little_else(keras_name: str, network: Network) -> None:
    """The profiler counts the unfolded batch norms; what is left of them can only be less."""
    mac = network.mac_flop
    profiler_total = sum(PROFILER[keras_name]["profiler_flop"].values())
    assert mac < network.flop < 1.01 * profiler_total


def test_every_weight_is_read_once_and_every_activation_written_once(network: Network) -> None:
    for operator in network.operators:
        if operator.kind in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL"}:
            inputs = [network.tensors[index] for index in set(operator.inputs)]
            weights = [t for t in inputs if t.is_constant and t.dtype == "float32"]
            assert operator.parameter_bytes == sum(4 * prod(t.shape) for t in weights)
            assert operator.read_bytes == sum(4 * prod(t.shape) for t in inputs)
            (output,) = operator.outputs
            assert operator.written_bytes == 4 * prod(network.tensors[output].shape)
    # The converter stores equal tensors (biases of zeros) once; each operator reads its own.
    read = sum(operator.parameter_bytes for operator in network.operators)
    assert 4 * network.parameters <= read < 1.02 * 4 * network.parameters
