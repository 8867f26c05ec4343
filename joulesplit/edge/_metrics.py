"""What a server has done, for whoever runs it and for Prometheus.

The only user of prometheus-client, which is optional.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from joulesplit.edge import _protocol as protocol
from joulesplit.edge.errors import RequestRefusedError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

METRICS_PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FIRST_REFUSAL = 400
"""Least HTTP status of an answer that is none (RFC 9110, section 15)."""
DURATIONS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)

Message = MutableMapping[str, Any]
Application = Callable[[Message, Callable[..., Any], Callable[..., Any]], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Served:
    """What a server has done since it began.

    Attributes:
        requests: How many came.
        refused: Of them, how many were not answered as they were meant (HTTP status 400 and above,
            or broken off).
        received_bytes: Length of all their bodies, byte.
    """

    requests: int = 0
    refused: int = 0
    received_bytes: int = 0


class ServerMetrics:
    """Counts what passes an ASGI application; for Prometheus where prometheus-client is installed.

    Args:
        gauges: Names of figures that are read when they are asked for, with their meaning and how
            to read them.

    Attributes:
        served: What passed so far.
    """

    def __init__(self, gauges: dict[str, tuple[str, Callable[[], float]]]) -> None:
        self.served = Served()
        self._registry = _new_registry()
        if self._registry is None:
            return
        from prometheus_client import Counter, Gauge, Histogram

        registry = self._registry
        self._requests = Counter(
            "joulesplit_requests", "Requests answered.", ["path", "status"], registry=registry
        )
        self._received = Counter(
            "joulesplit_received_bytes", "Bodies of requests.", ["path"], registry=registry
        )
        self._durations_s = Histogram(
            "joulesplit_request_seconds",
            "From a request's head to the end of its answer.",
            ["path"],
            buckets=DURATIONS_S,
            registry=registry,
        )
        for name, (meaning, read) in gauges.items():
            Gauge(f"joulesplit_{name}", meaning, registry=registry).set_function(read)

    def page(self) -> bytes:
        """Return everything counted, in Prometheus' text format.

        Raises:
            RequestRefusedError: prometheus-client is not installed.
        """
        if self._registry is None:
            raise RequestRefusedError(
                protocol.Refusal.NO_SUCH_PAGE,
                "this server does not count: prometheus-client is not installed",
                'pip install "joulesplit[metrics]" on the server',
            )
        from prometheus_client import generate_latest

        return generate_latest(self._registry)

    def counting(self, application: Application) -> Application:
        """Return the application, every request of which is counted."""

        async def counted(scope: Message, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await application(scope, receive, send)
                return
            await self._counted(application, scope, receive, send)

        return counted

    async def _counted(
        self, application: Application, scope: Message, receive: Any, send: Any
    ) -> None:
        path = family(scope["path"])
        began_ns, status = time.perf_counter_ns(), 0

        async def receive_counting() -> Message:
            message: Message = await receive()
            self._count_received(path, len(message.get("body", b"")))
            return message

        async def send_counting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await application(scope, receive_counting, send_counting)
        finally:
            self._count_answer(path, status, (time.perf_counter_ns() - began_ns) * 1e-9)

    def _count_received(self, path: str, received_bytes: int) -> None:
        self.served.received_bytes += received_bytes
        if self._registry is not None:
            self._received.labels(path).inc(received_bytes)

    def _count_answer(self, path: str, status: int, took_s: float) -> None:
        """Count a request; a status of 0 is that of one that was never answered."""
        self.served.requests += 1
        self.served.refused += not 0 < status < FIRST_REFUSAL
        if self._registry is not None:
            self._requests.labels(path, str(status)).inc()
            self._durations_s.labels(path).observe(took_s)


def family(path: str) -> str:
    """Return which of the server's paths this is; whatever clients ask for, there are few."""
    known = (
        protocol.HEALTH_PATH,
        protocol.MODELS_PATH,
        protocol.SINK_PATH,
        protocol.SOURCE_PATH,
        METRICS_PATH,
    )
    if path in known:
        return path
    for prefix, end, name in (
        ("/v1/models/", "/tail", protocol.TAIL_PATH),
        (f"{protocol.INFERENCE_PATH}/models/", "/infer", f"{protocol.INFERENCE_PATH}/…/infer"),
        (protocol.INFERENCE_PATH, "", f"{protocol.INFERENCE_PATH}/…"),
    ):
        if path.startswith(prefix) and path.endswith(end):
            return name
    return "other"


def _new_registry() -> CollectorRegistry | None:
    try:
        from prometheus_client import CollectorRegistry
    except ImportError:
        return None
    return CollectorRegistry()
