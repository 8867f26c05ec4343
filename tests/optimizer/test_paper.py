"""The published example and what it leaves out."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.optimizer import float32_blocks, input_elements, paper_split
from joulesplit.optimizer.errors import InvalidInputError

E_D, E_C = 1.22e8, 2e6
# TensorFlow's profiler, batch norm unfolded, as the paper counts; E(l) recomputed from them.
PROFILER_FLOP = (
    22_483_012, 21_284_508, 61_563_936, 53_523_972, 32_121_060, 22_649_886, 22_649_886,
    15_531_468, 20_953_652, 20_953_652, 20_953_652, 25_773_864, 45_905_544, 45_905_544,
    31_523_818, 31_170_880, 31_170_880, 46_239_680, 40_273_120, 2_628_720,
)  # fmt: skip
PROFILER_J = (
    6.607, 3.570, 2.068, 2.506, 1.967, 2.152, 2.338, 2.265, 2.436, 2.608, 2.780, 3.092, 3.468,
    3.844, 3.927, 4.182, 4.438, 4.942, 6.025, 5.059,
)  # fmt: skip


def test_folded_counts_give_block_5_and_the_two_gains(mobilenet):
    _, blocks = mobilenet
    split = paper_split(blocks, E_D, E_C)
    assert split.best_block == 5
    assert round(split.gain_over_device, 2) == 2.60
    assert round(split.gain_over_server, 2) == 3.48
    assert split.offload_input_float32_j is None


def test_profiler_counts_give_every_energy_of_figure_2(mobilenet):
    _, blocks = mobilenet
    counted = [replace(b, flop=n) for b, n in zip(blocks, PROFILER_FLOP, strict=True)]
    split = paper_split(counted, E_D, E_C)
    assert [round(energy_j, 3) for energy_j in split.energy_j] == list(PROFILER_J)
    assert split.best_block == 5
    assert (round(split.all_device_j, 2), round(split.all_server_j, 2)) == (5.04, 6.61)
    assert (round(split.gain_over_device, 2), round(split.gain_over_server, 2)) == (2.56, 3.36)


def test_last_block_counts_its_upload_but_all_on_the_device_does_not(mobilenet):
    _, blocks = mobilenet
    split = paper_split(blocks, E_D, E_C)
    assert split.energy_j[-1] - split.all_device_j == pytest.approx(32_000 / E_C)


def test_uploading_the_input_as_pixels_beats_every_split(mobilenet):
    network, blocks = mobilenet
    split = paper_split(blocks, E_D, E_C, input_elements=input_elements(network))
    assert split.offload_input_float32_j == pytest.approx(4_816_896 / E_C)
    assert split.offload_input_uint8_j == pytest.approx(1_204_224 / E_C)
    assert split.offload_input_uint8_j < split.best_energy_j < split.offload_input_float32_j


def test_quantised_outputs_are_restated_as_floats(make_network):
    network, blocks = make_network((1, 1), (80, 160), dtype="int8")
    assert [b.output_bits for b in blocks] == [80, 160]
    assert [b.output_bits for b in float32_blocks(network, blocks)] == [320, 640]
    with pytest.raises(InvalidInputError, match="'gone'"):
        float32_blocks(network, [replace(blocks[0], tensors=("gone",))])


@pytest.mark.parametrize(
    ("e_d", "e_c"), [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)]
)
def test_efficiencies_that_cannot_be_are_refused(mobilenet, e_d, e_c):
    with pytest.raises(InvalidInputError, match="positive number"):
        paper_split(mobilenet[1], e_d, e_c)


def test_no_blocks_is_refused():
    with pytest.raises(InvalidInputError, match="nothing to split"):
        paper_split([], E_D, E_C)


@given(
    flop=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    bits=st.lists(st.integers(1, 30), min_size=8, max_size=8),
    prices=st.tuples(*[st.sampled_from([3, 7, 10, 49])] * 2),
)
def test_exact_ties_go_to_the_smaller_upload_whatever_rounding_does(
    make_network, flop, bits, prices
):
    e_d, e_c = prices
    _, blocks = make_network(flop, [32 * n for n in bits[: len(flop)]])
    done = list(accumulate(flop))
    exact = [
        (Fraction(n, e_d) + Fraction(32 * p, e_c), 32 * p, block)
        for block, (n, p) in enumerate(zip(done, bits, strict=False), start=1)
    ]
    assert paper_split(blocks, float(e_d), float(e_c)).best_block == min(exact)[2]
