"""Talk to an edge server: what it serves, uploads, tails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Self

import requests
import urllib3

from joulesplit.edge import _answers as answers
from joulesplit.edge import _protocol as protocol
from joulesplit.edge._answer_head import AnswerHead
from joulesplit.edge._bundle import NamedTensor, encode_bundle
from joulesplit.edge._deadline import Deadline
from joulesplit.edge._encoded import encoded_tensors
from joulesplit.edge._kept_connection import Exchange
from joulesplit.edge._pacing import BITS_PER_BYTE, HostClock, Pacer
from joulesplit.edge._receipts import (
    DownloadReceipt,
    ServedModel,
    ServerHealth,
    TailResult,
    UploadReceipt,
)
from joulesplit.edge._tls import server_address
from joulesplit.edge._transport import MeteredAdapter, TransportMeter
from joulesplit.edge._unreachable import checked_url, innermost
from joulesplit.edge._uplink import PayloadSender, longest_s
from joulesplit.edge.errors import (
    EdgeConfigurationError,
    ProtocolError,
    ServerNotTrustedError,
    ServerRefusedError,
    ServerUnreachableError,
)
from joulesplit.partition import Encoding

DEFAULT_TIMEOUT_S = 30.0
HTTP_OK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    headers: Mapping[str, str]
    content: bytes
    began_ns: int
    ended_ns: int


class EdgeClient:
    """Connections to an edge server, kept open between calls. Not for several threads.

    Uploads and tails have one of their own, without an HTTP library in between
    (``_kept_connection``): what the processor does for them is billed to the radio.

    Proxies and passwords from the environment are ignored: the bytes must take the link that
    is measured.

    Args:
        url: ``http://HOST:PORT`` or ``https://HOST:PORT#sha256=…``, as ``joulesplit serve`` prints
            it; over ``https`` without a fingerprint the certificate must be a trusted one.
        token: What the server was started with, if it was.
        timeout_s: Longest time of a whole exchange, s, however its bytes trickle; a payload
            adds what it takes at its rate, or on the slowest link worth the name (``_uplink``).

    Raises:
        EdgeConfigurationError: URL, token or timeout cannot work.
    """

    def __init__(
        self, url: str, *, token: str | None = None, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> None:
        if not (isfinite(timeout_s) and timeout_s > 0):
            raise EdgeConfigurationError(
                f"the timeout for {url} is {timeout_s} s; give a positive number of seconds"
            )
        self.url = checked_url(url)
        self._timeout_s = timeout_s
        self._meter = TransportMeter()
        self._session = requests.Session()
        self._session.trust_env = False
        address = server_address(self.url)
        self._base = address.url
        self._session.mount(self._base, MeteredAdapter(self._meter, address.fingerprint))
        # The fingerprint says who it is, not who signed it.
        self._session.verify = address.fingerprint is None
        # Few and constant headers: each byte of them costs the sender energy.
        self._session.headers.clear()
        headers = {"User-Agent": protocol.TOOL_NAME}
        if token is not None:
            headers["Authorization"] = protocol.authorization(token)
        self._session.headers.update({**headers, "Accept-Encoding": "identity"})
        self._uplink = PayloadSender(self.url, headers, timeout_s, self._length_of)
        self._checked: tuple[bytes, str] = b"", protocol.checksum(b"")

    def __enter__(self) -> Self:
        """Return the client; connections are made by the first calls."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; calling it again does nothing."""
        self._session.close()
        self._uplink.close()

    def health(self) -> ServerHealth:
        """Return what the server says of itself.

        Raises:
            EdgeError: As in ``upload``.
        """
        answer = self._ask("GET", protocol.HEALTH_PATH)
        return answers.decode_json(self.url, answer.content, ServerHealth)

    def models(self) -> tuple[ServedModel, ...]:
        """Return the networks that the server has.

        Raises:
            EdgeError: As in ``upload``.
        """
        answer = self._ask("GET", protocol.MODELS_PATH)
        return answers.decode_json(self.url, answer.content, tuple[ServedModel, ...])

    def upload(self, payload: bytes, *, pacer: Pacer | None = None) -> UploadReceipt:
        """Send ``payload`` to the server's sink.

        Args:
            payload: At least one byte.
            pacer: Schedule to send on; None sends as fast as the socket takes it.

        Raises:
            EdgeConfigurationError: The payload is empty.
            ServerUnreachableError: Nothing answers, or the connection broke.
            AuthenticationError: The server wants another token.
            ServerRefusedError: The payload is longer than the server takes.
            UploadCorruptedError: The server counted other bytes than were sent.
            ProtocolError: What answers is not a server of this tool and version.
        """
        return self._send(protocol.SINK_PATH, payload, pacer, {})[1]

    def download(self, count: int, *, rate_bit_per_s: float | None = None) -> DownloadReceipt:
        """Receive ``count`` bytes from the server's source.

        Args:
            count: Bytes.
            rate_bit_per_s: The server sends them so fast, by ``_pacing``; None for as fast
                as they come.

        Raises:
            EdgeConfigurationError: The count is not positive.
            ServerRefusedError: It is more than the server sends.
            EdgeError: As in ``upload``.
        """
        if count <= 0:
            raise EdgeConfigurationError(f"{count} bytes of {self.url}; ask for one at least")
        within_s = longest_s(self._timeout_s, BITS_PER_BYTE * count, rate_bit_per_s)
        path = protocol.source_path(count, rate_bit_per_s)
        answer = self._ask("GET", path, max_bytes=count, within_s=within_s)
        return DownloadReceipt(
            payload_bytes=len(answer.content),
            http_overhead_bytes=self._meter.sent_bytes,
            began_ns=answer.began_ns,
            ended_ns=answer.ended_ns,
        )

    def run_tail(
        self,
        sha256: str,
        after_operator: int,
        tensors: Sequence[NamedTensor],
        *,
        encoding: Encoding | None = None,
        pacer: Pacer | None = None,
    ) -> TailResult:
        """Run the network behind operator ``after_operator`` on the server.

        Args:
            sha256: Of the model file, hexadecimal.
            after_operator: Index of the last operator that ran here; −1 for none.
            tensors: What crosses, in the order of ``joulesplit.partition._network.Cut.tensors``.
            encoding: How to send it; None sends it as it is.
            pacer: Schedule to send on; None sends as fast as the socket takes it.

        Raises:
            EncodingError: The encoding cannot hold a number.
            ServerLacksModelError: The server does not serve that network.
            ServerRefusedError: The tensors are not those of that cut.
            EdgeError: Anything else, as in ``upload``.
        """
        sent = tensors if encoding is None else encoded_tensors(tensors, encoding)
        return self.run_tail_of(sha256, after_operator, sent, encoding=encoding, pacer=pacer)

    def run_tail_of(
        self,
        sha256: str,
        after_operator: int,
        sent: Sequence[NamedTensor],
        *,
        encoding: Encoding | None = None,
        pacer: Pacer | None = None,
    ) -> TailResult:
        """Do what ``run_tail`` does with tensors that are encoded already.

        Args:
            sha256: Of the model file, hexadecimal.
            after_operator: Index of the last operator that ran here; −1 for none.
            sent: As they go on the wire, see ``encoded_tensors``.
            encoding: What they are encoded in; None for nothing.
            pacer: Schedule to send on; None sends as fast as the socket takes it.

        Raises:
            EdgeError: As in ``run_tail``.
        """
        header, payload = encode_bundle(sent)
        path = protocol.tail_path(sha256, after_operator, encoding.name if encoding else None)
        answer, receipt = self._send(path, payload, pacer, {protocol.TENSORS_HEADER: header})
        return TailResult(
            outputs=answers.decode_outputs(self.url, answer.head.headers, answer.content),
            receipt=receipt,
            server_compute_s=answers.server_compute_s(self.url, answer.head.headers),
        )

    def payload_left_bytes(self) -> int:
        """Return how much of the last payload left the socket, byte, however its exchange ended.

        It may be asked from another thread, and after ``close``.
        """
        return self._uplink.payload_left_bytes()

    def _send(
        self, path: str, payload: bytes, pacer: Pacer | None, headers: Mapping[str, str]
    ) -> tuple[Exchange, UploadReceipt]:
        if not payload:
            raise EdgeConfigurationError(f"nothing to send to {self.url}; give at least one byte")
        transfer = None if pacer is None else pacer.transfer(payload)
        try:
            answer = self._uplink.send(path, payload, transfer, headers)
        except OSError as error:
            self._explain_broken_upload(error, len(payload))
            raise self._unreachable(error) from error
        if answer.head.status != HTTP_OK:
            raise answers.refusal_error(self.url, answer.head.status, answer.content)
        if not answer.sent_whole:
            raise ProtocolError(
                f"{self.url} answers before it has all of {len(payload)} bytes; check that "
                "nothing between client and server answers in its place"
            )
        answers.check_received(self.url, answer.head.headers, payload, self._checksum(payload))
        by_schedule_ns = None
        if pacer is not None and transfer is not None:
            started_ns, ended_ns = transfer.started_ns or 0, transfer.ended_ns or 0
            by_schedule_ns = started_ns, ended_ns, pacer.clock.now_ns()
        receipt = UploadReceipt(
            payload_bytes=len(payload), exchange=answer, by_schedule_ns=by_schedule_ns
        )
        return answer, receipt

    def _checksum(self, payload: bytes) -> str:
        """Return a payload's CRC-32; one that is sent again and again is summed up once."""
        if payload is not self._checked[0]:
            self._checked = payload, protocol.checksum(payload)
        return self._checked[1]

    def _ask(
        self, method: str, path: str, *, max_bytes: int | None = None, within_s: float | None = None
    ) -> _Answer:
        clock = HostClock()
        self._meter.reset(Deadline(within_s or self._timeout_s))
        try:
            with self._session.request(
                method,
                self._base + path,
                timeout=self._timeout_s,
                allow_redirects=False,
                stream=True,
            ) as response:
                began_ns = clock.now_ns()
                content = self._read(response, max_bytes)
                ended_ns = clock.now_ns()
        except (OSError, urllib3.exceptions.HTTPError) as error:
            raise self._unreachable(error) from error
        if not response.ok:
            raise answers.refusal_error(self.url, response.status_code, content)
        return _Answer(
            headers=response.headers, content=content, began_ns=began_ns, ended_ns=ended_ns
        )

    def _unreachable(self, error: Exception) -> ServerUnreachableError:
        if isinstance(error, ServerNotTrustedError):
            return ServerNotTrustedError(f"{self.url}: {error}")
        if isinstance(error, requests.exceptions.SSLError):
            return ServerNotTrustedError(
                f"{self.url}: this is not a server to trust ({innermost(error)}); give the URL "
                "as `joulesplit serve --tls` prints it"
            )
        return ServerUnreachableError(
            f"the exchange with {self.url} failed ({innermost(error)}); check that "
            "`joulesplit serve MODEL` runs there and the network is up"
        )

    def _read(self, response: requests.Response, max_bytes: int | None) -> bytes:
        length = self._checked_length(response.headers, max_bytes if response.ok else None)
        content: bytes = response.raw.read(length, decode_content=False)
        if len(content) != length:
            raise requests.ConnectionError(f"the answer broke off after {len(content)} bytes")
        return content

    def _length_of(self, head: AnswerHead) -> int:
        return self._checked_length(head.headers, None)

    def _checked_length(self, headers: Mapping[str, str], max_bytes: int | None) -> int:
        answers.check_version(self.url, headers)
        is_bundle = protocol.TENSORS_HEADER in headers
        bound = protocol.DEFAULT_MAX_BODY_BYTES if is_bundle else protocol.MAX_JSON_BYTES
        return answers.declared_length(self.url, headers, max_bytes or bound)

    def _explain_broken_upload(self, error: OSError, sent_bytes: int) -> None:
        """Raise the server's reason for breaking an upload off, if it can still be learnt.

        A server that refuses a body closes the connection on it, and the refusal can be lost
        with the connection.
        """
        if isinstance(error, ServerNotTrustedError | TimeoutError):
            return
        max_body_bytes = self.health().max_body_bytes
        if sent_bytes > max_body_bytes:
            raise ServerRefusedError(
                f"{self.url} takes {max_body_bytes} bytes at most and was sent {sent_bytes}; "
                "send less or restart it with a higher --max-body-bytes",
                code=protocol.Refusal.TOO_LARGE,
                status=protocol.STATUS[protocol.Refusal.TOO_LARGE],
            )
