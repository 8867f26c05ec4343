"""Networks as LiteRT-Torch and TensorFlow export them: cut, compared, priced (`exports/`)."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from joulesplit.partition import Runner, runtime_identity
from joulesplit.partition.checking import compare_split
from joulesplit.partition.cutting import (
    best_cuts,
    block_regret,
    prefix_cuts,
    residual_blocks,
    undominated_cuts,
)
from joulesplit.partition.errors import CutError
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import load_model, read_network

EXPORTS = Path(__file__).parent / "exports"
NAMES = sorted(path.name.removesuffix(".tflite.xz") for path in EXPORTS.glob("*.xz"))
DETECTION_RESULTS = [(1, 10, 4), (1, 10), (1, 10), (1,)]


@pytest.fixture
def export(tmp_path: Path) -> Callable[[str], Path]:
    """One of the files by name, unpacked."""

    def unpacked(name: str) -> Path:
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(lzma.decompress((EXPORTS / f"{name}.tflite.xz").read_bytes()))
        return path

    return unpacked


@pytest.mark.parametrize("name", NAMES)
def test_every_export_is_cut_without_loss_and_its_parts_are_the_whole(name: str, export) -> None:
    path = export(name)
    model = load_model(path)
    network, blocks = model.network, residual_blocks(model.network)
    for kept in (False, True):
        assert not block_regret(network, blocks, keep_input=kept).share
    assert sum(block.flop for block in blocks) == network.flop > 0
    assert len(undominated_cuts(network)) >= 2
    if runtime_identity().name == "tflite-runtime" and not runs_here(path):
        pytest.skip("newer than this runtime")
    for block in {blocks[0], blocks[len(blocks) // 2 - 1]} - {blocks[-1]}:
        assert compare_split(model, block.last_operator, seed=1, path=path).bit_equal


def runs_here(path: Path) -> bool:
    from joulesplit.partition.errors import InvocationError

    try:
        Runner(path).close()
    except InvocationError:
        return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_a_price_decides_on_every_export_or_the_operator_that_would_is_named(
    name: str, export
) -> None:
    network = read_network(export(name))
    for ratio in (0.1, 5.0, 61.0, 1e6):
        try:
            best = best_cuts(network, ratio, keep_input=False)
        except CutError as error:
            assert any(kind in str(error) for kind in network.unknown_operators)  # noqa: PT017
            continue
        assert best.prefix_cost_flop <= network.flop or network.unknown_operators
        assert best.closed.cost <= best.prefix_cost_flop * (1 + 1e-9)


def test_the_results_of_litert_own_post_processing_have_their_true_shapes(export) -> None:
    path = export("ssd_postprocess")
    network = read_network(path)
    assert [network.tensors[i].shape for i in network.outputs] == DETECTION_RESULTS
    assert [network.tensors[i].bits for i in network.outputs] == [1280, 320, 320, 32]
    with Runner(path) as runner:
        assert [spec.shape for spec in runner.outputs] == DETECTION_RESULTS
    assert not any("not one of TensorFlow Lite's" in note for note in network.notes)
    (last,) = (o for o in network.operators if o.kind.startswith("CUSTOM:"))
    boxes, classes = network.tensors[last.inputs[0]].shape[1], 5
    assert (last.flop, last.least_flop) == (None, boxes * (18 + classes))
    assert last.most_flop is not None
    assert last.most_flop > last.least_flop + 19 * 10 * boxes


def test_spectrogram_and_cepstrum_are_counted_and_have_the_runtimes_shapes(export) -> None:
    path = export("keyword_spotting")
    network = read_network(path)
    assert not network.unknown_operators
    assert not network.notes
    spectrogram, cepstrum = network.operators[:2]
    # 49 frames of 640 samples, transformed as 1024 points into 513 frequencies.
    assert spectrogram.flop == 49 * (640 + 25_600 + 3 * 513)
    # 40 filters and as many coefficients.
    assert cepstrum.mac_flop == 49 * 2 * 40 * 40
    assert cepstrum.flop == cepstrum.mac_flop + 49 * (5 * 513 + 40)
    for after in (0, 1):
        with Runner(extract(path, 0, after)) as head:
            made = network.operators[after].outputs[0]
            assert head.outputs[0].shape == network.tensors[made].shape


@pytest.mark.parametrize("name", ["efficientdet_nms", "early_exit"])
def test_what_the_data_decide_is_between_bounds_and_decides_only_where_it_does(
    name: str, export
) -> None:
    network = read_network(export(name))
    ((unknown, least, most),) = ((o, *o.bounds_flop) for o in network.operators if o.flop is None)
    assert most is not None
    assert f"{least:,} to {most:,} FLOP" in unknown.remark
    assert best_cuts(network, 1e6, keep_input=False).prefix_most_flop == network.flop + most
    offload = best_cuts(network, 1e-3, keep_input=False)
    assert offload.prefix.after_operator == -1
    assert offload.prefix_most_flop == offload.prefix_cost_flop
    last = undominated_cuts(network)[-1]
    assert (last.head_flop, last.head_most_flop) == (network.flop + least, network.flop + most)


def test_where_a_branch_decides_it_is_named_with_its_bounds(export) -> None:
    network = read_network(export("early_exit"))
    (branch,) = (o for o in network.operators if o.flop is None)
    first = prefix_cuts(network)[1]
    # All here costs more than cutting after the first operator, if the long branch is taken.
    ratio = (network.flop - (network.operators[0].flop or 0) + branch.most_flop / 2) / first.bits
    with pytest.raises(
        CutError, match=rf"operator {branch.index}, IF, is unknown \(0 to 1,506,026"
    ):
        best_cuts(network, ratio, keep_input=False)


def test_layers_of_classes_inside_functions_and_packages_are_called_what_they_are(export) -> None:
    names = [block.name for block in residual_blocks(read_network(export("bert")))]
    assert "bert.bert.encoder.0.attention" in names
    assert not any("modeling" in name or "<locals>" in name for name in names)
