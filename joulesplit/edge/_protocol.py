"""The wire format: endpoints, header names, limits, refusals. Pure.

Version 1, over HTTP/1.1. Every answer carries ``X-JouleSplit-Protocol``.

====================================  ======================================================
``GET /v1/health``                    tool, protocol version, largest body, models
``GET /v1/models``                    name, SHA-256 and number of operators of each model
``POST /v1/sink``                     takes any body; answers with its length and CRC-32
``GET /v1/source``                    ``?bytes=N``: N random bytes, to measure downloads; with
                                      ``&rate=R`` at R bit/s (``_pacing``), else at once
``POST /v1/models/{sha256}/tail``     ``?after=K``: the tensors that cross after operator K go
                                      in, the network's outputs come back (K = −1: all of it);
                                      with ``&encoding=NAME`` they come encoded so
                                      (``_encoded``), the outputs go back as they are
====================================  ======================================================

Beside it the paths below ``/v2`` speak the Open Inference Protocol (``_open_inference``).

Tensors travel as a bundle (``_bundle``). Every request body declares its length. Both
POSTs answer with the length and CRC-32 of what arrived: a CRC and not a hash because the Pi
computes it while its energy is being measured, and TCP already excludes all but rare faults.
They also say how long the body took to arrive (``X-JouleSplit-Receive-S``, from the request's head
to the body's last byte), for clients whose system does not tell when a byte was acknowledged.
A server with more to do than it takes answers 503 with ``Retry-After`` [s].
A refusal is the JSON object ``{"error", "message", "hint"}`` with the status in ``STATUS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode
from zlib import crc32

from joulesplit.edge.errors import EdgeConfigurationError

TOOL_NAME = "joulesplit"
PROTOCOL_VERSION = 1

HEALTH_PATH = "/v1/health"
MODELS_PATH = "/v1/models"
SINK_PATH = "/v1/sink"
SOURCE_PATH = "/v1/source"
TAIL_PATH = "/v1/models/{sha256}/tail"
INFERENCE_PATH = "/v2"

VERSION_HEADER = "X-JouleSplit-Protocol"
TENSORS_HEADER = "X-JouleSplit-Tensors"
RECEIVED_BYTES_HEADER = "X-JouleSplit-Received-Bytes"
RECEIVED_CRC32_HEADER = "X-JouleSplit-Received-CRC32"
COMPUTE_HEADER = "X-JouleSplit-Compute-S"
RECEIVE_HEADER = "X-JouleSplit-Receive-S"

# 14 times the largest tensor of float32 MobileNetV2 at 224 (112·112·96·4 bytes = 4.8 MB).
DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024
"""Longest body that a server takes, unless it is told otherwise, byte."""
# Longest answer that is not tensors: a list of some thousand models.
MAX_JSON_BYTES = 1024 * 1024
DEFAULT_PORT = 8517


class Refusal(StrEnum):
    """Why a server refuses a request: the ``error`` field of its answer."""

    MALFORMED = "malformed"
    BAD_TOKEN = "bad-token"
    UNKNOWN_MODEL = "unknown-model"
    NO_SUCH_PAGE = "no-such-page"
    NO_LENGTH = "no-length"
    TOO_LARGE = "too-large"
    WRONG_TENSORS = "wrong-tensors"
    NOT_FINITE = "not-finite"
    BUSY = "busy"
    INTERNAL = "internal"


STATUS = {
    Refusal.MALFORMED: 400,
    Refusal.BAD_TOKEN: 401,
    Refusal.UNKNOWN_MODEL: 404,
    Refusal.NO_SUCH_PAGE: 404,
    Refusal.NO_LENGTH: 411,
    Refusal.TOO_LARGE: 413,
    Refusal.WRONG_TENSORS: 422,
    Refusal.NOT_FINITE: 422,
    Refusal.INTERNAL: 500,
    Refusal.BUSY: 503,
}


CLOSING = (Refusal.NO_LENGTH, Refusal.TOO_LARGE, Refusal.BUSY)
"""Refusals before the body is read: the connection ends with them."""
RETRY_AFTER_S = 1
"""When a client that was told to come again should, s: a queue of tails is through by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalBody:
    """The JSON body of a refusal.

    Attributes:
        error: A ``Refusal`` value.
        message: What happened.
        hint: What to do.
    """

    error: str
    message: str
    hint: str


def tail_path(sha256: str, after_operator: int, encoding: str | None = None) -> str:
    """Return path and query of the tail behind operator ``after_operator`` (−1: all).

    Args:
        sha256: Of the model file, hexadecimal.
        after_operator: Index of the head's last operator.
        encoding: Name of the encoding of what is sent; None if it is sent as it is.
    """
    query = {"after": str(after_operator)} | ({"encoding": encoding} if encoding else {})
    return f"{TAIL_PATH.format(sha256=sha256)}?{urlencode(query)}"


def source_path(count: int, rate_bit_per_s: float | None = None) -> str:
    """Return path and query of a download of ``count`` bytes; without a rate as fast as may be."""
    paced = "" if rate_bit_per_s is None else f"&rate={rate_bit_per_s:.17g}"
    return f"{SOURCE_PATH}?bytes={count}{paced}"


def authorization(token: str) -> str:
    """Return the ``Authorization`` header for a token.

    Raises:
        EdgeConfigurationError: The token cannot travel in a header.
    """
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise EdgeConfigurationError(
            "the token must be printable ASCII without spaces and not empty; choose another one"
        )
    return f"Bearer {token}"


def received(count: int, checksum: int, receive_s: float) -> dict[str, str]:
    """Return the headers that say how many bytes arrived, their CRC-32, and in which time [s]."""
    return {
        RECEIVED_BYTES_HEADER: str(count),
        RECEIVED_CRC32_HEADER: f"{checksum:08x}",
        RECEIVE_HEADER: f"{receive_s:.9f}",
    }


def checksum(payload: bytes) -> str:
    """Return the CRC-32 of ``payload`` (zlib's polynomial) as eight hexadecimal digits."""
    return f"{crc32(payload):08x}"
