"""Tensors sent in an encoding: on the wire each is the uint8 tensor of its encoded bytes. Pure.

Both sides know the cut, and so each tensor's shape and dtype; the request names the encoding.
Integers are sent without loss in any case (``joulesplit.partition._encoding.suited``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from joulesplit.edge._admission import check_tensors
from joulesplit.edge._bundle import NamedTensor, TensorHeader
from joulesplit.edge._protocol import Refusal
from joulesplit.edge.errors import RequestRefusedError
from joulesplit.partition import Encoding, decode, encode, suited
from joulesplit.partition.errors import EncodingError

LONGEST_SHARE, LONGEST_EXTRA_BYTES = 2, 1024
"""No encoding is longer: int8 with a scale and an offset for each number takes 6 bytes for 4."""


def encoded_tensors(tensors: Sequence[NamedTensor], encoding: Encoding) -> tuple[NamedTensor, ...]:
    """Return what goes on the wire for tensors.

    Raises:
        EncodingError: The encoding cannot hold a number.
    """
    payloads = [encode(t.data, suited(encoding, t.data.dtype.name)) for t in tensors]
    return tuple(
        NamedTensor(name=tensor.name, data=np.frombuffer(payload, np.uint8))
        for tensor, payload in zip(tensors, payloads, strict=True)
    )


def check_sent(
    given: Sequence[TensorHeader], expected: Sequence[TensorHeader], encoding: Encoding | None
) -> None:
    """Check that exactly the tensors of the cut are sent, in its order; if encoded, as bytes.

    Raises:
        RequestRefusedError: Number, name, dtype or shape differ.
    """
    if encoding is None:
        check_tensors(given, expected)
        return
    as_bytes = [(entry.name, "uint8", 1) for entry in expected]
    too_long = any(
        one.size_bytes > LONGEST_SHARE * to.size_bytes + LONGEST_EXTRA_BYTES
        for one, to in zip(given, expected, strict=False)
    )
    if too_long or [(entry.name, entry.dtype, len(entry.shape)) for entry in given] != as_bytes:
        raise RequestRefusedError(
            Refusal.WRONG_TENSORS,
            f"{len(given)} tensors were sent that are not the encoded ones of this cut",
            "send one row of bytes (uint8) for each tensor of the cut, in its order",
        )


def decoded_tensors(
    sent: tuple[NamedTensor, ...], expected: Sequence[TensorHeader], encoding: Encoding | None
) -> tuple[NamedTensor, ...]:
    """Return the tensors of a cut from what came over the wire.

    Raises:
        RequestRefusedError: The bytes are no such tensors in this encoding.
    """
    if encoding is None:
        return sent
    try:
        arrays = [
            decode(one.data.tobytes(), suited(encoding, to.dtype), to.shape, to.dtype)
            for one, to in zip(sent, expected, strict=True)
        ]
    except EncodingError as error:
        raise RequestRefusedError(
            Refusal.WRONG_TENSORS, f"{encoding.name}: {error}", "encode the tensors of this cut"
        ) from error
    return tuple(
        NamedTensor(name=to.name, data=array) for to, array in zip(expected, arrays, strict=True)
    )
