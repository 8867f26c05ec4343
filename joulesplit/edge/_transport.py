"""HTTP connections for all but uploads: they count bytes, and keep to a deadline."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from joulesplit.edge._deadline import Deadline
from joulesplit.edge._tls import client_context


class TransportMeter:
    """What one exchange may take, and what it handed over.

    Attributes:
        deadline: When it has to be over; None for never.
        sent_bytes: Handed to the socket since ``reset``, byte.
    """

    def __init__(self) -> None:
        self.sent_bytes = 0
        self.deadline: Deadline | None = None

    def reset(self, deadline: Deadline) -> None:
        """Count from zero."""
        self.sent_bytes = 0
        self.deadline = deadline


class MeteredAdapter(HTTPAdapter):
    """A requests adapter that keeps to a meter. Not for several threads.

    Args:
        meter: Filled by every exchange.
        fingerprint: Of the server's certificate; None where it is a signed one, or there is none.
    """

    def __init__(self, meter: TransportMeter, fingerprint: str | None = None) -> None:
        self._meter = meter
        self._fingerprint = fingerprint
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the connection pool; requests calls this."""
        context = client_context(self._fingerprint)
        context.sslsocket_class = _deadline_tls_socket(self._meter)
        super().init_poolmanager(
            *args, ssl_context=context, assert_fingerprint=self._fingerprint, **kwargs
        )
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {
            "http": _metered_pool(HTTPConnectionPool, HTTPConnection, self._meter),
            "https": _metered_pool(HTTPSConnectionPool, HTTPSConnection, self._meter),
        }


class _DeadlineSocket(socket.socket):
    """A socket each of whose reads waits no longer than the whole exchange may."""

    meter: TransportMeter

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        if self.meter.deadline is not None:
            self.settimeout(self.meter.deadline.remaining_s())
        return super().recv_into(*args, **kwargs)


def _deadline_tls_socket(meter: TransportMeter) -> type[ssl.SSLSocket]:
    """Return the same of TLS."""

    class DeadlineTlsSocket(ssl.SSLSocket):
        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            if meter.deadline is not None:
                self.settimeout(meter.deadline.remaining_s())
            return super().recv_into(*args, **kwargs)

    return DeadlineTlsSocket


def _metered_pool(
    pool: type[HTTPConnectionPool], connection: type[HTTPConnection], meter: TransportMeter
) -> type[HTTPConnectionPool]:
    class MeteredConnection(connection):  # type: ignore[misc, valid-type]
        def _new_conn(self) -> socket.socket:
            plain = super()._new_conn()
            patience_s = plain.gettimeout()
            bound = _DeadlineSocket(fileno=plain.detach())
            bound.meter = meter
            # A handshake as a whole takes no longer than that either.
            bound.settimeout(meter.deadline.remaining_s() if meter.deadline else patience_s)
            return bound

        def send(self, data: Any) -> None:
            if isinstance(data, bytes):
                meter.sent_bytes += len(data)
            super().send(data)

    class MeteredPool(pool):  # type: ignore[misc, valid-type]
        ConnectionCls = MeteredConnection

    return MeteredPool
