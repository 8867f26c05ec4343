"""FLOP rules of the operators that multiply and accumulate: convolutions and products.

Borders count like the inside (as if padded), as TensorFlow's profiler counts them. Strides and
dilation change the shapes, not the products per element.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from joulesplit.partition.flops._facts import OperatorFacts, Rule, Work


def _bias(facts: OperatorFacts, position: int) -> int:
    return facts.output_elements if facts.has_input(position) else 0


def convolution(facts: OperatorFacts) -> Work:
    """Count 2 · window · input channels of one group per output element; 1 for the bias.

    Weights are (c_out, height, width, c_in per group).
    """
    _, height, width, channels = facts.input_shape(1)
    mac = facts.output_elements * height * width * channels
    return Work(mac_flop=2 * mac, other_flop=_bias(facts, 2))


def convolution_3d(facts: OperatorFacts) -> Work:
    """Count 2 · window · input channels per output element; 1 for the bias.

    Weights are (depth, height, width, c_in, c_out).
    """
    depth, height, width, channels, _ = facts.input_shape(1)
    mac = facts.output_elements * depth * height * width * channels
    return Work(mac_flop=2 * mac, other_flop=_bias(facts, 2))


def depthwise(facts: OperatorFacts) -> Work:
    """Count 2 · window per output element; 1 for the bias.

    Weights are (1, height, width, c_in · multiplier).
    """
    _, height, width, _ = facts.input_shape(1)
    mac = facts.output_elements * height * width
    return Work(mac_flop=2 * mac, other_flop=_bias(facts, 2))


def transposed_convolution(facts: OperatorFacts) -> Work:
    """Count 2 · window · output channels per *input* element; 1 per output element for the bias.

    Inputs are the output's shape, weights (…, c_in) or in three dimensions (…, c_out, c_in),
    data and bias.
    """
    kernel = prod(facts.input_shape(1)[:-1])
    mac = prod(facts.input_shape(2)) * kernel
    return Work(mac_flop=2 * mac, other_flop=_bias(facts, 3))


def fully_connected(facts: OperatorFacts) -> Work:
    """Count 2 · inputs of a neuron per output element; 1 for the bias.

    Weights are (c_out, c_in).
    """
    _, channels = facts.input_shape(1)
    return Work(mac_flop=2 * facts.output_elements * channels, other_flop=_bias(facts, 2))


def batch_matmul(facts: OperatorFacts) -> Work:
    """Count 2 · summed dimension per output element.

    (…, m, k) by (…, k, n); ``adjX`` says that the first one is stored transposed.
    """
    left = facts.input_shape(0)
    summed = left[-2] if facts.options.get("adjX") else left[-1]
    return Work(mac_flop=2 * facts.output_elements * summed)


def named_convolution(facts: OperatorFacts) -> Work:
    """Count 2 · window · input channels of one group per output element.

    StableHLO says which dimension of the weights is what. Where the data are dilated, as a
    transposed convolution has it, only products with the data count, as there.
    """
    weights = facts.input_shape(1)
    window = prod(weights[i] for i in facts.numbers("kernelSpatialDimensions"))
    if any(step > 1 for step in facts.numbers("lhsDilation")):
        channels = weights[facts.number("kernelOutputFeatureDimension")]
        mac = facts.input_elements(0) * window * channels // facts.number("featureGroupCount")
    else:
        channels = weights[facts.number("kernelInputFeatureDimension")]
        mac = facts.output_elements * window * channels
    return Work(mac_flop=2 * mac)


def general_product(facts: OperatorFacts) -> Work:
    """Count 2 · summed dimensions, all of them, per output element."""
    left = facts.input_shape(0)
    summed = prod(left[i] for i in facts.numbers("lhsContractingDimensions"))
    return Work(mac_flop=2 * facts.output_elements * summed)


PRODUCTS: Mapping[str, Rule] = {
    "CONV_2D": convolution,
    "CONV_3D": convolution_3d,
    "DEPTHWISE_CONV_2D": depthwise,
    "TRANSPOSE_CONV": transposed_convolution,
    "CONV_3D_TRANSPOSE": transposed_convolution,
    "FULLY_CONNECTED": fully_connected,
    "BATCH_MATMUL": batch_matmul,
    "STABLEHLO_CONVOLUTION": named_convolution,
    "STABLEHLO_DOT_GENERAL": general_product,
}
