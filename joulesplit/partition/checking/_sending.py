"""Tensors encoded as they would be sent, and decoded again: bits, and time on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from joulesplit.partition._encoding import Encoding, decode, encode, suited

Arrays = list[NDArray[Any]]
REPEATS = 5
"""Times that each tensor is encoded; the median is reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What crosses a cut for one input, after it was sent.

    Attributes:
        crossing: The tensors as they arrive.
        bits: Of all of them as sent, bit.
        encode_s: Time to encode them here, median, s.
        decode_s: Time to decode them here, median, s.
    """

    crossing: Arrays
    bits: int
    encode_s: float
    decode_s: float


def send(encoding: Encoding, crossing: Sequence[NDArray[Any]]) -> Sent:
    """Encode and decode what crosses, several times. Integers are sent without loss.

    Raises:
        EncodingError: The encoding cannot hold a number.
    """
    encode_s, decode_s = [], []
    for _ in range(REPEATS):
        start = perf_counter()
        payloads = [encode(array, suited(encoding, array.dtype.name)) for array in crossing]
        encoded = perf_counter()
        arrays = [
            decode(payload, suited(encoding, a.dtype.name), a.shape, a.dtype.name)
            for payload, a in zip(payloads, crossing, strict=True)
        ]
        encode_s.append(encoded - start)
        decode_s.append(perf_counter() - encoded)
    bits = sum(8 * len(payload) for payload in payloads)
    return Sent(crossing=arrays, bits=bits, encode_s=median(encode_s), decode_s=median(decode_s))
