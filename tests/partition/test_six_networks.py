"""Six networks and the bundled ones: cut, taken apart, put together again, compared.

Both TFLite runtimes run this file (`make test`). `make cuts` tries every cut, not a few.
"""

from __future__ import annotations

import hashlib
import os
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Network, Runner, random_inputs, tensor_specs
from joulesplit.partition.checking import compare_split
from joulesplit.partition.checking._verify import compare_sides
from joulesplit.partition.cutting import ClosedCut, prefix_cuts, residual_blocks
from joulesplit.partition.cutting._mincut import best_closed_cut
from joulesplit.partition.parts import extract, split_parts
from joulesplit.partition.parts._split import split_model
from joulesplit.partition.reading import LoadedModel, load_model

EVERY_CUT = "JOULESPLIT_EVERY_CUT"
"""With this environment variable every prefix cut is compared; minutes per network."""
A_FEW = 4
PRICES = [2.0**power for power in range(17)]
"""E_d/E_c, FLOP/bit: from where bits are nearly free to where work is."""
GAINS_OF_CLOSED_CUTS = {
    ("NASNetMobile", False): {128: 13, 256: 16},
    ("NASNetMobile", True): {16: 27, 32: 39, 64: 43, 128: 46, 256: 16},
}
"""What docs/cuts.md says: by how many per cent the best closed cut beats the best prefix, by
network and whether the input is kept on the device; at other prices, and elsewhere, it does not."""
UNAFFORDABLE_BITS = 10**15


def test_the_provenance_names_exactly_these_bytes(keras_path: Path) -> None:
    digest = hashlib.sha256(keras_path.read_bytes()).hexdigest()
    readme = (Path(__file__).parent / "facts" / "README.md").read_text(encoding="utf-8")
    assert f"{digest}  {keras_path.name}  {keras_path.stat().st_size}\n" in readme


def inputs_of(network: Network) -> dict[int, np.ndarray]:
    arrays = random_inputs(tensor_specs(network, network.inputs), 3)
    return dict(zip(network.inputs, arrays, strict=True))


def block_ends(network: Network) -> list[int]:
    return [block.last_operator for block in residual_blocks(network)[:-1]]


def cuts_to_try(network: Network, a_few: list[int]) -> list[int]:
    return list(range(-1, len(network.operators))) if os.environ.get(EVERY_CUT) else a_few


def spread(ends: list[int]) -> list[int]:
    """Return a few, the first and the last among them."""
    return sorted({ends[step * (len(ends) - 1) // (A_FEW - 1)] for step in range(A_FEW)})


def assert_same_bits(
    path: Path, model: LoadedModel, cuts: list[int], delegate: str | None = "XNNPACK"
) -> None:
    inputs = inputs_of(model.network)
    for after in cuts:
        sides = split_parts(model, after)
        found = compare_sides(path, model.network, sides, inputs, after_operator=after, seed=None)
        assert (after, found.first_tensor, found.max_abs_error) == (after, None, 0)
        assert found.bit_equal
        assert found.delegate == delegate


@pytest.mark.timeout(3600 if os.environ.get(EVERY_CUT) else 300)
def test_head_and_tail_give_the_same_bits(keras_path: Path, keras_model: LoadedModel) -> None:
    network = keras_model.network
    assert_same_bits(keras_path, keras_model, cuts_to_try(network, spread(block_ends(network))))


def test_head_and_tail_of_the_bundled_networks_give_the_same_bits_at_every_block(
    mobilenet_path: Path, mobilenet: LoadedModel, fastest: str | None
) -> None:
    network = mobilenet.network
    assert_same_bits(mobilenet_path, mobilenet, cuts_to_try(network, block_ends(network)), fastest)


def test_all_blocks_one_after_the_other_give_the_same_bits(
    keras_path: Path, keras_model: LoadedModel
) -> None:
    values = list(inputs_of(keras_model.network).values())
    with Runner(keras_path) as runner:
        (whole,) = runner.run(values)
    for block in residual_blocks(keras_model.network):
        with Runner(extract(keras_model, block.first_operator, block.last_operator)) as runner:
            values = runner.run(values)
    assert values[0].tobytes() == whole.tobytes()
    # A network that gives the same whatever goes in would hide a wrong part.
    assert len(np.unique(whole)) > 100


def test_a_part_has_the_same_bytes_whenever_it_is_made(
    keras_path: Path, keras_model: LoadedModel
) -> None:
    after = spread(block_ends(keras_model.network))[1]
    head, tail = split_model(keras_model, after)
    assert (head, tail) == split_model(load_model(keras_path), after)
    assert head != tail


def best_prefix_cost(network: Network, price: float, *, keep_input: bool) -> float:
    """By definition: work of the head + price · bits; nothing is uploaded after the last one."""
    work = accumulate((float(operator.flop or 0) for operator in network.operators), initial=0.0)
    cuts = prefix_cuts(network)
    uploads = [cut.bits for cut in cuts[:-1]] + [0]
    return min(
        head + price * bits
        for head, bits, cut in zip(work, uploads, cuts, strict=True)
        if not (keep_input and bits and set(network.inputs) & set(cut.tensors))
    )


def best_closed(network: Network, price: float, *, keep_input: bool) -> tuple[ClosedCut, float]:
    work = [float(operator.flop or 0) for operator in network.operators]
    bits = dict.fromkeys(network.inputs, UNAFFORDABLE_BITS) if keep_input else None
    found = best_closed_cut(network, work, price, tensor_bits=bits)
    return found.cut, found.cost


@pytest.mark.parametrize("keep_input", [False, True])
def test_where_a_closed_cut_beats_every_prefix_is_what_the_documentation_says(
    keras_name: str, keras_model: LoadedModel, keep_input: bool
) -> None:
    network = keras_model.network
    gains = {}
    for price in PRICES:
        prefix = best_prefix_cost(network, price, keep_input=keep_input)
        _cut, cost = best_closed(network, price, keep_input=keep_input)
        assert cost <= prefix
        if cost < prefix:
            gains[int(price)] = round(100 * (1 - cost / prefix))
    assert gains == GAINS_OF_CLOSED_CUTS.get((keras_name, keep_input), {})


@pytest.mark.parametrize("keep_input", [False, True])
def test_the_best_closed_cut_gives_the_same_bits(
    keras_path: Path, keras_model: LoadedModel, keep_input: bool
) -> None:
    cut, _cost = best_closed(keras_model.network, 128.0, keep_input=keep_input)
    found = compare_split(keras_model, cut, path=keras_path)
    assert found.bit_equal
    if keep_input:
        assert cut.operators
        assert not set(keras_model.network.inputs) & set(cut.tensors)
