"""Parts of a network run as the whole does, and hold nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, random_inputs, tensor_specs
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.checking import compare_split
from joulesplit.partition.cutting import every_cut_blocks, prefix_cuts, residual_blocks
from joulesplit.partition.errors import CutError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel, load_model, read_network


def run(model: bytes | Path, inputs: list) -> list:
    with Runner(model) as runner:
        return runner.run(inputs)


def parsed(data: bytes, tmp_path: Path) -> LoadedModel:
    path = tmp_path / "part.tflite"
    path.write_bytes(data)
    return load_model(path)


def assert_same(left: list, right: list) -> None:
    assert [a.tobytes() for a in left] == [b.tobytes() for b in right]


def test_the_twenty_blocks_one_after_the_other_are_the_network(
    mobilenet: LoadedModel, mobilenet_path: Path
) -> None:
    network = mobilenet.network
    values = random_inputs(tensor_specs(network, network.inputs), 1)
    whole = run(mobilenet_path, values)
    for block in residual_blocks(network):
        values = run(extract(mobilenet, block.first_operator, block.last_operator), values)
    assert_same(values, whole)
    assert len(np.unique(whole[0])) > 2


# 6 to 8 lie inside a residual: its input crosses beside the branch.
@pytest.mark.parametrize("after", [-1, 0, 6, 7, 8, 9, 12, 30, 62, 64])
def test_head_and_tail_are_the_network(mobilenet_path: Path, after: int) -> None:
    found = compare_split(mobilenet_path, after, seed=after + 2)
    assert (found.bit_equal, found.max_abs_error, found.first_difference) == (True, 0.0, None)


def test_two_tensors_cross_inside_a_residual_in_the_order_of_the_cut(
    mobilenet: LoadedModel,
) -> None:
    network = mobilenet.network
    cut = prefix_cuts(network)[8]
    crossing = tensor_specs(network, cut.tensors)
    assert len(crossing) == 2
    with Runner(extract(mobilenet, 0, 7)) as head, Runner(extract(mobilenet, 8, 64)) as tail:
        assert head.outputs == tail.inputs == crossing


def test_every_single_operator_chains_when_several_tensors_pass_by(two_branches: Path) -> None:
    model = load_model(two_branches)
    values = random_inputs(tensor_specs(model.network, model.network.inputs), 5)
    b, a = values
    whole = run(two_branches, values)
    assert_same(whole, [np.maximum(a, 0) * (b + a), np.maximum(a, 0)])
    for block in every_cut_blocks(model.network):
        values = run(extract(model, block.first_operator, block.last_operator), values)
    assert_same(values, whole)


def test_unpacked_weights_travel_with_their_users_and_never_cross(half_weights: Path) -> None:
    network = read_network(half_weights)
    assert [len(cut.tensors) for cut in prefix_cuts(network)] == [1, 1, 1, 1, 1]
    assert [b.last_operator for b in every_cut_blocks(network)] == [1, 2, 3]
    for after in range(-1, 4):
        assert compare_split(half_weights, after, seed=3).bit_equal
    tail = extract(half_weights, 3, 3)
    x = np.full((1, 8), 2, np.float32)
    w = np.linspace(-1, 1, 8, dtype=np.float16).astype(np.float32)
    assert_same(run(tail, [x]), [x * w])


def test_a_part_holds_only_what_it_needs(mobilenet: LoadedModel, tmp_path: Path) -> None:
    root = parsed(extract(mobilenet, 5, 9), tmp_path).file.root
    graph = root.subgraphs[0]
    used = {i for o in graph.operators for i in (*o.inputs, *o.outputs)}
    assert used == set(range(len(graph.tensors)))
    assert {o.opcodeIndex for o in graph.operators} == set(range(len(root.operatorCodes)))
    holders = [t.buffer for t in graph.tensors] + [entry.buffer for entry in root.metadata]
    assert set(holders) == set(range(len(root.buffers)))
    assert root.buffers[0].data is None


def test_parts_keep_every_weight_once_and_their_quantisation(
    mobilenet: LoadedModel, tmp_path: Path
) -> None:
    network = mobilenet.network
    parts = [
        parsed(extract(mobilenet, b.first_operator, b.last_operator), tmp_path).network
        for b in residual_blocks(network)
    ]
    assert sum(part.parameters for part in parts) == network.parameters
    assert sum(part.flop for part in parts) == network.flop
    whole = {t.name: (t.shape, t.dtype, t.quantization) for t in network.tensors}
    for part in parts:
        for tensor in part.tensors:
            assert (tensor.shape, tensor.dtype, tensor.quantization) == whole[tensor.name]


def test_the_same_part_has_the_same_bytes(mobilenet: LoadedModel, mobilenet_path: Path) -> None:
    first = extract(mobilenet, 10, 20)
    extract(mobilenet, 0, 5)
    assert extract(mobilenet, 10, 20) == first == extract(mobilenet_path, 10, 20)


def test_stored_data_starts_at_the_alignment_that_kernels_need(mobilenet: LoadedModel) -> None:
    data = extract(mobilenet, 3, 12)
    buffers = flatbuffer.schema().ModelT.InitFromPackedBuf(data).buffers
    start = np.frombuffer(data, np.uint8).ctypes.data
    offsets = [b.data.ctypes.data - start for b in buffers if b.data is not None and len(b.data)]
    assert len(offsets) >= 20
    assert {offset % flatbuffer.BUFFER_ALIGNMENT for offset in offsets} == {0}


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (4, 3), (0, 65), (65, 65)])
def test_a_range_outside_the_network_is_refused(
    mobilenet: LoadedModel, first: int, last: int
) -> None:
    with pytest.raises(CutError, match="from 0 to 64"):
        extract(mobilenet, first, last)


def test_a_range_that_only_unpacks_constants_is_refused(half_weights: Path) -> None:
    with pytest.raises(CutError, match="only unpack stored constants"):
        extract(half_weights, 0, 0)
