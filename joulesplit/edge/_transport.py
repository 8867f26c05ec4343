"""HTTP connections that count: bytes handed to the socket, time spent on set-up."""

from __future__ import annotations

from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, PoolManager
from urllib3.connection import HTTPConnection

from joulesplit.edge._pacing import Clock, HostClock


class TransportMeter:
    """What one exchange cost on the connection.

    Attributes:
        clock: What set-up is timed with.
        sent_bytes: Handed to the socket since ``reset``, byte: request head and body.
        connection_ns: Time spent on name resolution and TCP connection since ``reset``, ns;
            0 if an open connection served.
    """

    def __init__(self) -> None:
        self.reset(HostClock())

    def reset(self, clock: Clock) -> None:
        """Count from zero, with ``clock``."""
        self.clock = clock
        self.sent_bytes = 0
        self.connection_ns = 0


class MeteredAdapter(HTTPAdapter):
    """A requests adapter, plain HTTP only, that fills a meter. Not for several threads.

    Args:
        meter: Filled by every exchange.
    """

    def __init__(self, meter: TransportMeter) -> None:
        self._meter = meter
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the connection pool; requests calls this."""
        super().init_poolmanager(*args, **kwargs)
        manager: PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _metered_pool(self._meter)}


def _metered_pool(meter: TransportMeter) -> type[HTTPConnectionPool]:
    class MeteredConnection(HTTPConnection):
        def connect(self) -> None:
            started_ns = meter.clock.now_ns()
            super().connect()
            meter.connection_ns += meter.clock.now_ns() - started_ns

        def send(self, data: Any) -> None:
            if isinstance(data, bytes):
                meter.sent_bytes += len(data)
            super().send(data)

    class MeteredPool(HTTPConnectionPool):
        ConnectionCls = MeteredConnection

    return MeteredPool
