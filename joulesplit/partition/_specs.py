"""What an array must be to go into a network or come out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.partition._network import Network, Quantization
from joulesplit.partition.errors import InputError

TEXT = "string"
"""What the schema calls texts; numpy has them as bytes of any length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output of a network.

    Attributes:
        name: Name in the file.
        shape: Dimensions.
        dtype: numpy name of the element type, or ``string`` for texts: arrays of bytes then.
        quantization: Scale and zero point, if it is quantised.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None


def tensor_specs(network: Network, indices: Iterable[int]) -> tuple[TensorSpec, ...]:
    """Return the specifications of some tensors, e.g. of those that cross a cut."""
    return tuple(
        TensorSpec(
            name=network.tensors[index].name,
            shape=network.tensors[index].shape,
            dtype=network.tensors[index].dtype,
            quantization=network.tensors[index].quantization,
        )
        for index in indices
    )


def runtime_spec(detail: Mapping[str, Any]) -> TensorSpec:
    """Return the specification of a tensor as the runtime's own details describe it."""
    parameters = detail["quantization_parameters"]
    quantization = Quantization(
        scales=tuple(float(scale) for scale in parameters["scales"]),
        zero_points=tuple(int(point) for point in parameters["zero_points"]),
        axis=int(parameters["quantized_dimension"]),
    )
    dtype = np.dtype(detail["dtype"])
    return TensorSpec(
        name=detail["name"],
        shape=tuple(int(size) for size in detail["shape"]),
        dtype=TEXT if dtype.kind == "S" else dtype.name,
        quantization=quantization if quantization.scales else None,
    )


def check_array(array: NDArray[Any], spec: TensorSpec) -> None:
    """Check that an array fits.

    Raises:
        InputError: Shape or dtype differs.
    """
    fits = array.dtype.kind == "S" if spec.dtype == TEXT else array.dtype == np.dtype(spec.dtype)
    if array.shape != spec.shape or not fits:
        wanted = "bytes (numpy's S)" if spec.dtype == TEXT else spec.dtype
        raise InputError(
            f"input {spec.name!r} takes {wanted} of shape {spec.shape}, not {array.dtype} of "
            f"shape {array.shape}; convert the array first"
        )


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array without Python objects: the runtime hands out texts as such."""
    return array.astype("S") if array.dtype.kind == "O" else array
