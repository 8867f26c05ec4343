"""Where along its operators does a split network first differ from the whole one?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from joulesplit.partition._network import Network
from joulesplit.partition._runtime import Runner
from joulesplit.partition.parts import Part

Values = dict[int, NDArray[Any]]
"""Arrays by tensor index in the whole network."""


def run_parts(
    parts: Sequence[Part | None], inputs: Mapping[int, NDArray[Any]], **settings: Any
) -> Values:
    """Run parts one after the other and return all that goes in and comes out of them.

    Args:
        parts: Head and tail, or blocks; None is passed over.
        inputs: The network's inputs by tensor index.
        settings: For ``Runner``.

    Raises:
        PartitionError: A part cannot be run; see ``Runner``.
    """
    values = dict(inputs)
    for part in parts:
        if part is not None:
            with Runner(part.to_bytes(), **settings) as runner:
                outputs = runner.run([values[index] for index in part.inputs])
            values |= dict(zip(part.outputs, outputs, strict=True))
    return values


def first_different_tensor(
    path: bytes | str | Path,
    network: Network,
    parts: Sequence[Part | None],
    inputs: Mapping[int, NDArray[Any]],
) -> str | None:
    """Return the name of the first tensor, in execution order, that differs in some bit.

    Whole and parts run operator by operator, without a delegate.

    Raises:
        PartitionError: The network cannot be run; see ``Runner``.
    """
    arrays = [inputs[index] for index in network.inputs]
    whole = _tensors(path, arrays, [array.shape for array in arrays])
    values, made = dict(inputs), dict[int, bytes]()
    for part in parts:
        if part is None:
            continue
        found = _tensors(part.to_bytes(), [values[index] for index in part.inputs])
        made |= {part.tensors[index]: array.tobytes() for index, array in found.items()}
        values |= {part.tensors[index]: array for index, array in found.items()}
    for operator in network.operators:
        for index in operator.outputs:
            if index in whole and index in made and whole[index].tobytes() != made[index]:
                return network.tensors[index].name
    return None


def _tensors(
    model: str | Path | bytes,
    inputs: Sequence[NDArray[Any]],
    input_shapes: Sequence[tuple[int, ...]] | None = None,
) -> Values:
    """Return all tensors of a network's main graph after a run; scratch tensors come later."""
    with Runner(model, use_xnnpack=False, keep_tensors=True, input_shapes=input_shapes) as runner:
        runner.run(inputs)
        return runner.tensors()
