"""How often an answer stays: held against a head, an encoding and a tail run one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import SENDABLE, Runner, decode, encode, random_inputs, tensor_specs
from joulesplit.partition.checking import _answer_counts, answer_counts
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.errors import InputError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import load_model

MODELS = Path(__file__).parents[1] / "models"
INPUTS = 60


@pytest.fixture(scope="module")
def volume():
    model = load_model(MODELS / "volume.tflite")
    return model, residual_blocks(model.network)


@pytest.fixture(scope="module")
def inputs(volume):
    """Inputs of which one number is far from the others: eight bits have coarse steps then."""
    specs = tensor_specs(volume[0].network, volume[0].network.inputs)
    arrays = [random_inputs(specs, seed) for seed in range(INPUTS)]
    for (array,) in arrays:
        array.flat[0] = 40.0
    return arrays


def answers(content, inputs):
    with Runner(content) as runner:
        return [int(runner.run(arrays)[0].argmax()) for arrays in inputs]


def one_by_one(model, block, after, name, inputs):
    """Return the answers with what crosses sent, by a head and a tail of their own."""
    last = len(model.network.operators) - 1
    crossing = inputs
    if block:
        with Runner(extract(model, 0, after)) as head:
            crossing = [head.run(arrays) for arrays in inputs]
    encoding = SENDABLE[name]
    arrived = [
        [decode(encode(a, encoding), encoding, a.shape, a.dtype.name) for a in arrays]
        for arrays in crossing
    ]
    return answers(extract(model, after + 1, last), arrived)


@pytest.mark.parametrize("held_bytes", [None, 1])
def test_counts_are_those_of_head_encoding_and_tail_however_many_are_held_at_once(
    volume, inputs, monkeypatch, held_bytes
):
    if held_bytes is not None:
        monkeypatch.setattr(_answer_counts, "MOST_BYTES", held_bytes)
    model, blocks = volume
    plain = answers((MODELS / "volume.tflite").read_bytes(), inputs)
    ends = [-1, *(block.last_operator for block in blocks[:-1])]
    places = [(at, name) for at in range(len(blocks)) for name in ("int8", "float16")]
    sent = {(at, name): one_by_one(model, at, ends[at], name, inputs) for at, name in places}
    # Labels of which some are right only without, and some only with the encoding at l = 0.
    coarse = sent[0, "int8"]
    labels = [
        one if at % 2 else other for at, (one, other) in enumerate(zip(plain, coarse, strict=True))
    ]
    found = answer_counts(
        model, blocks, {(at, SENDABLE[name]) for at, name in places}, inputs, labels=labels
    )
    for (at, name), theirs in sent.items():
        counts = found[at, SENDABLE[name]]
        triples = list(zip(plain, theirs, labels, strict=True))
        assert counts.inputs == INPUTS
        assert counts.same == sum(p == t for p, t, _ in triples)
        assert counts.right == sum(p == y for p, _, y in triples)
        assert counts.lost == sum(p == y != t for p, t, y in triples)
        assert counts.gained == sum(t == y != p for p, t, y in triples)
    assert found[0, SENDABLE["int8"]].same < INPUTS
    assert found[0, SENDABLE["int8"]].lost > 0 < found[0, SENDABLE["int8"]].gained


def test_without_labels_nothing_is_right_or_wrong(volume, inputs):
    (counts,) = answer_counts(*volume, {(1, SENDABLE["int8"])}, inputs[:3]).values()
    assert (counts.right, counts.lost, counts.gained) == (None, None, None)


def test_what_does_not_fit_an_encoding_goes_up_as_it_is_and_keeps_its_answer(volume, inputs):
    (beyond,) = [array.copy() for array in inputs[0]]
    beyond.flat[1] = 1e6
    (counts,) = answer_counts(*volume, {(0, SENDABLE["float16"])}, [[beyond]]).values()
    assert (counts.inputs, counts.same) == (1, 1)


def test_an_input_is_asked_for_once_and_in_order(volume, inputs):
    asked = []

    class Once(list):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    once = Once(inputs[:5])
    answer_counts(*volume, {(0, SENDABLE["int8"]), (2, SENDABLE["int8"])}, once)
    assert asked == [0, 1, 2, 3, 4]


def test_no_inputs_other_numbers_of_labels_and_labels_of_texts_are_refused(volume, inputs):
    place = {(0, SENDABLE["int8"])}
    with pytest.raises(InputError, match="no inputs"):
        answer_counts(*volume, place, [])
    with pytest.raises(InputError, match="2 labels given for 3 inputs"):
        answer_counts(*volume, place, inputs[:3], labels=[0, 1])
    for label in (-1, 99_999):
        with pytest.raises(InputError, match=f"label {label} is no answer of"):
            answer_counts(*volume, place, inputs[:2], labels=[0, label])
    words = load_model(MODELS / "words_to_label.tflite")
    text = [np.array([b"one"], "S3")]
    with pytest.raises(InputError, match="answers with texts"):
        answer_counts(words, residual_blocks(words.network), place, [text], labels=[0])
