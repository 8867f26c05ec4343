"""Random arrays that a network accepts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from partition.errors import InputError
from partition.specs import TensorSpec


def random_inputs(specs: Sequence[TensorSpec], seed: int) -> list[NDArray[Any]]:
    """Return one random array per specification, of its shape and dtype.

    Floats are uniform in [−1, 1); 8- and 16-bit integers take every value their type has (they
    are quantised numbers); wider integers are 0 or 1, which any table of indices holds.

    Raises:
        InputError: A dtype numpy cannot hold.
    """
    generator = np.random.default_rng(seed)
    return [_random(spec, generator) for spec in specs]


def _random(spec: TensorSpec, generator: np.random.Generator) -> NDArray[Any]:
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
