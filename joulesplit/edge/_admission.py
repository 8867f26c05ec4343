"""Which requests the server takes: token, length, cut, tensors, a place in the queue."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite, nan, prod

from joulesplit.edge._bundle import TensorHeader
from joulesplit.edge._pacing import BITS_PER_BYTE
from joulesplit.edge._protocol import Refusal, authorization
from joulesplit.edge.errors import RequestRefusedError
from joulesplit.partition import SENDABLE, Encoding

JSON_BYTES_PER_ELEMENT, JSON_BYTES_BESIDE = 32, 64 * 1024
"""A float64 has at most 24 characters in JSON, a comma and a blank; names and parameters beside."""


def check_token(headers: Mapping[str, str], token: str | None) -> None:
    """Check the ``Authorization`` header, in constant time.

    Raises:
        RequestRefusedError: A token is set and the request does not carry it.
    """
    if token is None:
        return
    given = headers.get("authorization", "").encode("latin-1", "replace")
    if not hmac.compare_digest(given, authorization(token).encode("ascii")):
        raise RequestRefusedError(
            Refusal.BAD_TOKEN,
            "the token is missing or wrong",
            "give the token that the server was started with",
        )


def body_length(headers: Mapping[str, str], max_body_bytes: int) -> int:
    """Return the declared length of a request body, byte.

    Raises:
        RequestRefusedError: It is not declared, or more than ``max_body_bytes``.
    """
    text = headers.get("content-length", "")
    if "transfer-encoding" in headers or not (text.isascii() and text.isdigit()):
        raise RequestRefusedError(
            Refusal.NO_LENGTH,
            "the request does not declare the length of its body",
            "send Content-Length and no Transfer-Encoding",
        )
    if int(text) > max_body_bytes:
        raise RequestRefusedError(
            Refusal.TOO_LARGE,
            f"the body has {int(text)} bytes and this server takes {max_body_bytes} at most",
            "send less or restart the server with a higher --max-body-bytes",
        )
    return int(text)


def cut_position(query: Mapping[str, str]) -> int:
    """Return the operator that ``?after=K`` names.

    Raises:
        RequestRefusedError: It is missing or not a whole number.
    """
    text = query.get("after", "")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise RequestRefusedError(
            Refusal.MALFORMED,
            f"the query says after={text[:20]!r}",
            "give the index of the head's last operator, or -1 for an empty head",
        )
    return int(text)


def sent_encoding(query: Mapping[str, str]) -> Encoding | None:
    """Return the encoding that ``&encoding=NAME`` names; None if tensors come as they are.

    Raises:
        RequestRefusedError: There is no such encoding.
    """
    name = query.get("encoding")
    if name is None or name in SENDABLE:
        return SENDABLE[name] if name else None
    raise RequestRefusedError(
        Refusal.MALFORMED,
        f"the query says encoding={name[:20]!r}",
        f"use one of {', '.join(SENDABLE)}",
    )


def source_length(query: Mapping[str, str], max_bytes: int) -> int:
    """Return the number of bytes that ``?bytes=N`` asks for.

    Raises:
        RequestRefusedError: It is missing, not a positive whole number, or too large.
    """
    text = query.get("bytes", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) > 0):
        raise RequestRefusedError(
            Refusal.MALFORMED,
            f"the query says bytes={text[:20]!r}",
            "ask for a positive number of bytes",
        )
    if int(text) > max_bytes:
        raise RequestRefusedError(
            Refusal.TOO_LARGE,
            f"{int(text)} bytes are asked for and this server sends {max_bytes} at most",
            "ask for less or restart the server with a higher --max-body-bytes",
        )
    return int(text)


def source_rate(query: Mapping[str, str]) -> float | None:
    """Return the rate that ``&rate=R`` asks for, bit/s; None if it asks for none.

    Raises:
        RequestRefusedError: It is not a positive number.
    """
    text = query.get("rate")
    if text is None:
        return None
    rate_bit_per_s = _number(text)
    if not (isfinite(rate_bit_per_s) and rate_bit_per_s > 0):
        raise RequestRefusedError(
            Refusal.MALFORMED,
            f"the query says rate={text[:20]!r}",
            "ask for a positive number of bit/s, or leave the rate out",
        )
    return rate_bit_per_s


def check_duration(count: int, rate_bit_per_s: float | None, longest_s: float) -> None:
    """Check that so many bytes at a rate [bit/s] are not on their way for longer than that [s].

    Raises:
        RequestRefusedError: They would be.
    """
    if rate_bit_per_s is not None and count * BITS_PER_BYTE > rate_bit_per_s * longest_s:
        raise RequestRefusedError(
            Refusal.MALFORMED,
            f"{count} bytes at {rate_bit_per_s:.3g} bit/s would be on their way for more than "
            f"{longest_s:g} s",
            "ask for fewer bytes or a higher rate",
        )


def check_tail_length(length: int, entries: Sequence[TensorHeader]) -> None:
    """Check that a body is as long as its header says, before any of it is read.

    Raises:
        RequestRefusedError: It is not.
    """
    declared = sum(entry.size_bytes for entry in entries)
    if length != declared:
        raise RequestRefusedError(
            Refusal.TOO_LARGE if length > declared else Refusal.MALFORMED,
            f"the body has {length} bytes and the tensor header declares {declared}",
            "send shape · element size bytes for every tensor",
        )


def check_inference_length(length: int, entries: Sequence[TensorHeader]) -> None:
    """Check that a body can be no more than a JSON form of these tensors, before it is read.

    Raises:
        RequestRefusedError: It is longer.
    """
    elements = sum(prod(entry.shape) for entry in entries)
    longest = JSON_BYTES_PER_ELEMENT * elements + JSON_BYTES_BESIDE
    if length > longest:
        raise RequestRefusedError(
            Refusal.TOO_LARGE,
            f"the body has {length} bytes, and these inputs in any form {longest} at most",
            "send the inputs of this version and nothing else",
        )


class TailQueue:
    """Places for tails that are received, wait or run; in one event loop.

    Args:
        places: How many.
        most_bytes: Longest bodies of all of them together, byte.
    """

    def __init__(self, places: int, most_bytes: int) -> None:
        self._places, self._bytes = places, most_bytes
        self._all_places = places

    def waiting(self) -> int:
        """Return how many places are held."""
        return self._all_places - self._places

    @contextmanager
    def place(self, length: int) -> Iterator[None]:
        """Hold a place for a tail whose body has so many bytes.

        Raises:
            RequestRefusedError: There is none.
        """
        if self._places < 1 or self._bytes < length:
            raise RequestRefusedError(
                Refusal.BUSY,
                "this server has as many tails to run as it takes",
                "send it again after a moment, or run the rest on the device",
            )
        self._places -= 1
        self._bytes -= length
        try:
            yield
        finally:
            self._places += 1
            self._bytes += length


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return nan


def check_tensors(given: Sequence[TensorHeader], expected: Sequence[TensorHeader]) -> None:
    """Check that exactly the tensors of the cut are sent, in its order.

    Raises:
        RequestRefusedError: Number, name, dtype or shape differ.
    """
    if len(given) != len(expected):
        raise RequestRefusedError(
            Refusal.WRONG_TENSORS,
            f"{len(given)} tensors were sent and {len(expected)} cross this cut",
            "send the tensors of the cut in its order",
        )
    for position, (got, wanted) in enumerate(zip(given, expected, strict=True)):
        if got != wanted:
            raise RequestRefusedError(
                Refusal.WRONG_TENSORS,
                f"tensor {position} is {_describe(got)} and this cut needs {_describe(wanted)}",
                "send the tensors of the cut in its order",
            )


def _describe(entry: TensorHeader) -> str:
    return f"{entry.name[:80]!r} {entry.dtype}{list(entry.shape)}"
