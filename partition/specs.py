"""What an array must be to go into a network or come out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from partition.network import Network, Quantization


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input or output of a network.

    Attributes:
        name: Name in the file.
        shape: Dimensions.
        dtype: numpy name of the element type.
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
