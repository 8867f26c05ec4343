"""The two networks that come with the project."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from joulesplit.partition import Runner, random_inputs, tensor_specs
from joulesplit.partition.cutting import residual_blocks
from joulesplit.partition.parts import extract
from joulesplit.partition.reading import LoadedModel


def test_no_block_is_dead_saturated_or_slowed_by_denormals(mobilenet: LoadedModel) -> None:
    """Else every comparison of splits would be meaningless, and float timings misleading."""
    network = mobilenet.network
    values = random_inputs(tensor_specs(network, network.inputs), 3)
    smallest = np.finfo(np.float32).tiny
    for block in residual_blocks(network)[:-1]:
        with Runner(extract(mobilenet, block.first_operator, block.last_operator)) as runner:
            values = runner.run(values)
        (output,) = values
        assert np.isfinite(output).all()
        assert output.std() > (0.5 if output.dtype == np.float32 else 5)
        assert np.unique(output, return_counts=True)[1].max() < 0.6 * output.size
        if output.dtype == np.float32:
            assert not ((output != 0) & (np.abs(output) < smallest)).any()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_scores_are_neither_one_hot_nor_uniform(mobilenet: LoadedModel, seed: int) -> None:
    network = mobilenet.network
    (scores,) = (network.tensors[index] for index in network.outputs)
    with Runner(extract(mobilenet, 0, len(network.operators) - 1)) as runner:
        (stored,) = runner.run(random_inputs(runner.inputs, seed))
    real = stored.astype(np.float64)
    if scores.quantization is not None:
        real = (real - scores.quantization.zero_points[0]) * scores.quantization.scales[0]
    assert 0.02 < real.max() < 0.98


def test_the_provenance_names_exactly_these_bytes(mobilenet_path: Path) -> None:
    digest = hashlib.sha256(mobilenet_path.read_bytes()).hexdigest()
    readme = (mobilenet_path.parent / "README.md").read_text(encoding="utf-8")
    assert f"{digest}  {mobilenet_path.name}" in readme
