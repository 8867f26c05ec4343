"""TLS from a client's side: whom it trusts, and a stream that leaves the socket to its owner."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import NamedTuple

from joulesplit.edge.errors import ServerNotTrustedError

READ_AT_ONCE = 2**18
"""Read from a stream at once, byte: more than comes in one call."""

FINGERPRINT = re.compile(r"sha256=([0-9a-f]{64})")
"""What stands behind ``#`` in the URL of a server whose certificate nobody has signed."""


class TlsName(NamedTuple):
    """Whom a client asks for.

    Attributes:
        host: Name of the server.
        fingerprint: Of its certificate; None to ask for a trusted one of that name.
    """

    host: str
    fingerprint: str | None


class ServerAddress(NamedTuple):
    """Where a server is, and how it is known.

    Attributes:
        url: Without a fingerprint.
        fingerprint: SHA-256 of its certificate, hexadecimal; None if that must be signed by an
            authority that this machine trusts.
        is_tls: It speaks TLS.
    """

    url: str
    fingerprint: str | None
    is_tls: bool


def server_address(url: str) -> ServerAddress:
    """Return what a checked URL says."""
    base, _, fragment = url.partition("#")
    known = FINGERPRINT.fullmatch(fragment)
    return ServerAddress(
        url=base.rstrip("/"),
        fingerprint=known.group(1) if known else None,
        is_tls=url.startswith("https:"),
    )


def fingerprint_of(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate in DER form, hexadecimal."""
    return sha256(certificate).hexdigest()


def client_context(fingerprint: str | None) -> ssl.SSLContext:
    """Return what a client asks of a server: its fingerprint, or a name and a trusted signature."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if fingerprint is not None:
        # Who signed it, and for which name, does not matter: it is the very certificate.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class TlsStream:
    """One connection's TLS, between plain bytes and those of the socket.

    What the kernel tells of the socket stays readable, and what is sent is sent by its owner.

    Args:
        name: Whom it asks for.

    Attributes:
        ended: The server has said that nothing more comes.
    """

    def __init__(self, name: TlsName) -> None:
        self.ended = False
        self._fingerprint = name.fingerprint
        self._received, self._sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._stream = client_context(name.fingerprint).wrap_bio(
            self._received, self._sent, server_hostname=name.host
        )

    def shake_hands(self, send: Callable[[bytes], None], receive: Callable[[], bytes]) -> None:
        """Agree on keys.

        Args:
            send: Sends all of some bytes.
            receive: Returns what comes, at least a byte.

        Raises:
            ServerNotTrustedError: It is another server than asked for.
            OSError: Either function failed, or what answers does not speak TLS.
        """
        while not self._agreed():
            self._flush(send)
            self._received.write(receive())
        self._flush(send)
        self._require_fingerprint()

    def _agreed(self) -> bool:
        """Go on as far as what has come allows; return whether that is all."""
        try:
            self._stream.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise ServerNotTrustedError(
                f"its certificate is not trusted here ({error.verify_message}): give the URL "
                "with the fingerprint, as `joulesplit serve --tls` prints it"
            ) from error
        return True

    def sealed(self, buffers: Iterable[bytes | memoryview]) -> bytes:
        """Return what goes over the socket for some plain bytes."""
        for buffer in buffers:
            if len(buffer):
                self._stream.write(buffer)
        return self._sent.read()

    def opened(self, received: bytes) -> bytes:
        """Return the plain bytes of what came over the socket, if these were any."""
        self._received.write(received)
        parts = []
        try:
            while part := self._stream.read(READ_AT_ONCE):
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return b"".join(parts)

    def _flush(self, send: Callable[[bytes], None]) -> None:
        if waiting := self._sent.read():
            send(waiting)

    def _require_fingerprint(self) -> None:
        certificate = self._stream.getpeercert(binary_form=True) or b""
        if self._fingerprint is not None and fingerprint_of(certificate) != self._fingerprint:
            raise ServerNotTrustedError(
                "another certificate answers than the URL's fingerprint says: something stands "
                "between, or the server has a new one, which `joulesplit serve --tls` prints"
            )
