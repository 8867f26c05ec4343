"""Does a split compute what the whole network computes?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.partition._inputs import random_inputs
from joulesplit.partition._network import Network
from joulesplit.partition._runtime import Runner
from joulesplit.partition._specs import check_array, tensor_specs
from joulesplit.partition._writing import whole_file
from joulesplit.partition.checking._tracing import first_different_tensor, run_parts
from joulesplit.partition.cutting import ClosedCut
from joulesplit.partition.errors import InputError
from joulesplit.partition.parts import Sides, split_parts
from joulesplit.partition.reading import LoadedModel, load_model


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitComparison:
    """The whole network against head and tail, on the same inputs.

    Attributes:
        after_operator: Where the network was split; None if the head is no prefix.
        seed: Of the random inputs; None if they were given.
        max_abs_error: Largest difference of two output elements as stored (for quantised
            outputs in steps of the quantisation); NaN if only one side is NaN, infinite between
            different texts.
        bit_equal: True if all outputs are the same bit for bit.
        first_difference: Name of the first output that differs; None if none does.
        first_tensor: Name of the first tensor in execution order that differs when both run
            operator by operator without a delegate. None if the outputs are equal, or if they
            differ only with the delegate, which may compute a part by other kernels.
        delegate: What ran the whole network, ``XNNPACK`` or None for the runtime's own kernels.
    """

    after_operator: int | None
    seed: int | None
    max_abs_error: float
    bit_equal: bool
    first_difference: str | None
    first_tensor: str | None = None
    delegate: str | None = None


def compare_split(
    model: LoadedModel | str | Path,
    cut: int | ClosedCut,
    seed: int = 0,
    *,
    path: bytes | str | Path | None = None,
    inputs: Sequence[NDArray[Any]] | None = None,
    threads: int = 1,
    use_xnnpack: bool = True,
) -> SplitComparison:
    """Run a network whole and split, and compare the outputs.

    Args:
        model: A file's path, or what ``load_model`` returned of it.
        cut: Index of the head's last operator, or a closed cut.
        seed: Of the random inputs.
        path: What runs whole, a file or its bytes. None for the model's own file as it is,
            untouched by this toolkit unless another of its signatures was taken.
        inputs: One array per input instead of random ones.
        threads: Number of CPU threads.
        use_xnnpack: Let the runtime use XNNPACK.

    Raises:
        CutError: No such cut.
        InputError: The inputs do not fit the network.
        PartitionError: The file cannot be read or run; see ``load_model`` and ``Runner``.
    """
    if not isinstance(model, LoadedModel):
        model = load_model(model)
    arrays = _arrays(model.network, inputs, seed)
    return compare_sides(
        whole_file(model.file) if path is None else path,
        model.network,
        split_parts(model, cut),
        arrays,
        after_operator=None if isinstance(cut, ClosedCut) else cut,
        seed=seed if inputs is None else None,
        threads=threads,
        use_xnnpack=use_xnnpack,
    )


def compare_sides(
    path: bytes | str | Path,
    network: Network,
    sides: Sides,
    inputs: Mapping[int, NDArray[Any]],
    *,
    after_operator: int | None,
    seed: int | None,
    **settings: Any,
) -> SplitComparison:
    """Run a file and two parts of it, and compare the outputs.

    Args:
        path: The file, or its bytes.
        network: The file as read.
        sides: Its head and tail.
        inputs: The network's inputs by tensor index.
        after_operator: For the result.
        seed: For the result.
        settings: For ``Runner``.

    Raises:
        PartitionError: The file or a part cannot be run; see ``Runner``.
    """
    arrays = [inputs[index] for index in network.inputs]
    shapes = [array.shape for array in arrays]
    with Runner(path, input_shapes=shapes, **settings) as runner:
        whole = dict(zip(network.outputs, runner.run(arrays), strict=True))
        delegate = runner.delegate
    split = run_parts(sides, inputs, **settings)
    outputs = [index for index in network.outputs if index in split]
    differing = [i for i in outputs if whole[i].tobytes() != split[i].tobytes()]
    first_tensor = first_different_tensor(path, network, sides, inputs) if differing else None
    return SplitComparison(
        after_operator=after_operator,
        seed=seed,
        max_abs_error=max((_error(whole[i], split[i]) for i in outputs), default=0.0),
        bit_equal=not differing,
        first_difference=network.tensors[differing[0]].name if differing else None,
        first_tensor=first_tensor,
        delegate=delegate,
    )


def _arrays(
    network: Network, given: Sequence[NDArray[Any]] | None, seed: int
) -> dict[int, NDArray[Any]]:
    """Return the network's inputs by tensor index, checked or at random."""
    specs = tensor_specs(network, network.inputs)
    arrays = random_inputs(specs, seed) if given is None else list(given)
    if len(arrays) != len(specs):
        raise InputError(f"{len(arrays)} arrays given for {len(specs)} inputs; give one each")
    for array, spec in zip(arrays, specs, strict=True):
        check_array(array, spec)
    return dict(zip(network.inputs, arrays, strict=True))


def _error(left: NDArray[Any], right: NDArray[Any]) -> float:
    if left.dtype.kind == "S":
        return 0.0 if np.array_equal(left, right) else float("inf")
    # Equal infinities differ by nothing, where their difference is no number.
    with np.errstate(invalid="ignore"):
        difference = np.abs(left.astype(np.float64) - right.astype(np.float64))
    return float(np.where(left == right, 0.0, difference).max(initial=0.0))
