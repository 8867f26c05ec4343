"""The convention's rules against closed formulas."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.flops import OperatorFacts, Work
from joulesplit.partition.flops._rules import RULES, work
from joulesplit.partition.reading import read_network

SMALL = st.integers(1, 5)


def counted(kind: str, inputs: list, outputs: list, **options: int | bool) -> tuple[int, int]:
    found = work(kind, OperatorFacts(inputs=tuple(inputs), outputs=tuple(outputs), options=options))
    assert isinstance(found, Work)
    assert found.flop == found.mac_flop + found.other_flop
    return found.mac_flop, found.other_flop


@given(st.tuples(*[SMALL] * 5))
def test_a_bias_counts_once_per_output_element(sizes) -> None:
    n, h, w, c_in, c_out = sizes
    data, output = (n, 9, 9, c_in), (n, h, w, c_out)
    for bias in ((c_out,), None):
        inputs = [data, (c_out, 1, 1, c_in), bias]
        assert counted("CONV_2D", inputs, [output])[1] == n * h * w * c_out * bool(bias)


def test_grouped_convolution_counts_the_channels_of_one_group() -> None:
    found = counted("CONV_2D", [(1, 8, 8, 12), (6, 3, 3, 4), None], [(1, 8, 8, 6)])
    assert found == (2 * 64 * 6 * 9 * 4, 0)


def test_depthwise_counts_one_window_per_output_channel_with_its_multiplier() -> None:
    found = counted("DEPTHWISE_CONV_2D", [(1, 8, 8, 5), (1, 3, 2, 10), (10,)], [(1, 8, 8, 10)])
    assert found == (2 * 64 * 10 * 6, 640)


def test_transposed_convolution_counts_one_kernel_per_input_element() -> None:
    inputs = [(4,), (7, 2, 2, 5), (1, 4, 4, 5), (7,)]
    assert counted("TRANSPOSE_CONV", inputs, [(1, 8, 8, 7)]) == (2 * 16 * 5 * 4 * 7, 8 * 8 * 7)


def test_three_dimensional_convolution_and_its_transpose() -> None:
    forward = counted("CONV_3D", [(1, 4, 4, 4, 2), (3, 3, 3, 2, 6)], [(1, 2, 2, 2, 6)])
    assert forward == (2 * 8 * 6 * 27 * 2, 0)
    inputs = [(5,), (2, 2, 2, 6, 3), (1, 2, 2, 2, 3)]
    assert counted("CONV_3D_TRANSPOSE", inputs, [(1, 4, 4, 4, 6)]) == (2 * 8 * 3 * 8 * 6, 0)


def test_fully_connected_counts_every_row() -> None:
    found = counted("FULLY_CONNECTED", [(3, 8), (10, 8), (10,)], [(3, 10)])
    assert found == (2 * 3 * 8 * 10, 30)
    assert counted("FULLY_CONNECTED", [(3, 8), (10, 8), None], [(3, 10)]) == (2 * 3 * 8 * 10, 0)


@pytest.mark.parametrize(("left", "transposed"), [((2, 3, 7), False), ((2, 7, 3), True)])
def test_batch_matmul_sums_over_the_shared_dimension(left, transposed) -> None:
    found = counted("BATCH_MATMUL", [left, (2, 7, 4)], [(2, 3, 4)], adjX=transposed)
    assert found == (2 * 2 * 3 * 4 * 7, 0)


@pytest.mark.parametrize(
    ("kind", "inputs", "output", "expected"),
    [
        ("ADD", [(2, 3), (3,)], (2, 3), 6),
        ("ADD_N", [(2, 3)] * 4, (2, 3), 18),
        ("HARD_SWISH", [(4, 4)], (4, 4), 16),
        ("QUANTIZE", [(4, 4)], (4, 4), 16),
        ("MEAN", [(1, 7, 7, 10), (2,)], (1, 10), 490),
        ("SOFTMAX", [(1, 10)], (1, 10), 50),
        ("RESHAPE", [(2, 6), (1,)], (12,), 0),
        ("CONCATENATION", [(2, 6), (2, 6)], (4, 6), 0),
        ("PAD", [(2, 6), (2, 2)], (4, 8), 0),
        ("UNIQUE", [(40,)], (7,), 40),
        ("STABLEHLO_COMPARE", [(3, 4), (3, 4)], (3, 4), 12),
        ("STABLEHLO_CLAMP", [(), (3, 4), ()], (3, 4), 24),
        ("STABLEHLO_REDUCE", [(3, 4), ()], (3,), 12),
        ("STABLEHLO_SCATTER", [(9, 4), (2, 1), (2, 4)], (9, 4), 8),
        ("STABLEHLO_TRANSPOSE", [(3, 4)], (4, 3), 0),
        ("READ_VARIABLE", [()], (3, 4), 0),
        ("HASHTABLE_FIND", [(), (3,), ()], (3,), 0),
        # Three rows of five numbers, each times its weight and added.
        ("EMBEDDING_LOOKUP_SPARSE", [(3,), (3, 2), (2,), (3,), (90, 5)], (2, 5), 30),
    ],
)
def test_other_work_follows_the_convention(kind, inputs, output, expected) -> None:
    assert counted(kind, inputs, [output]) == (0, expected)


def test_pooling_counts_its_window() -> None:
    facts = {"filterHeight": 3, "filterWidth": 2}
    assert counted("MAX_POOL_2D", [(1, 8, 8, 4)], [(1, 4, 4, 4)], **facts) == (0, 64 * 6)


def test_a_reduced_window_counts_all_its_dimensions() -> None:
    window = {"windowDimensions": (1, 3, 2, 1)}
    inputs, output = [(1, 8, 8, 4), ()], [(1, 4, 4, 4)]
    assert counted("STABLEHLO_REDUCE_WINDOW", inputs, output, **window) == (0, 64 * 6)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ((2, 1, 9), 2 * 160),
        ((3, 5, 8, 5), 3 * 5 * 5 * 64 * 6 // 2),
        ((2, 1, 1), 0),
        ((2, 4, 1), 40),
    ],
)
def test_a_fourier_transform_counts_as_fftw_does(output, expected) -> None:
    """2.5 · N · log₂ N: N is 1 · 16, 8 · 8, 1 and 4 · 1."""
    assert counted("RFFT2D", [(*output[:-2], 7, 7), (2,)], [output]) == (0, expected)


UNKNOWN = {
    *("BUCKETIZE", "CONCAT_EMBEDDINGS", "CUSTOM", "DELEGATE", "LSH_PROJECTION", "MULTINOMIAL"),
    *("NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "PLACEHOLDER_FOR_GREATER_OP_CODES"),
    *("RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM", "REDUCE_WINDOW", "SKIP_GRAM"),
    *("STABLEHLO_CUSTOM_CALL", "STABLEHLO_RNG_BIT_GENERATOR", "STABLEHLO_SORT"),
}
RUN_SUBGRAPHS = {
    *("CALL", "CALL_ONCE", "IF", "STABLEHLO_CASE", "STABLEHLO_COMPOSITE", "STABLEHLO_WHILE"),
    "WHILE",
}


LAST_KNOWN = "STABLEHLO_CASE"
"""The last operator of LiteRT 2.3's schema; what newer ones add is unknown until it is told."""


def test_every_operator_of_the_schema_has_a_rule_runs_others_or_is_listed_as_unknown() -> None:
    codes = {name: code for code, name in flatbuffer.enum_names("BuiltinOperator").items()}
    names = {name for name, code in codes.items() if code <= codes[LAST_KNOWN]}
    assert names - RULES.keys() == UNKNOWN | RUN_SUBGRAPHS
    page = (Path(__file__).parents[3] / "docs" / "flops.md").read_text()
    assert [name for name in UNKNOWN - {"DELEGATE"} if f"`{name}`" not in page] == []


def test_an_operator_without_a_rule_is_unknown_and_not_free() -> None:
    assert work("MULTINOMIAL", OperatorFacts(inputs=((1, 2),), outputs=((1, 4),))) is None
    assert work("CUSTOM:magic", OperatorFacts(inputs=(), outputs=())) is None


def test_impossible_shapes_are_refused_and_not_counted() -> None:
    with pytest.raises(ValueError, match="FULLY_CONNECTED"):
        work("FULLY_CONNECTED", OperatorFacts(inputs=((1, 8), (8,)), outputs=((1, 8),)))


def test_a_network_lists_operators_without_a_rule(file_of, tensor, operator) -> None:
    path = file_of(
        [tensor("x", (2, 2)), tensor("y", (2, 2)), tensor("z", (2, 2))],
        [operator("RELU", ["x"], ["y"]), operator("LSH_PROJECTION", ["y"], ["z"])],
        ["x"],
        ["z"],
    )
    network = read_network(path)
    assert network.unknown_operators == {"LSH_PROJECTION": 1}
    assert network.flop == 4


def test_unpacking_stored_weights_is_no_work_of_an_inference(half_weights: Path) -> None:
    assert [operator.flop for operator in read_network(half_weights).operators] == [0, 8, 8, 8]
