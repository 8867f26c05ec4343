"""Payloads on their way to the server, over one kept connection, with what the link really did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from joulesplit.edge._answer_head import AnswerHead
from joulesplit.edge._deadline import Deadline
from joulesplit.edge._kept_connection import Exchange, KeptConnection, RequestBody
from joulesplit.edge._pacing import BITS_PER_BYTE, PacedTransfer
from joulesplit.edge._tls import TlsName, server_address

SLOWEST_RATE_BIT_PER_S = 1e5
"""A link slower than this is no link to split a network over: it bounds how long a payload may
take, bit/s."""


def longest_s(timeout_s: float, bits: int, rate_bit_per_s: float | None) -> float:
    """Return how long an exchange may take in all, s.

    Args:
        timeout_s: For everything but the payload, s.
        bits: Payload, bit.
        rate_bit_per_s: At which it is sent, if that is stated.
    """
    slowest = SLOWEST_RATE_BIT_PER_S
    if rate_bit_per_s is not None and 0 < rate_bit_per_s < slowest:
        slowest = rate_bit_per_s
    return timeout_s + bits / slowest


class PayloadSender:
    """A sender of payloads. Not for several threads.

    Args:
        url: Of the server.
        headers: Of every request.
        timeout_s: For the whole of an exchange, less what the payload takes on the slowest link.
        length_of: Checks an answer's head and returns the length of its body, byte.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        timeout_s: float,
        length_of: Callable[[AnswerHead], int],
    ) -> None:
        address, parts = server_address(url), urlsplit(url)
        tls = TlsName(parts.hostname or "", address.fingerprint) if address.is_tls else None
        port = parts.port or (443 if address.is_tls else 80)
        self._connection = KeptConnection(parts.hostname or "", port, tls=tls)
        self._headers = {"Host": parts.netloc, **headers}
        self._timeout_s = timeout_s
        self._length_of = length_of
        self._request: tuple[object, ...] = ()
        self._head = b""
        self._longest_s = timeout_s

    def close(self) -> None:
        """Close the connection; calling it again does nothing."""
        self._connection.close()

    def payload_left_bytes(self) -> int:
        """Return how much of the last payload left the socket, byte."""
        return max(0, self._connection.left_bytes() - len(self._head))

    def send(
        self, path: str, payload: bytes, transfer: PacedTransfer | None, headers: Mapping[str, str]
    ) -> Exchange:
        """Send one payload and return the answer.

        Args:
            path: Path and query.
            payload: What to send.
            transfer: The same on a schedule; None sends it whole.
            headers: Of this request alone.

        Raises:
            OSError: Nothing answers, the connection broke, or time is up.
            ProtocolError: What answers does not speak HTTP.
        """
        body = RequestBody(len(payload), (payload,), None)
        if transfer is not None:
            body = RequestBody(len(payload), transfer, transfer.chunk_bytes)
        rate = None if transfer is None else transfer.rate_bit_per_s
        request = path, body.length, headers, rate
        if request != self._request:
            # Uploads repeat, and so what is the same for all of them is made once.
            self._request = request
            self._head = self.head(path, body.length, headers)
            self._longest_s = longest_s(self._timeout_s, BITS_PER_BYTE * body.length, rate)
        deadline = Deadline(self._longest_s)
        return self._connection.exchange(self._head, body, deadline, self._length_of)

    def head(self, path: str, length: int, headers: Mapping[str, str]) -> bytes:
        """Return the head of a request."""
        lines = {**self._headers, "Content-Length": str(length), **headers}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"POST {path} HTTP/1.1\r\n{text}\r\n".encode("latin-1")
