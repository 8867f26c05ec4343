"""Sizes and times of everything that could cross, block by block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import ENCODINGS, suited
from joulesplit.partition._encoding import encoded_bits
from joulesplit.partition.checking import encoded_cuts, encoding_effects
from joulesplit.partition.checking._encoded_cuts import SEEDS
from joulesplit.partition.cutting import blocks_at, prefix_cuts, residual_blocks
from joulesplit.partition.reading import LoadedModel, load_model


@pytest.mark.parametrize("name", ["float16", "int8", "int8-channel"])
def test_sizes_are_those_of_what_crosses_and_the_last_block_sends_nothing(
    mobilenet: LoadedModel, name: str
) -> None:
    network, blocks = mobilenet.network, residual_blocks(mobilenet.network)
    found = encoded_cuts(mobilenet, blocks, ENCODINGS[name])
    ends = [-1, *(block.last_operator for block in blocks[:-1])]
    assert [cut.after_operator for cut in found] == ends
    for cut in found:
        tensors = [network.tensors[i] for i in prefix_cuts(network)[cut.after_operator + 1].tensors]
        encodings = [suited(ENCODINGS[name], t.dtype) for t in tensors]
        expected = [
            encoded_bits(e, t.shape, t.dtype) for e, t in zip(encodings, tensors, strict=True)
        ]
        assert cut.bits == sum(expected)
        assert cut.encode_s > 0


def test_compressed_sizes_are_the_mean_of_the_same_inputs_at_one_cut(
    mobilenet: LoadedModel,
) -> None:
    blocks = residual_blocks(mobilenet.network)
    found = encoded_cuts(mobilenet, blocks, ENCODINGS["as-is+zlib"])
    after = blocks[4].last_operator
    (alone,) = (
        e for e in encoding_effects(mobilenet, after, seeds=SEEDS) if e.encoding == "as-is+zlib"
    )
    (cut,) = (c for c in found if c.after_operator == after)
    assert cut.bits == np.ceil(alone.bits)


def test_a_cut_that_an_encoding_cannot_hold_is_marked_and_sent_as_it_is(two_branches: Path) -> None:
    model = load_model(two_branches)
    blocks = blocks_at(model.network, [1])
    big = [[np.full((2, 3), 3.5e4, np.float32)] * 2]
    offload, cut = encoded_cuts(model, blocks, ENCODINGS["float16"], inputs=big)
    assert cut.refused is not None
    assert "after operator 1: a number is above 65,504" in cut.refused
    assert cut.bits == prefix_cuts(model.network)[2].bits
    assert (offload.refused, offload.bits) == (None, prefix_cuts(model.network)[0].bits // 2)
