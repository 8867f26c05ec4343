"""How a tensor is sent: fewer bits per number, compression, both or neither. Pure functions.

What is sent needs no description beside it: both sides know the tensor's shape and dtype.

    as-is           the numbers as they are, little-endian, last axis fastest
    float16         IEEE 754 halves
    int8            real = scale · (stored − zero point), stored in 0…255; one scale for all:
                    the scale (float32), the zero point (8 bits), then the numbers
    int8-channel    one scale and zero point for each index of the last axis: the scales, the
                    zero points, then the numbers
    uint8           for an input whose numbers are bytes that were scaled, as pictures are:
                    real = (stored − zero point) / divisor − shift, these three as float32, then
                    the bytes. What arrives is what was sent, bit for bit, or it is not sent so
    …+zlib          one of these, compressed. (Sorting the bytes by significance first gains 5 %
                    on linear layers' outputs and loses as much on rectified ones: left out.)

The range of an int8 encoding holds 0, and 0 stays exactly 0. A number changes by at most half a
scale.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from joulesplit.partition.errors import EncodingError

AS_IS = "as-is"
"""Name of the encoding that changes nothing."""
FLOATS = frozenset({"float16", "float32", "float64"})
"""Element types that an encoding may shorten, by numpy's names."""
STEPS = 255
"""Steps between the least and the largest value of an unsigned byte."""
SCALE_DTYPE = np.dtype("<f4")
ZLIB_LEVEL = 1
"""The fastest: on the device time is energy, and higher levels gain a few per cent."""

AnyArray = NDArray[Any]
NumberFormat = Literal["as-is", "float16", "int8", "int8-channel", "uint8"]

Scaling = tuple[float, float, float]
SCALINGS: tuple[Scaling, ...] = (
    (127.5, 127.5, 0.0), (0.0, 127.5, 1.0), (0.0, 255.0, 0.0), (0.0, 1.0, 0.0), (128.0, 128.0, 0.0),
)  # fmt: skip
"""Zero point, divisor and shift by which programs make a picture's bytes a network's numbers."""
LOOKED_AT_FIRST = 64
"""Numbers that tell most scalings out before all of them are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """A way to send a tensor.

    Attributes:
        numbers: How each number is written.
        compressed: Is the result compressed without loss?
    """

    numbers: NumberFormat
    compressed: bool = False

    @property
    def name(self) -> str:
        """Name by which a user chooses it, e.g. ``int8+zlib``."""
        return f"{self.numbers}+zlib" if self.compressed else self.numbers

    @property
    def is_lossless(self) -> bool:
        """True if what arrives is what was sent, bit for bit."""
        return self.numbers in ("as-is", "uint8")


ENCODING_FORMATS: tuple[NumberFormat, ...] = ("as-is", "float16", "int8", "int8-channel")
ENCODINGS = {
    encoding.name: encoding
    for numbers in ENCODING_FORMATS
    for encoding in (Encoding(numbers=numbers), Encoding(numbers=numbers, compressed=True))
}
"""All encodings of what crosses, by name."""

SENDABLE = ENCODINGS | {
    encoding.name: encoding
    for encoding in (Encoding(numbers="uint8"), Encoding(numbers="uint8", compressed=True))
}
"""All that can go over the wire, by name: those of an input of scaled bytes with the others."""


def encodings_for(dtype: str) -> tuple[Encoding, ...]:
    """Return the encodings that make sense for an element type: all for floats.

    Integers are counts, indices or already quantised: they are sent as they are, or compressed.
    """
    return tuple(encoding for encoding in ENCODINGS.values() if _suits(encoding, dtype))


def suited(encoding: Encoding, dtype: str) -> Encoding:
    """Return the encoding, or its lossless form for numbers that are no floats."""
    if _suits(encoding, dtype):
        return encoding
    return Encoding(numbers="as-is", compressed=encoding.compressed)


def _suits(encoding: Encoding, dtype: str) -> bool:
    return encoding.numbers == "as-is" or dtype in FLOATS


def encoded_bits(encoding: Encoding, shape: tuple[int, ...], dtype: str) -> int | None:
    """Return the size of an encoded tensor, bit; None if compressed: then it depends on the data.

    With n numbers and c indices of the last axis: as they are n times the dtype's bits; float16
    16·n; int8 40 + 8·n; int8-channel 40·c + 8·n; uint8 96 + 8·n.
    """
    if encoding.compressed:
        return None
    number = 8 * _stored_dtype(encoding, np.dtype(dtype)).itemsize
    return 8 * _header_bytes(encoding, shape) + number * prod(shape)


def encode(array: AnyArray, encoding: Encoding) -> bytes:
    """Return what is sent for a tensor.

    Raises:
        EncodingError: The encoding is not for this dtype, or a number does not fit: infinite or
            not a number for int8, above 65,504 for float16, no scaled byte for uint8.
    """
    if not _suits(encoding, array.dtype.name):
        raise EncodingError(
            f"{encoding.name} is for floating-point numbers, not for {array.dtype}; send the "
            "tensor as it is or with zlib"
        )
    header, numbers = _written(array, encoding)
    plain = header + numbers.tobytes()
    return zlib.compress(plain, ZLIB_LEVEL) if encoding.compressed else plain


def decode(payload: bytes, encoding: Encoding, shape: tuple[int, ...], dtype: str) -> AnyArray:
    """Return the tensor of what was sent, with the given shape and dtype, writable.

    Raises:
        EncodingError: The payload is not a tensor of this shape and dtype so encoded.
    """
    target, stored = np.dtype(dtype), _stored_dtype(encoding, np.dtype(dtype))
    groups = _groups(encoding, shape)
    header_bytes = _header_bytes(encoding, shape)
    expected = header_bytes + stored.itemsize * prod(shape)
    plain = _inflated(payload, expected) if encoding.compressed else payload
    if len(plain) != expected:
        raise EncodingError(
            f"{len(plain)} bytes are no tensor of shape {shape} as {encoding.name}, which takes "
            f"{expected}; both sides must use the same cut and encoding"
        )
    numbers = np.frombuffer(plain, stored, prod(shape), header_bytes).reshape(shape)
    if encoding.numbers == "uint8":
        zero_point, divisor, shift = np.frombuffer(plain, SCALE_DTYPE, 3).tolist()
        return np.asarray(_scaled_bytes(target, (zero_point, divisor, shift))[numbers])
    if not groups:
        return numbers.astype(target)
    scales = np.frombuffer(plain, SCALE_DTYPE, groups)
    zero_points = np.frombuffer(plain, np.uint8, groups, SCALE_DTYPE.itemsize * groups)
    if encoding.numbers == "int8":
        scales, zero_points = scales[0], zero_points[0]
    steps = numbers.astype(np.float64) - zero_points
    # Half a scale beyond the largest number of the dtype there may be none.
    limit = float(np.finfo(target).max)
    return np.asarray(np.clip(steps * scales, -limit, limit), target).reshape(shape)


def after_sending(arrays: Sequence[AnyArray], encoding: Encoding) -> list[AnyArray]:
    """Return tensors as they arrive; integers are sent without loss in any case.

    Raises:
        EncodingError: The encoding cannot hold a number.
    """
    own = [suited(encoding, array.dtype.name) for array in arrays]
    return [
        decode(encode(array, each), each, array.shape, array.dtype.name)
        for array, each in zip(arrays, own, strict=True)
    ]


def _stored_dtype(encoding: Encoding, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if encoding.numbers == "as-is":
        return dtype.newbyteorder("<")
    return np.dtype("<f2") if encoding.numbers == "float16" else np.dtype(np.uint8)


def _header_bytes(encoding: Encoding, shape: tuple[int, ...]) -> int:
    """Return how long what stands before the numbers is."""
    if encoding.numbers == "uint8":
        return 3 * SCALE_DTYPE.itemsize
    return (SCALE_DTYPE.itemsize + 1) * _groups(encoding, shape)


def _groups(encoding: Encoding, shape: tuple[int, ...]) -> int:
    """Return how many scales are sent."""
    if encoding.numbers == "int8-channel":
        return shape[-1] if shape else 1
    return 1 if encoding.numbers == "int8" else 0


def _written(array: AnyArray, encoding: Encoding) -> tuple[bytes, AnyArray]:
    """Return the scales and zero points, if any, and the numbers as they are stored."""
    stored = _stored_dtype(encoding, array.dtype)
    if encoding.numbers == "as-is":
        return b"", np.ascontiguousarray(array, stored)
    if encoding.numbers == "float16":
        with np.errstate(over="ignore", under="ignore"):
            halves = np.ascontiguousarray(array, stored)
        if (np.isinf(halves) & ~np.isinf(array)).any():
            raise EncodingError("a number is above 65,504, the largest half; send it as int8")
        return b"", halves
    if encoding.numbers == "uint8":
        return _bytes_again(array)
    return _quantised(array, per_channel=encoding.numbers == "int8-channel")


def _bytes_again(array: AnyArray) -> tuple[bytes, AnyArray]:
    """Return the bytes that numbers were made of, and what makes these very numbers of them."""
    for scaling in SCALINGS:
        if _all_bytes(array.ravel()[:LOOKED_AT_FIRST], scaling) is None:
            continue
        numbers = _all_bytes(array, scaling)
        if numbers is not None:
            return np.array(scaling, SCALE_DTYPE).tobytes(), numbers
    raise EncodingError(
        "the numbers are no bytes of a picture, scaled in a way that is known here; send them as "
        "they are"
    )


def _all_bytes(array: AnyArray, scaling: Scaling) -> AnyArray | None:
    """Return the bytes that a scaling makes an array of, bit for bit; None if there are none."""
    zero_point, divisor, shift = (array.dtype.type(number) for number in scaling)
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.rint((array + shift) * divisor + zero_point)
        numbers = np.nan_to_num(steps).clip(0, STEPS).astype(np.uint8)
    found = _scaled_bytes(array.dtype, scaling)[numbers]
    return numbers if found.tobytes() == array.tobytes() else None


def _scaled_bytes(dtype: np.dtype[Any], scaling: Scaling) -> AnyArray:
    """Return what each byte stands for, shape (256,).

    Raises:
        EncodingError: It stands for no number.
    """
    zero_point, divisor, shift = scaling
    with np.errstate(all="ignore"):
        scaled = (np.arange(STEPS + 1).astype(dtype) - zero_point) / divisor - shift
    if not np.isfinite(scaled).all():
        raise EncodingError(
            f"bytes less {zero_point}, over {divisor}, less {shift} are no numbers; send them again"
        )
    return np.asarray(scaled, dtype)


def _quantised(array: AnyArray, *, per_channel: bool) -> tuple[bytes, AnyArray]:
    if not np.isfinite(array).all():
        raise EncodingError("a number is infinite or not a number; send the tensor as it is")
    axes = tuple(range(array.ndim - 1)) if per_channel else None
    low = np.minimum(array.min(axes, initial=0), 0).astype(np.float64)
    high = np.maximum(array.max(axes, initial=0), 0).astype(np.float64)
    smallest = np.finfo(SCALE_DTYPE).smallest_subnormal
    if (high / STEPS - low / STEPS).max(initial=0) > np.finfo(SCALE_DTYPE).max:
        raise EncodingError("the numbers span more than a scale can; send the tensor as it is")
    scales = np.maximum(high / STEPS - low / STEPS, smallest).astype(SCALE_DTYPE)
    zero_points = np.rint(-low / scales).clip(0, STEPS)
    steps = np.rint(array / scales.astype(np.float64))
    numbers = (steps + zero_points).clip(0, STEPS).astype(np.uint8)
    return scales.tobytes() + zero_points.astype(np.uint8).tobytes(), numbers


def _inflated(payload: bytes, expected: int) -> bytes:
    """Decompress, but never more than expected: a small payload can stand for gigabytes."""
    inflater = zlib.decompressobj()
    try:
        plain = inflater.decompress(payload, expected + 1)
    except zlib.error as error:
        raise EncodingError(f"the payload is not zlib's ({error}); send it again") from error
    if inflater.unused_data or not (inflater.eof or len(plain) > expected):
        raise EncodingError("the compressed payload is cut short or too long; send it again")
    return plain
