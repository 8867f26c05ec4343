"""FLOP rules of everything that works element by element, reduces or only moves data."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2, prod

from joulesplit.partition.flops._facts import OperatorFacts, Rule, Work, kinds


def per_output(facts: OperatorFacts) -> Work:
    """Count 1 per output element."""
    return Work(other_flop=facts.output_elements)


def per_input(facts: OperatorFacts) -> Work:
    """Count 1 per input element."""
    return Work(other_flop=prod(facts.input_shape(0)))


def pooling(facts: OperatorFacts) -> Work:
    """Count window (height · width) per output element."""
    window = facts.number("filterHeight") * facts.number("filterWidth")
    return Work(other_flop=facts.output_elements * window)


def softmax(facts: OperatorFacts) -> Work:
    """Count 5 per element: maximum, difference, exponential, sum, quotient (or logarithm)."""
    return Work(other_flop=5 * facts.output_elements)


def sum_of_many(facts: OperatorFacts) -> Work:
    """Count 1 per output element and input after the first."""
    return Work(other_flop=(len(facts.inputs) - 1) * facts.output_elements)


def l2_normalization(facts: OperatorFacts) -> Work:
    """Count 3 per element: square, sum, quotient."""
    return Work(other_flop=3 * facts.output_elements)


def local_response(facts: OperatorFacts) -> Work:
    """Count 2 · radius + 6 per element: square, window sum, scale, offset, power, quotient."""
    return Work(other_flop=(2 * facts.number("radius") + 6) * facts.output_elements)


def resize_bilinear(facts: OperatorFacts) -> Work:
    """Count 7 per output element: 4 products and 3 sums; the weights of a pixel are not counted."""
    return Work(other_flop=7 * facts.output_elements)


def complex_magnitude(facts: OperatorFacts) -> Work:
    """Count 4 per element: 2 squares, sum, root."""
    return Work(other_flop=4 * facts.output_elements)


def clamp(facts: OperatorFacts) -> Work:
    """Count 2 per output element: one comparison with each limit."""
    return Work(other_flop=2 * facts.output_elements)


def real_fourier(facts: OperatorFacts) -> Work:
    """Count 2.5 · N · log₂ N per real transform of N points, height · width (FFTW).

    The output has a half of each row and one more. A kernel takes powers of two only.
    """
    *transforms, height, half = facts.outputs[0]
    points = height * max(2 * (half - 1), 1)
    each = round(2.5 * points * log2(points)) if points else 0
    return Work(other_flop=prod(transforms) * each)


def weighted_look_up(facts: OperatorFacts) -> Work:
    """Count 2 per number taken out of the table: its weight's product, and the sum.

    Inputs are the rows to take, where they go, their weights and the table.
    """
    row = prod(facts.input_shape(4)[1:])
    return Work(other_flop=2 * facts.input_elements(0) * row)


def per_update(facts: OperatorFacts) -> Work:
    """Count 1 per element that is scattered: what joins it to the one that is there."""
    return Work(other_flop=facts.input_elements(2))


def window_reduction(facts: OperatorFacts) -> Work:
    """Count window (all its dimensions) per output element."""
    return Work(other_flop=facts.output_elements * prod(facts.numbers("windowDimensions")))


def nothing(_facts: OperatorFacts) -> Work:
    """Count 0: it only moves data or describes them."""
    return Work()


ELEMENT_WISE = kinds("""
ADD SUB MUL DIV MAXIMUM MINIMUM POW FLOOR_DIV FLOOR_MOD SQUARED_DIFFERENCE ATAN2
ABS NEG EXP LOG SQRT RSQRT SQUARE SIN COS FLOOR CEIL ROUND SIGN
EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL
LOGICAL_AND LOGICAL_OR LOGICAL_NOT BITWISE_XOR RIGHT_SHIFT
RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LEAKY_RELU PRELU ELU GELU LOGISTIC TANH HARD_SWISH
QUANTIZE DEQUANTIZE FAKE_QUANT CAST
STABLEHLO_ADD STABLEHLO_SUBTRACT STABLEHLO_MULTIPLY STABLEHLO_DIVIDE STABLEHLO_REMAINDER
STABLEHLO_POWER STABLEHLO_MAXIMUM STABLEHLO_MINIMUM STABLEHLO_ABS STABLEHLO_NEGATE
STABLEHLO_EXPONENTIAL STABLEHLO_LOG STABLEHLO_RSQRT STABLEHLO_CBRT STABLEHLO_COSINE
STABLEHLO_FLOOR STABLEHLO_TANH STABLEHLO_LOGISTIC STABLEHLO_AND STABLEHLO_OR
STABLEHLO_SHIFT_LEFT STABLEHLO_COMPARE STABLEHLO_CONVERT
""")
REDUCTIONS = kinds("""
MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_PROD REDUCE_ANY REDUCE_ALL ARG_MAX ARG_MIN CUMSUM TOPK_V2
SEGMENT_SUM UNSORTED_SEGMENT_SUM UNSORTED_SEGMENT_PROD UNSORTED_SEGMENT_MAX UNSORTED_SEGMENT_MIN
UNIQUE STABLEHLO_REDUCE
""")
DATA_MOVEMENT = kinds("""
RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE PAD PADV2 MIRROR_PAD CONCATENATION PACK UNPACK SLICE
STRIDED_SLICE SPLIT SPLIT_V GATHER GATHER_ND SCATTER_ND TILE BROADCAST_TO BROADCAST_ARGS
SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND RESIZE_NEAREST_NEIGHBOR
SHAPE RANK RANGE FILL ZEROS_LIKE REVERSE_V2 REVERSE_SEQUENCE SELECT SELECT_V2 WHERE ONE_HOT
DYNAMIC_UPDATE_SLICE EMBEDDING_LOOKUP BITCAST DENSIFY SPARSE_TO_DENSE MATRIX_DIAG
MATRIX_SET_DIAG REAL IMAG DILATE
VAR_HANDLE READ_VARIABLE ASSIGN_VARIABLE
HASHTABLE HASHTABLE_IMPORT HASHTABLE_FIND HASHTABLE_SIZE HASHTABLE_LOOKUP
STABLEHLO_RESHAPE STABLEHLO_TRANSPOSE STABLEHLO_CONCATENATE STABLEHLO_SLICE STABLEHLO_DYNAMIC_SLICE
STABLEHLO_DYNAMIC_UPDATE_SLICE STABLEHLO_PAD STABLEHLO_BROADCAST_IN_DIM STABLEHLO_GATHER
STABLEHLO_SELECT STABLEHLO_IOTA
""")

ELEMENTS: Mapping[str, Rule] = {
    **dict.fromkeys(ELEMENT_WISE, per_output),
    **dict.fromkeys(REDUCTIONS, per_input),
    **dict.fromkeys(DATA_MOVEMENT, nothing),
    "AVERAGE_POOL_2D": pooling,
    "MAX_POOL_2D": pooling,
    "L2_POOL_2D": pooling,
    "SOFTMAX": softmax,
    "LOG_SOFTMAX": softmax,
    "ADD_N": sum_of_many,
    "L2_NORMALIZATION": l2_normalization,
    "LOCAL_RESPONSE_NORMALIZATION": local_response,
    "RESIZE_BILINEAR": resize_bilinear,
    "COMPLEX_ABS": complex_magnitude,
    "RFFT2D": real_fourier,
    "EMBEDDING_LOOKUP_SPARSE": weighted_look_up,
    "STABLEHLO_CLAMP": clamp,
    "STABLEHLO_SCATTER": per_update,
    "STABLEHLO_REDUCE_WINDOW": window_reduction,
}
