"""Does a split compute what the whole network computes?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partition.inputs import random_inputs
from partition.reading import load_model
from partition.runtime import Runner
from partition.specs import tensor_specs
from partition.split import split_model


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitComparison:
    """The whole network against head and tail, on the same random inputs.

    Attributes:
        after_operator: Where the network was split.
        seed: Of the random inputs.
        max_abs_error: Largest difference of two output elements as stored (for quantised
            outputs in steps of the quantisation); NaN if only one side is NaN.
        bit_equal: True if all outputs are the same bit for bit.
        first_difference: Name of the first output that differs; None if none does.
    """

    after_operator: int
    seed: int
    max_abs_error: float
    bit_equal: bool
    first_difference: str | None


def compare_split(path: str | Path, after_operator: int, seed: int) -> SplitComparison:
    """Run a network whole and split, and compare the outputs.

    Raises:
        CutError: No such cut.
        PartitionError: The file cannot be read or run; see ``load_model`` and ``Runner``.
    """
    model = load_model(path)
    parts = split_model(model, after_operator)
    specs = tensor_specs(model.network, model.network.inputs)
    inputs = random_inputs(specs, seed)
    whole = _run(Path(path), inputs)
    split = inputs
    for part in parts:
        split = split if part is None else _run(part, split)
    names = [model.network.tensors[index].name for index in model.network.outputs]
    differing = [
        name
        for name, left, right in zip(names, whole, split, strict=True)
        if left.tobytes() != right.tobytes()
    ]
    return SplitComparison(
        after_operator=after_operator,
        seed=seed,
        max_abs_error=max((_error(a, b) for a, b in zip(whole, split, strict=True)), default=0.0),
        bit_equal=not differing,
        first_difference=differing[0] if differing else None,
    )


def _run(model: bytes | Path, inputs: list[NDArray[Any]]) -> list[NDArray[Any]]:
    with Runner(model) as runner:
        return runner.run(inputs)


def _error(left: NDArray[Any], right: NDArray[Any]) -> float:
    difference = np.abs(left.astype(np.float64) - right.astype(np.float64))
    difference[left == right] = 0.0
    return float(difference.max(initial=0.0))
