"""Variables, tables and texts: they stay where they are, and what needs them stays with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, joined, model_pieces
from joulesplit.partition import _flatbuffer as flatbuffer
from joulesplit.partition._constants import working_operators
from joulesplit.partition.checking import compare_split
from joulesplit.partition.cutting import (
    every_cut_blocks,
    prefix_cuts,
    residual_blocks,
    undominated_cuts,
)
from joulesplit.partition.cutting._closed import closed_cut
from joulesplit.partition.cutting._mincut import best_closed_cut
from joulesplit.partition.errors import CutError, UnsupportedModelError
from joulesplit.partition.parts import extract
from joulesplit.partition.parts._bundle_writing import worthwhile_splits
from joulesplit.partition.parts._split import split_model
from joulesplit.partition.reading import _state as state
from joulesplit.partition.reading import load_model, read_network

MODELS = Path(__file__).parents[1] / "models"
MEAN, WORDS = MODELS / "running_mean.tflite", MODELS / "words_to_label.tflite"


def possible(path: Path) -> list[int]:
    return [cut.after_operator for cut in prefix_cuts(read_network(path)) if not cut.obstacle]


def kinds(part: bytes) -> list[str]:
    root = flatbuffer.schema().ModelT.InitFromPackedBuf(bytearray(part))
    names = flatbuffer.operator_kinds(root)
    return [names[operator.opcodeIndex] for operator in root.subgraphs[0].operators]


def test_operators_that_share_a_variable_stay_on_one_side() -> None:
    network = read_network(MEAN)
    users = [o for o in network.operators if o.kind in {"READ_VARIABLE", "ASSIGN_VARIABLE"}]
    first, *_, last = (operator.index for operator in users)
    everywhere = range(-1, len(network.operators))
    assert possible(MEAN) == [after for after in everywhere if not first <= after < last]
    assert {operator.state for operator in users} == {("variable 'mean'",)}
    (note,) = network.notes
    assert note.startswith(f"operators {first} to {last} share variable 'mean'")
    assert "all its clients" in note


@pytest.mark.parametrize("after", possible(MEAN))
def test_state_on_either_side_evolves_as_in_the_whole(after: int) -> None:
    frames = np.random.default_rng(5).normal(size=(4, 1, 16)).astype(np.float32)
    head, tail = split_model(MEAN, after)
    with Runner(MEAN) as whole:
        expected = [whole.run([frame])[0].tobytes() for frame in frames]
    runners = [Runner(part) for part in (head, tail) if part is not None]
    found = []
    for frame in frames:
        values = [frame]
        for runner in runners:
            values = runner.run(values)
        found.append(values[0].tobytes())
    assert found == expected
    assert len(set(found)) == len(frames)


def test_what_fills_and_names_a_variable_goes_where_it_is_used() -> None:
    model = load_model(MEAN)
    assert working_operators(model.network)[0].kind == "FULLY_CONNECTED"
    assert kinds(extract(model, 0, 2)) == ["FULLY_CONNECTED"]
    assert kinds(extract(model, 3, 9))[:2] == ["CALL_ONCE", "VAR_HANDLE"]
    assert kinds(extract(model, 10, 11)) == ["FULLY_CONNECTED", "SOFTMAX"]


def test_only_the_subgraphs_that_a_part_runs_go_into_it() -> None:
    def subgraphs(part: bytes) -> int:
        return len(flatbuffer.schema().ModelT.InitFromPackedBuf(bytearray(part)).subgraphs)

    assert [subgraphs(extract(MEAN, *ends)) for ends in ((0, 2), (3, 9), (10, 11))] == [1, 2, 1]


def test_no_way_of_cutting_tears_a_variable_apart() -> None:
    model = load_model(MEAN)
    network = model.network
    allowed = set(possible(MEAN))
    for blocks in (residual_blocks(network), every_cut_blocks(network)):
        assert allowed.issuperset(block.last_operator for block in blocks)
    assert allowed.issuperset(cut.cut.after_operator for cut in undominated_cuts(network))
    for after in set(range(len(network.operators))) - allowed:
        with pytest.raises(CutError, match="variable 'mean'"):
            extract(model, 0, after)
        with pytest.raises(CutError, match="variable 'mean'"):
            split_model(model, after)
    reader = next(o.index for o in network.operators if o.kind == "READ_VARIABLE")
    with pytest.raises(CutError, match="variable 'mean'"):
        closed_cut(network, [reader])


def test_texts_keep_the_head_long_enough_to_turn_them_into_numbers() -> None:
    network = read_network(WORDS)
    found = next(o.index for o in network.operators if o.kind == "HASHTABLE_FIND")
    assert possible(WORDS) == list(range(found, len(network.operators)))
    assert network.tensors[network.inputs[0]].dtype == "string"
    assert (network.input_bits, network.unknown_operators) == (0, {})
    assert "holds texts" in network.notes[0]
    assert undominated_cuts(network)[0].cut.after_operator >= found
    splits = worthwhile_splits(network, every_cut_blocks(network))
    assert splits
    assert min(splits) >= found
    cheap = best_closed_cut(network, [1.0] * len(network.operators), 0.0)
    assert cheap.cut.tensors == network.operators[found].outputs


def test_a_network_from_texts_to_a_text_computes_the_same_in_two_parts() -> None:
    words = [np.array([b"red", b"white", b"no such word", b"blue", b"", b"red"])]
    for after in possible(WORDS):
        for inputs in (None, words):
            found = compare_split(WORDS, after, inputs=inputs)
            assert (found.bit_equal, found.max_abs_error) == (True, 0.0)


def test_tables_go_with_the_side_that_looks_up() -> None:
    model = load_model(WORDS)
    last = len(model.network.operators) - 1
    find = next(o.index for o in model.network.operators if o.kind == "HASHTABLE_FIND")
    head, middle, tail = (
        kinds(extract(model, *ends)) for ends in ((0, find), (find + 1, last - 1), (last, last))
    )
    # One subgraph fills both tables: a side with either runs it.
    assert head == ["CALL_ONCE", "HASHTABLE", "HASHTABLE_FIND"] == tail
    assert not {"CALL_ONCE", "HASHTABLE"} & set(middle)


@pytest.fixture
def shared_state(half_weights: Path, tmp_path: Path) -> Path:
    """Z = relu(x + w) · w, w a state tensor instead of a constant."""
    root = load_model(half_weights).file.root
    graph = root.subgraphs[0]
    graph.operators = graph.operators[1:]
    graph.tensors[2].isVariable = True
    path = tmp_path / "shared.tflite"
    path.write_bytes(joined(model_pieces(root)))
    return path


def test_a_state_tensor_of_several_operators_ties_them(shared_state: Path) -> None:
    network = read_network(shared_state)
    assert [cut.obstacle for cut in prefix_cuts(network)][1:3] == [
        "operators 0 and 2 share the state in tensor 2 ('w'), and would be on different sides"
    ] * 2
    assert [o.written_bytes for o in network.operators] == [64, 32, 64]


def test_more_variables_than_can_be_followed_are_a_stated_limit(monkeypatch) -> None:
    monkeypatch.setattr(state, "MAX_STATES", 1)
    with pytest.raises(UnsupportedModelError, match="the limit is 1"):
        read_network(WORDS)
