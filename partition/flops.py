"""Work of one operator by convention ``tflite-2mac``: pure rules on shapes.

The convention:
    2 per multiply-accumulate of convolution, depthwise and transposed convolution, fully
        connected and batch matrix product; borders count like the inside (as if padded);
    1 per output element for a bias, for element-wise arithmetic, for an activation that is an
        operator of its own, and for a change of quantisation or number format;
    0 for an activation fused into another operator, and for moving data;
    k² per output element for pooling (k·k the window);
    1 per input element for mean and the other reductions;
    5 per element for softmax.

The multiply-accumulate share equals that of TensorFlow's profiler on the same network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod

CONVENTION = "tflite-2mac"

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorFacts:
    """What a rule may know of an operator.

    Attributes:
        inputs: Shapes by position; None for an absent optional input.
        outputs: Shapes by position.
        options: The operator's own numbers by the schema's names, e.g. ``filterWidth``.
    """

    inputs: tuple[Shape | None, ...]
    outputs: tuple[Shape, ...]
    options: Mapping[str, int | bool] = field(default_factory=dict)

    def input_shape(self, position: int) -> Shape:
        """Return the shape of an input that must be there."""
        shape = self.inputs[position] if position < len(self.inputs) else None
        if shape is None:
            raise ValueError(f"input {position} is absent")
        return shape

    @property
    def output_elements(self) -> int:
        """Elements of the first output."""
        return prod(self.outputs[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work of one operator.

    Attributes:
        mac_flop: Multiply-accumulates at 2 each, FLOP.
        other_flop: Everything else the convention counts, FLOP.
    """

    mac_flop: int = 0
    other_flop: int = 0

    @property
    def flop(self) -> int:
        """All of it, FLOP."""
        return self.mac_flop + self.other_flop


Rule = Callable[[OperatorFacts], Work]


def work(kind: str, facts: OperatorFacts) -> Work | None:
    """Return the work of an operator; None if the convention has no rule for its kind.

    Raises:
        ValueError: The shapes are not those of such an operator.
    """
    rule = RULES.get(kind)
    if rule is None:
        return None
    try:
        return rule(facts)
    except (IndexError, ZeroDivisionError, KeyError) as error:
        raise ValueError(f"{kind} with shapes {facts.inputs} to {facts.outputs}") from error


def _bias(facts: OperatorFacts, position: int) -> int:
    present = position < len(facts.inputs) and facts.inputs[position] is not None
    return facts.output_elements if present else 0


def _convolution(facts: OperatorFacts) -> Work:
    """Weights (c_out, …window…, c_in per group): each output element takes one such kernel."""
    kernel = prod(facts.input_shape(1)[1:])
    return Work(mac_flop=2 * facts.output_elements * kernel, other_flop=_bias(facts, 2))


def _convolution_3d(facts: OperatorFacts) -> Work:
    """Weights (depth, height, width, c_in, c_out)."""
    kernel = prod(facts.input_shape(1)[:-1])
    return Work(mac_flop=2 * facts.output_elements * kernel, other_flop=_bias(facts, 2))


def _depthwise(facts: OperatorFacts) -> Work:
    """Weights (1, height, width, c_in · multiplier): one window per output element."""
    _, height, width, _ = facts.input_shape(1)
    mac = facts.output_elements * height * width
    return Work(mac_flop=2 * mac, other_flop=_bias(facts, 2))


def _transposed_convolution(facts: OperatorFacts) -> Work:
    """Inputs (output shape, weights (… with c_in last), data, bias): a kernel per data element."""
    kernel = prod(facts.input_shape(1)[:-1])
    mac = prod(facts.input_shape(2)) * kernel
    return Work(mac_flop=2 * mac, other_flop=_bias(facts, 3))


def _fully_connected(facts: OperatorFacts) -> Work:
    """Weights (c_out, c_in): each output element is a sum over c_in."""
    mac = facts.output_elements * facts.input_shape(1)[1]
    return Work(mac_flop=2 * mac, other_flop=_bias(facts, 2))


def _batch_matmul(facts: OperatorFacts) -> Work:
    """(…, m, k) by (…, k, n); ``adjX`` says that the first one is stored transposed."""
    left = facts.input_shape(0)
    summed = left[-2] if facts.options.get("adjX") else left[-1]
    return Work(mac_flop=2 * facts.output_elements * summed)


def _per_output(facts: OperatorFacts) -> Work:
    return Work(other_flop=facts.output_elements)


def _per_input(facts: OperatorFacts) -> Work:
    return Work(other_flop=prod(facts.input_shape(0)))


def _pooling(facts: OperatorFacts) -> Work:
    window = int(facts.options["filterHeight"]) * int(facts.options["filterWidth"])
    return Work(other_flop=facts.output_elements * window)


def _softmax(facts: OperatorFacts) -> Work:
    """Maximum, difference, exponential, sum, quotient."""
    return Work(other_flop=5 * facts.output_elements)


def _sum_of_many(facts: OperatorFacts) -> Work:
    return Work(other_flop=(len(facts.inputs) - 1) * facts.output_elements)


def _nothing(_facts: OperatorFacts) -> Work:
    return Work()


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ELEMENT_WISE = _words("""
ADD SUB MUL DIV MAXIMUM MINIMUM POW FLOOR_DIV FLOOR_MOD SQUARED_DIFFERENCE ATAN2
ABS NEG EXP LOG SQRT RSQRT SQUARE SIN COS FLOOR CEIL ROUND SIGN
EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL
LOGICAL_AND LOGICAL_OR LOGICAL_NOT BITWISE_XOR RIGHT_SHIFT
RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LEAKY_RELU PRELU ELU GELU LOGISTIC TANH HARD_SWISH
QUANTIZE DEQUANTIZE FAKE_QUANT CAST
""")
REDUCTIONS = _words("""
MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_PROD REDUCE_ANY REDUCE_ALL ARG_MAX ARG_MIN CUMSUM
""")
DATA_MOVEMENT = _words("""
RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE PAD PADV2 MIRROR_PAD CONCATENATION PACK UNPACK SLICE
STRIDED_SLICE SPLIT SPLIT_V GATHER GATHER_ND SCATTER_ND TILE BROADCAST_TO BROADCAST_ARGS
SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND RESIZE_NEAREST_NEIGHBOR
SHAPE RANK RANGE FILL ZEROS_LIKE REVERSE_V2 REVERSE_SEQUENCE SELECT SELECT_V2 WHERE ONE_HOT
DYNAMIC_UPDATE_SLICE EMBEDDING_LOOKUP BITCAST DENSIFY
""")

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(ELEMENT_WISE, _per_output),
    **dict.fromkeys(REDUCTIONS, _per_input),
    **dict.fromkeys(DATA_MOVEMENT, _nothing),
    "CONV_2D": _convolution,
    "CONV_3D": _convolution_3d,
    "DEPTHWISE_CONV_2D": _depthwise,
    "TRANSPOSE_CONV": _transposed_convolution,
    "CONV_3D_TRANSPOSE": _transposed_convolution,
    "FULLY_CONNECTED": _fully_connected,
    "BATCH_MATMUL": _batch_matmul,
    "AVERAGE_POOL_2D": _pooling,
    "MAX_POOL_2D": _pooling,
    "L2_POOL_2D": _pooling,
    "SOFTMAX": _softmax,
    "LOG_SOFTMAX": _softmax,
    "ADD_N": _sum_of_many,
}
"""By operator kind; a kind that is not here has unknown work, never none."""
