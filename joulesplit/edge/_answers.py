"""What an answer of the server means: checks and errors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TypeVar

import msgspec

from joulesplit.edge import _protocol as protocol
from joulesplit.edge._bundle import NamedTensor, decode_body, decode_header
from joulesplit.edge.errors import (
    AuthenticationError,
    EdgeError,
    ProtocolError,
    ServerLacksModelError,
    ServerRefusedError,
    UploadCorruptedError,
)

Answer = TypeVar("Answer")

MAX_REASON_CHARACTERS = 600

_ERRORS = {
    protocol.Refusal.BAD_TOKEN.value: AuthenticationError,
    protocol.Refusal.UNKNOWN_MODEL.value: ServerLacksModelError,
}


def check_version(url: str, headers: Mapping[str, str]) -> None:
    """Check that a server of this tool answered, in this version of the wire format.

    Raises:
        ProtocolError: Something else answered.
    """
    version = headers.get(protocol.VERSION_HEADER)
    if version is None:
        raise ProtocolError(
            f"what answers at {url} is not a JouleSplit edge server; check host and port of "
            "the one started with `joulesplit serve MODEL`"
        )
    if version != str(protocol.PROTOCOL_VERSION):
        raise ProtocolError(
            f"{url} speaks wire format {version:.20} and this client "
            f"{protocol.PROTOCOL_VERSION}; install the same JouleSplit on both machines"
        )


def declared_length(url: str, headers: Mapping[str, str], max_bytes: int) -> int:
    """Return the length that an answer declares, byte.

    Raises:
        ProtocolError: It declares none, or more than ``max_bytes``.
    """
    text = headers.get("Content-Length", "")
    if not (text.isascii() and text.isdigit()) or int(text) > max_bytes:
        raise ProtocolError(
            f"{url} answers with length {text[:20] or 'unknown'}, at most {max_bytes} bytes are "
            "taken; check that nothing between client and server rewrites answers"
        )
    return int(text)


def refusal_error(url: str, status: int, content: bytes) -> EdgeError:
    """Return the error that a refusal stands for."""
    try:
        body = msgspec.json.decode(content, type=protocol.RefusalBody)
    except msgspec.MsgspecError:
        return ProtocolError(
            f"{url} answers with HTTP status {status} and no reason; check host and port of the "
            "server started with `joulesplit serve MODEL`"
        )
    kind = _ERRORS.get(body.error, ServerRefusedError)
    reason = _one_line(f"{body.message}; {body.hint}")
    return kind(f"{url} refuses: {reason}", code=body.error, status=status)


def decode_json(url: str, content: bytes, kind: type[Answer]) -> Answer:
    """Return a JSON answer as ``kind``.

    Raises:
        ProtocolError: The content is something else.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise ProtocolError(
            f"{url} answers what this client does not understand ({error}); install the same "
            "JouleSplit on both machines"
        ) from error


def check_received(url: str, headers: Mapping[str, str], payload: bytes, checksum: str) -> None:
    """Check that the receiver counted exactly the bytes that were sent.

    Args:
        url: Of the server.
        headers: Of its answer.
        payload: What was sent.
        checksum: Its CRC-32, as ``_protocol.checksum`` writes it.

    Raises:
        UploadCorruptedError: Length or CRC-32 differ.
    """
    sent = (str(len(payload)), checksum)
    received = (
        headers.get(protocol.RECEIVED_BYTES_HEADER, "nothing"),
        headers.get(protocol.RECEIVED_CRC32_HEADER, "none"),
    )
    if received != sent:
        raise UploadCorruptedError(
            f"sent {sent[0]} bytes with CRC-32 {sent[1]} to {url}, which confirms "
            f"{received[0]:.20} with {received[1]:.20}; discard this upload and check the link"
        )


def decode_outputs(url: str, headers: Mapping[str, str], content: bytes) -> tuple[NamedTensor, ...]:
    """Return the tensors of an answer.

    Raises:
        ProtocolError: Header or content are not a bundle.
    """
    try:
        return decode_body(decode_header(headers.get(protocol.TENSORS_HEADER, "")), content)
    except ProtocolError as error:
        raise ProtocolError(f"{url} answers with broken tensors: {error}") from error


def server_compute_s(url: str, headers: Mapping[str, str]) -> float:
    """Return the compute time that the server states, s.

    Raises:
        ProtocolError: It states none, or something that is not a duration.
    """
    text = headers.get(protocol.COMPUTE_HEADER, "")
    try:
        duration_s = float(text)
    except ValueError:
        duration_s = -1.0
    if not isfinite(duration_s) or duration_s < 0:
        raise ProtocolError(
            f"{url} states {text[:20]!r} as its compute time; install the same JouleSplit on "
            "both machines"
        )
    return duration_s


def _one_line(text: str) -> str:
    """Return a server's text as one bounded line that is safe to print on a terminal."""
    words = "".join(c if c.isprintable() else " " for c in text).split()
    return " ".join(words)[:MAX_REASON_CHARACTERS]
