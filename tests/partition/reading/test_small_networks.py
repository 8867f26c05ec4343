"""Recurrent networks, several inputs and outputs, number formats: as the converter writes them.

``models/make_models.py`` made the files.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from joulesplit.partition import Network, Operator, Runner, runtime_identity
from joulesplit.partition.checking import compare_split
from joulesplit.partition.cutting import prefix_cuts
from joulesplit.partition.errors import InvocationError, UnsupportedModelError
from joulesplit.partition.flops import OperatorFacts
from joulesplit.partition.flops._rules import work
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import load_model, read_network

MODELS = Path(__file__).parents[1] / "models"
PROFILER = json.loads((MODELS / "models.json").read_text())
ALL = sorted(MODELS.glob("*.tflite"))
RUNNABLE = [
    *("lstm", "lstm_dynamic_range", "lstm_unrolled", "bidirectional_lstm", "gru_unrolled"),
    *("gru_loop", "two_inputs_two_outputs", "cnn_float16", "cnn_dynamic_range", "cnn_int16x8"),
    *("many_products", "text_embedding", "buffer_offsets", "volume", "spectrum"),
    *("branches", "halving"),
]


def read(name: str) -> Network:
    return read_network(MODELS / f"{name}.tflite")


def operators(network: Network, kind: str) -> list[Operator]:
    return [operator for operator in network.operators if operator.kind == kind]


def profiled(name: str, *kinds: str) -> int:
    return sum(PROFILER[name]["profiler_flop"][kind] for kind in kinds)


def test_every_file_is_read_or_refused_for_a_known_reason() -> None:
    refused = set()
    for path in ALL:
        try:
            read_network(path)
        except UnsupportedModelError:
            refused.add(path.stem)
    assert refused == {"cnn_open_image"}


NEWER_THAN_TFLITE_RUNTIME = {"cnn_dynamic_range": "FULLY_CONNECTED' version '12'"}
"""What the last tflite-runtime, of 2023, has no kernel for."""


@pytest.mark.parametrize("name", RUNNABLE)
def test_head_and_tail_are_the_network_wherever_it_is_cut(name: str) -> None:
    path = MODELS / f"{name}.tflite"
    last = len(read(name).operators) - 1
    if runtime_identity().name == "tflite-runtime" and name in NEWER_THAN_TFLITE_RUNTIME:
        with pytest.raises(InvocationError, match=NEWER_THAN_TFLITE_RUNTIME[name]):
            compare_split(path, 0)
        return
    for after in sorted({-1, 0, last // 3, 2 * last // 3, last - 1, last}):
        found = compare_split(path, after, seed=3)
        assert (after, found.first_difference) == (after, None)
        assert found.bit_equal


def test_a_fused_cell_counts_what_the_same_cell_counts_step_by_step() -> None:
    """Keras' cell, unrolled into plain operators, is an independent count of the rule."""
    unrolled = read("lstm_unrolled")
    units, inputs, steps = 16, 8, 3
    weights = [(units, inputs)] * 4 + [(units, units)] * 4
    facts = OperatorFacts(
        inputs=((1, steps, inputs), *weights, None, None, None, *[(units,)] * 4),
        outputs=((1, steps, units),),
    )
    found = work("UNIDIRECTIONAL_SEQUENCE_LSTM", facts)
    assert found is not None
    assert (found.mac_flop, found.flop) == (unrolled.mac_flop, unrolled.flop)
    assert unrolled.mac_flop == profiled("lstm_unrolled", "MatMul")


def test_a_fused_lstm_counts_its_weights_at_every_step() -> None:
    network = read("lstm")
    (cell,) = operators(network, "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert cell.mac_flop == 12 * 2 * 4 * 16 * (10 + 16)
    assert cell.flop == cell.mac_flop + 12 * 17 * 16
    # Three of the four biases are zeros, which the converter stores as one tensor.
    assert cell.parameter_bytes == 4 * (4 * 16 * (10 + 16) + 2 * 16)


def test_both_directions_count_and_the_state_never_crosses() -> None:
    network = read("bidirectional_lstm")
    cells = operators(network, "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert [cell.mac_flop for cell in cells] == [12 * 2 * 4 * 6 * (10 + 6)] * 2
    file = load_model(MODELS / "bidirectional_lstm.tflite").file
    state = {i for i, raw in enumerate(file.root.subgraphs[0].tensors) if raw.isVariable}
    assert len(state) == 4
    assert not any(state & set(cut.tensors) for cut in prefix_cuts(network))


def test_int8_weights_are_unpacked_for_a_cell_and_read_as_they_are_by_a_hybrid_kernel() -> None:
    network = read("lstm_dynamic_range")
    unpacking = operators(network, "DEQUANTIZE")
    assert len(unpacking) == 4
    assert {operator.flop for operator in unpacking} == {0}
    (cell,) = operators(network, "UNIDIRECTIONAL_SEQUENCE_LSTM")
    assert cell.mac_flop == 12 * 2 * 4 * 36 * (10 + 36)
    assert cell.parameter_bytes == 4 * (4 * 36 * (10 + 36) + 2 * 36)
    (hybrid,) = operators(read("cnn_dynamic_range"), "CONV_2D")
    assert hybrid.mac_flop == 2 * 3 * 3 * 48 * 27
    assert hybrid.parameter_bytes == 48 * 27 + 4 * 48


def test_an_unrolled_gru_counts_what_the_profiler_counts() -> None:
    # The converter folds the first step's product with a state of zeros: 2 · 4 · 3 · 4 FLOP.
    assert read("gru_unrolled").mac_flop == profiled("gru_unrolled", "MatMul") - 96


def test_products_of_every_kind_equal_the_profilers() -> None:
    network = read("many_products")
    by_kind = {"DEPTHWISE_CONV_2D": "DepthwiseConv2dNative", "BATCH_MATMUL": "BatchMatMulV2"}
    by_kind |= {"TRANSPOSE_CONV": "Conv2DBackpropInput", "FULLY_CONNECTED": "MatMul"}
    for kind, name in by_kind.items():
        counted = sum(operator.mac_flop for operator in operators(network, kind))
        assert counted == profiled("many_products", name)
    grouped, *others = operators(network, "CONV_2D")
    assert sum(o.mac_flop for o in others) == profiled("many_products", "Conv2D")
    # The profiler does not look into the function call that Keras makes of a grouped one.
    assert grouped.mac_flop == 2 * 12 * 12 * 16 * 9 * (8 // 4)


def test_two_inputs_and_two_outputs_cross_as_they_are_needed() -> None:
    network = read("two_inputs_two_outputs")
    assert network.mac_flop == profiled("two_inputs_two_outputs", "Conv2D", "MatMul")
    cuts = prefix_cuts(network)
    assert cuts[0].tensors == network.inputs
    assert cuts[-1].tensors == network.outputs
    vector = min(network.inputs, key=lambda index: network.tensors[index].bits)
    stem = cuts[1]
    assert vector in stem.tensors
    assert stem.bits == 32 * (7 * 7 * 8 + 6)


@pytest.mark.parametrize(("name", "width"), [("cnn_float16", 32), ("cnn_int16x8", 16)])
def test_number_formats_change_the_bits_and_not_the_work(name: str, width: int) -> None:
    network = read(name)
    elements = 2 * (8 * 8 * 8 * 27 + 8 * 8 * 8 * 9 + 8 * 8 * 8 * 8 + 8 * 10)
    assert network.mac_flop == elements
    convolutions = [o for o in network.operators if o.mac_flop]
    assert network.tensors[convolutions[0].outputs[0]].bits == width * 8 * 8 * 8


def test_a_custom_operator_is_named_and_cut_around() -> None:
    network = read("custom_operator")
    assert network.unknown_operators == {"CUSTOM:MaxPoolWithArgmax": 1}
    assert "operator 1 (CUSTOM:MaxPoolWithArgmax)" in network.notes[0]
    assert [cut.bits for cut in prefix_cuts(network)][1] == 32 * 8 * 8 * 2
    model = load_model(MODELS / "custom_operator.tflite")
    assert b"MaxPoolWithArgmax" not in extract(model, 0, 0)
    assert b"MaxPoolWithArgmax" in extract(model, 1, 1)


def test_an_operator_of_flex_is_cut_around_and_says_what_it_takes_to_run() -> None:
    path = MODELS / "flex_inverse.tflite"
    network = read_network(path)
    assert network.unknown_operators == {"CUSTOM:FlexMatrixInverse": 1}
    assert "Flex delegate" in network.notes[0]
    with Runner(extract(path, 0, 0)) as runner:
        assert runner.inputs[0].shape == (1, 4, 4)
    with pytest.raises(InvocationError, match="Flex"):
        Runner(extract(path, 1, 1))


def test_convolutions_in_three_dimensions_equal_the_profilers() -> None:
    network = read("volume")
    assert sum(o.mac_flop for o in operators(network, "CONV_3D")) == profiled("volume", "Conv3D")
    # The profiler has no figure for the transposed one: 27 · 4 elements by 2³ · 3 weights each.
    (up,) = operators(network, "CONV_3D_TRANSPOSE")
    assert up.mac_flop == 2 * 27 * 4 * 8 * 3


def test_a_spectrum_counts_its_fourier_transforms() -> None:
    network = read("spectrum")
    assert network.unknown_operators == {}
    (transform,) = operators(network, "RFFT2D")
    assert transform.flop == 4 * 5 * 16 * 4 // 2
