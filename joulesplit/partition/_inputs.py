"""Arrays to run a network on: at random, or a user's own from `.npy` files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.partition._encoding import FLOATS
from joulesplit.partition._specs import TEXT, TensorSpec, check_array
from joulesplit.partition.errors import InputError


def zero_inputs(specs: Sequence[TensorSpec]) -> list[NDArray[Any]]:
    """Return one array of zeros, or of empty texts, per specification."""
    return [np.zeros(spec.shape, "S1" if spec.dtype == TEXT else spec.dtype) for spec in specs]


def random_inputs(specs: Sequence[TensorSpec], seed: int) -> list[NDArray[Any]]:
    """Return one random array per specification, of its shape and dtype.

    Floats are uniform in [−1, 1); 8- and 16-bit integers take every value their type has (they
    are quantised numbers); wider integers are 0 or 1, which any table of indices holds; texts are
    "0" or "1".

    Raises:
        InputError: A dtype numpy cannot hold.
    """
    generator = np.random.default_rng(seed)
    return [_random(spec, generator) for spec in specs]


def scaled_bytes(specs: Sequence[TensorSpec], seed: int) -> list[NDArray[Any]]:
    """Return random inputs whose floats are bytes spread from −1 to 1, as those of pictures are.

    Args:
        specs: What the network takes.
        seed: Of the numbers.
    """
    generator = np.random.default_rng(seed)
    return [
        ((generator.integers(0, 256, spec.shape).astype(spec.dtype) - 127.5) / 127.5)
        if spec.dtype in FLOATS
        else _random(spec, generator)
        for spec in specs
    ]


def read_array(path: str | Path) -> NDArray[Any]:
    """Return the array of a `.npy` file; one with Python objects in it is refused.

    Raises:
        InputError: It cannot be read, or is no such file.
    """
    try:
        with Path(path).open("rb") as stream:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); give the path of a .npy file"
        ) from error
    except (ValueError, EOFError, MemoryError, OverflowError) as error:
        raise InputError(
            f"{path}: is no .npy file of numbers; write one with numpy.save"
        ) from error
    return array


def in_order(
    inputs: Sequence[NDArray[Any]] | Mapping[str, NDArray[Any]], specs: Sequence[TensorSpec]
) -> list[NDArray[Any]]:
    """Return a network's inputs in the file's order.

    Args:
        inputs: In that order, or by name.
        specs: What the inputs take.

    Raises:
        InputError: The names are others.
    """
    if not isinstance(inputs, Mapping):
        return list(inputs)
    names = [spec.name for spec in specs]
    if set(inputs) != set(names):
        raise InputError(f"inputs {sorted(inputs)} given for {sorted(names)}; give these")
    return [inputs[name] for name in names]


def samples(
    arrays: Sequence[NDArray[Any]], specs: Sequence[TensorSpec]
) -> list[list[NDArray[Any]]]:
    """Return one or several times a network's inputs.

    Args:
        arrays: One per input, of its shape for one sample, or with a first axis more: as many
            samples as this axis is long, the same for all inputs.
        specs: What the inputs take.

    Raises:
        InputError: Number, shape or dtype differs, or there is no sample.
    """
    if len(arrays) != len(specs):
        raise InputError(f"{len(arrays)} arrays given for {len(specs)} inputs; give one each")
    stacked = [a.ndim == len(spec.shape) + 1 for a, spec in zip(arrays, specs, strict=True)]
    if not all(stacked):
        arrays = [array[np.newaxis] for array in arrays]
    if len({len(array) for array in arrays}) > 1:
        raise InputError("the inputs hold different numbers of samples; give as many of each")
    found = [list(sample) for sample in zip(*arrays, strict=True)]
    if arrays and not found:
        raise InputError("there are no inputs in it; give one sample at least")
    for sample in found:
        for array, spec in zip(sample, specs, strict=True):
            check_array(array, spec)
    return found


def _random(spec: TensorSpec, generator: np.random.Generator) -> NDArray[Any]:
    if spec.dtype == TEXT:
        return generator.integers(0, 2, spec.shape).astype("S")
    try:
        dtype = np.dtype(spec.dtype)
    except TypeError as error:
        raise InputError(
            f"tensor {spec.name!r} has type {spec.dtype}, which numpy cannot hold; cut elsewhere"
        ) from error
    if dtype.kind == "f":
        return generator.uniform(-1, 1, spec.shape).astype(dtype)
    if dtype.kind in "iu" and dtype.itemsize <= np.dtype(np.int16).itemsize:
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, spec.shape, dtype, endpoint=True)
    if dtype.kind == "c":
        return generator.uniform(-1, 1, (*spec.shape, 2)).view(np.complex128)[..., 0].astype(dtype)
    return generator.integers(0, 2, spec.shape).astype(dtype)
