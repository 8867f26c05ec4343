"""What a part's file keeps of the whole: names, metadata, sparse and quantised constants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from joulesplit.partition import (
    Runner,
    joined,
    make_interpreter,
    model_pieces,
    random_inputs,
    tensor_specs,
)
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition.checking import compare_split
from joulesplit.partition.parts import extract
from joulesplit.partition.parts._split import split_model
from joulesplit.partition.reading import LoadedModel, load_model


def root_of(data: bytes) -> Any:
    return flatbuffer.schema().ModelT.InitFromPackedBuf(data)


def signature_runner(data: bytes) -> Any:
    interpreter = make_interpreter(data, threads=1, use_xnnpack=False)
    (key,) = interpreter.get_signature_list()
    return interpreter.get_signature_runner(key)


def test_parts_can_be_called_by_the_names_of_their_tensors(mobilenet: LoadedModel) -> None:
    network = mobilenet.network
    head, tail = split_model(mobilenet, 7)
    crossing = [network.tensors[i].name for i in load_crossing(mobilenet, 7)]
    assert len(crossing) == 2
    (image,) = random_inputs(tensor_specs(network, network.inputs), 3)
    sent = signature_runner(head)(image=image)
    assert sorted(sent) == sorted(crossing)
    (found,) = signature_runner(tail)(**sent).values()
    with Runner(head, use_xnnpack=False) as first, Runner(tail, use_xnnpack=False) as second:
        (expected,) = second.run(first.run([image]))
    assert found.tobytes() == expected.tobytes()


def load_crossing(model: LoadedModel, after: int) -> tuple[int, ...]:
    from joulesplit.partition.cutting import prefix_cuts

    return prefix_cuts(model.network)[after + 1].tensors


def test_names_of_the_whole_signature_stay_where_its_tensors_do(mobilenet: LoadedModel) -> None:
    head, tail = split_model(mobilenet, 30)
    whole = mobilenet.file.root.signatureDefs[0]
    first, second = (root_of(data).signatureDefs[0] for data in (head, tail))
    assert first.signatureKey == second.signatureKey == whole.signatureKey
    assert [entry.name for entry in first.inputs] == [entry.name for entry in whole.inputs]
    assert [entry.name for entry in second.outputs] == [entry.name for entry in whole.outputs]


def test_the_signature_does_not_change_the_order_of_the_interface(two_branches: Path) -> None:
    for first, last in ((0, 0), (1, 2), (0, 2)):
        data = extract(two_branches, first, last)
        graph = root_of(data).subgraphs[0]
        signature = root_of(data).signatureDefs[0]
        assert [e.tensorIndex for e in signature.inputs] == list(graph.inputs)
        assert [e.tensorIndex for e in signature.outputs] == list(graph.outputs)
        with Runner(data) as runner:
            names = [graph.tensors[i].name.decode() for i in graph.outputs]
            assert [spec.name for spec in runner.outputs] == names


def test_two_tensors_of_one_name_are_told_apart(model_of, tensor, operator, tmp_path) -> None:
    root = model_of(
        [tensor(name, (1, 2)) for name in ("x", "a", "b", "z")],
        [
            operator("RELU", ["x"], ["a"]),
            operator("TANH", ["x"], ["b"]),
            operator("ADD", ["a", "b"], ["z"]),
        ],
        ["x"],
        ["z"],
    )
    root.subgraphs[0].tensors[2].name = b"a"
    path = tmp_path / "twins.tflite"
    path.write_bytes(joined(model_pieces(root)))
    head, tail = split_model(path, 1)
    sent = signature_runner(head)(x=np.array([[1, -1]], np.float32))
    assert len(sent) == 2
    (found,) = signature_runner(tail)(**sent).values()
    assert found == pytest.approx(np.maximum([[1, -1]], 0) + np.tanh([[1, -1]]))


def test_metadata_that_still_describe_the_part_are_kept_and_the_others_not(
    mobilenet_path: Path, tmp_path: Path
) -> None:
    schema = flatbuffer.schema()
    root = root_of(mobilenet_path.read_bytes())
    entry = schema.MetadataT(name=b"TFLITE_METADATA", buffer=len(root.buffers))
    root.buffers.append(schema.BufferT(data=np.frombuffer(b"labels of all inputs", np.uint8)))
    root.metadata.append(entry)
    path = tmp_path / "labelled.tflite"
    path.write_bytes(joined(model_pieces(root)))
    part = root_of(extract(path, 20, 40))
    whole = {e.name: bytes(root.buffers[e.buffer].data) for e in root.metadata}
    kept = {e.name: bytes(part.buffers[e.buffer].data) for e in part.metadata}
    assert whole.pop(b"TFLITE_METADATA")
    assert kept == whole
    assert b"min_runtime_version" in kept
    assert part.description == root.description


def test_sparse_constants_travel_as_they_are_stored(sparse: tuple[Path, np.ndarray]) -> None:
    path, dense = sparse
    model = load_model(path)
    for after in range(-1, 3):
        assert compare_split(path, after).bit_equal
    tail = extract(model, 2, 2)
    stored = [t for t in root_of(tail).subgraphs[0].tensors if t.sparsity is not None]
    assert len(stored) == 1
    ones = np.ones((4, 4), np.float32)
    with Runner(tail) as runner:
        (found,) = runner.run([ones])
    assert np.array_equal(found, dense)


def test_quantisation_per_channel_is_kept(int8_path: Path) -> None:
    whole, part = root_of(int8_path.read_bytes()), root_of(extract(int8_path, 3, 9))
    by_name = {t.name: t.quantization for t in whole.subgraphs[0].tensors}
    several = 0
    for tensor in part.subgraphs[0].tensors:
        old, new = by_name[tensor.name], tensor.quantization
        assert np.array_equal(old.scale, new.scale)
        assert np.array_equal(old.zeroPoint, new.zeroPoint)
        assert old.quantizedDimension == new.quantizedDimension
        several += len(new.scale) > 1
    assert several >= 5


def test_a_file_written_again_is_read_as_the_same(mobilenet: LoadedModel, tmp_path: Path) -> None:
    path = tmp_path / mobilenet.network.name
    path.write_bytes(joined(model_pieces(mobilenet.file.root)))
    again = load_model(path).network
    assert again.tensors == mobilenet.network.tensors
    assert again.operators == mobilenet.network.operators


def test_constants_are_not_copied_on_the_way_to_the_file(mobilenet: LoadedModel) -> None:
    pieces = model_pieces(mobilenet.file.root)
    stored = [b.data for b in mobilenet.file.root.buffers if b.data is not None and len(b.data)]
    views = [np.frombuffer(piece, np.uint8) for piece in pieces if isinstance(piece, memoryview)]
    assert len(views) == len(stored)
    assert all(np.shares_memory(a, b) for a, b in zip(views, stored, strict=True))
