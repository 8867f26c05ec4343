"""The edge server: takes uploads, runs tails, returns results."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from joulesplit.edge import _admission as admission
from joulesplit.edge import _protocol as protocol
from joulesplit.edge._bundle import TensorHeader, decode_body, decode_header, encode_bundle
from joulesplit.edge._certificate import ServerCertificate
from joulesplit.edge._doors import DEFAULT_LIMITS, Doors, ServerLimits, guarded_protocol
from joulesplit.edge._encoded import check_sent, decoded_tensors
from joulesplit.edge._inference_paths import InferencePaths
from joulesplit.edge._listening import listener_url, open_listener
from joulesplit.edge._metrics import CONTENT_TYPE, METRICS_PATH, Application, Served, ServerMetrics
from joulesplit.edge._receipts import ServerHealth
from joulesplit.edge._source import download
from joulesplit.edge._stopping import stop_at_end_of_stdin, stopping_quietly
from joulesplit.edge._tails import DEFAULT_OPTIONS, TailOptions, TailShelf
from joulesplit.edge.errors import EdgeConfigurationError, ProtocolError, RequestRefusedError
from joulesplit.partition import Encoding
from joulesplit.partition.errors import PartitionError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# Between two uploads a calibration may idle for minutes; a new connection would be paid for
# with the next one.
KEEP_ALIVE_S = 3600


class EdgeServer:
    """A server of models over HTTP until it is told to stop.

    Args:
        models: ``.tflite`` files whose tails it runs; without any it is a sink for uploads.
        host: Name or address to bind.
        port: TCP port; 0 lets the system choose.
        token: What clients must show; required unless ``host`` is a loopback address.
        max_body_bytes: Longest request body it takes, byte.
        tails: How tails run.
        limits: What it takes before it says no.
        certificate: To speak TLS with; None for plain HTTP.
        exit_when_stdin_closes: Stop when standard input ends, so as not to outlive the parent.

    Raises:
        EdgeConfigurationError: The token or limit cannot work.
        joulesplit.partition.errors.PartitionError: A model cannot be read.
    """

    def __init__(  # noqa: PLR0913 - one for each fact that only the caller knows
        self,
        models: Sequence[Path],
        *,
        host: str = "127.0.0.1",
        port: int = protocol.DEFAULT_PORT,
        token: str | None = None,
        max_body_bytes: int = protocol.DEFAULT_MAX_BODY_BYTES,
        tails: TailOptions = DEFAULT_OPTIONS,
        limits: ServerLimits = DEFAULT_LIMITS,
        certificate: ServerCertificate | None = None,
        exit_when_stdin_closes: bool = False,
    ) -> None:
        if token is not None:
            protocol.authorization(token)
        if max_body_bytes <= 0:
            raise EdgeConfigurationError(
                f"the longest body is {max_body_bytes} bytes; give a positive number"
            )
        self._host = host
        self._port = port
        self._token = token
        self._exit_when_stdin_closes = exit_when_stdin_closes
        self._limits = limits
        self._certificate = certificate
        self._context = certificate.context() if certificate else None
        shelf = TailShelf(models, options=tails, runner_bytes=limits.runner_bytes)
        self._endpoints = _Endpoints(shelf, token, max_body_bytes, limits)

    @property
    def served(self) -> Served:
        """What it has done so far."""
        return self._endpoints.served

    def serve(self, on_ready: Callable[[str], None]) -> int | None:
        """Serve in this thread until SIGINT, SIGTERM or the end of standard input.

        Args:
            on_ready: Called once with the URL, when connections are accepted.

        Returns:
            The signal that ended it; None if its standard input did.

        Raises:
            EdgeConfigurationError: No such port, or not a loopback address and no token.
            PortUnavailableError: The system refuses host or port.
        """
        import uvicorn

        with open_listener(self._host, self._port, has_token=self._token is not None) as listener:
            config = uvicorn.Config(
                self._endpoints.counted_application(),
                http=guarded_protocol(Doors(self._limits), self._limits, self._context),
                ws="none",
                lifespan="off",
                access_log=False,
                log_config=None,
                log_level="error",
                server_header=False,
                headers=[(protocol.VERSION_HEADER, str(protocol.PROTOCOL_VERSION))],
                backlog=self._limits.backlog,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=self._limits.grace_s,
            )
            server = uvicorn.Server(config)
            if self._exit_when_stdin_closes:
                stop_at_end_of_stdin(server)
            with stopping_quietly(server) as signals:
                on_ready(listener_url(listener, certificate=self._certificate))
                server.run(sockets=[listener])
        return next(iter(signals), None)


class _Endpoints:
    """What each path does; the wire format is in ``joulesplit.edge._protocol``."""

    def __init__(
        self, shelf: TailShelf, token: str | None, max_body_bytes: int, limits: ServerLimits
    ) -> None:
        self._shelf = shelf
        self._token = token
        self._max_body_bytes = max_body_bytes
        self._limits = limits
        self._queue = admission.TailQueue(limits.waiting_tails, limits.waiting_bytes)
        self._metrics = ServerMetrics(
            {
                "tails_waiting": ("Tails that run or wait to run.", self._queue.waiting),
                "runners": ("Interpreters of tails that are kept.", lambda: len(shelf.kept)),
                "models": ("Networks that are served.", lambda: len(shelf.models)),
            }
        )

    @property
    def served(self) -> Served:
        return self._metrics.served

    def counted_application(self) -> Application:
        return self._metrics.counting(self.application())

    def application(self) -> Starlette:
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.requests import ClientDisconnect
        from starlette.routing import Mount, Route

        inference = InferencePaths(self._shelf, self._queue, self._token, self._max_body_bytes)
        return Starlette(
            routes=[
                Route(protocol.HEALTH_PATH, self.health, methods=["GET"]),
                Route(protocol.MODELS_PATH, self.models, methods=["GET"]),
                Route(protocol.SINK_PATH, self.sink, methods=["POST"]),
                Route(protocol.SOURCE_PATH, self.source, methods=["GET"]),
                Route(protocol.TAIL_PATH, self.tail, methods=["POST"]),
                Route(METRICS_PATH, self.metrics, methods=["GET"]),
                Route(protocol.INFERENCE_PATH, inference.server, methods=["GET"]),
                Mount(protocol.INFERENCE_PATH, inference.application()),
            ],
            exception_handlers={
                RequestRefusedError: _answer_refusal,
                ProtocolError: _answer_malformed,
                PartitionError: _answer_failed_tail,
                HTTPException: _answer_no_page,
                # Nobody is left to read an answer; without a handler it would be logged.
                ClientDisconnect: _answer_malformed,
                Exception: _answer_internal,
            },
        )

    async def health(self, request: Request) -> Response:
        admission.check_token(request.headers, self._token)
        return _json(
            ServerHealth(
                tool=protocol.TOOL_NAME,
                protocol_version=protocol.PROTOCOL_VERSION,
                max_body_bytes=self._max_body_bytes,
                models=self._shelf.models,
                runtime=self._shelf.runtime,
            )
        )

    async def models(self, request: Request) -> Response:
        admission.check_token(request.headers, self._token)
        return _json(self._shelf.models)

    async def metrics(self, request: Request) -> Response:
        admission.check_token(request.headers, self._token)
        return _response(200, self._metrics.page(), CONTENT_TYPE, {})

    async def sink(self, request: Request) -> Response:
        self._admit(request)
        count = checksum = 0
        began_ns = time.perf_counter_ns()
        async for chunk in request.stream():
            count += len(chunk)
            checksum = crc32(chunk, checksum)
        answer = {"received_bytes": count, "crc32": f"{checksum:08x}"}
        received = protocol.received(count, checksum, _seconds_since(began_ns))
        return _json(answer, headers=received)

    async def source(self, request: Request) -> Response:
        admission.check_token(request.headers, self._token)
        count = admission.source_length(request.query_params, self._max_body_bytes)
        rate_bit_per_s = admission.source_rate(request.query_params)
        admission.check_duration(count, rate_bit_per_s, self._limits.source_s)
        return download(count, rate_bit_per_s)

    async def tail(self, request: Request) -> Response:
        self._admit(request)
        sha256 = request.path_params["sha256"]
        after_operator = admission.cut_position(request.query_params)
        encoding = admission.sent_encoding(request.query_params)
        entries = decode_header(request.headers.get(protocol.TENSORS_HEADER, ""))
        expected = self._shelf.crossing(sha256, after_operator)
        check_sent(entries, expected, encoding)
        length = admission.body_length(request.headers, self._max_body_bytes)
        admission.check_tail_length(length, entries)
        with self._queue.place(length):
            return await self._run_tail(request, (sha256, after_operator), entries, encoding)

    async def _run_tail(
        self,
        request: Request,
        cut: tuple[str, int],
        entries: tuple[TensorHeader, ...],
        encoding: Encoding | None,
    ) -> Response:
        began_ns = time.perf_counter_ns()
        body = await request.body()
        receive_s = _seconds_since(began_ns)
        expected = self._shelf.crossing(*cut)
        tensors = decoded_tensors(decode_body(entries, body), expected, encoding)
        outputs, compute_s = await asyncio.to_thread(self._shelf.run, *cut, tensors)
        header, content = encode_bundle(outputs)
        headers = {
            protocol.TENSORS_HEADER: header,
            protocol.COMPUTE_HEADER: repr(compute_s),
            **protocol.received(len(body), crc32(body), receive_s),
        }
        return _response(200, content, "application/octet-stream", headers)

    def _admit(self, request: Request) -> None:
        admission.body_length(request.headers, self._max_body_bytes)
        admission.check_token(request.headers, self._token)


def _seconds_since(began_ns: int) -> float:
    return (time.perf_counter_ns() - began_ns) * 1e-9


def _response(status: int, content: bytes, media_type: str, headers: dict[str, str]) -> Response:
    from starlette.responses import Response

    return Response(content, status, headers, media_type)


def _json(answer: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return _response(status, msgspec.json.encode(answer), "application/json", headers or {})


def _refuse(
    refusal: protocol.Refusal, message: str, hint: str, status: int | None = None
) -> Response:
    # Without a usable length there is no telling where the next request would begin, and a body
    # that is too long is not worth reading to find out.
    closes = refusal in protocol.CLOSING
    body = protocol.RefusalBody(error=refusal.value, message=message, hint=hint)
    headers = {"Connection": "close"} if closes else {}
    if refusal is protocol.Refusal.BUSY:
        headers["Retry-After"] = str(protocol.RETRY_AFTER_S)
    return _json(body, status or protocol.STATUS[refusal], headers)


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefusedError)
    return _refuse(protocol.Refusal(error.refusal), error.message, error.hint)


async def _answer_malformed(_: Request, error: Exception) -> Response:
    return _refuse(
        protocol.Refusal.MALFORMED, str(error), "install the same JouleSplit on both machines"
    )


async def _answer_no_page(request: Request, error: Exception) -> Response:
    return _refuse(
        protocol.Refusal.NO_SUCH_PAGE,
        f"{request.method} {request.url.path[:80]} is not served here",
        f"the paths of this server begin with {protocol.HEALTH_PATH[:4]}",
        getattr(error, "status_code", None),
    )


async def _answer_failed_tail(_: Request, error: Exception) -> Response:
    return _refuse(
        protocol.Refusal.INTERNAL,
        f"the server could not run the tail: {error}",
        "mend it on the server",
    )


async def _answer_internal(_: Request, error: Exception) -> Response:
    return _refuse(
        protocol.Refusal.INTERNAL,
        f"the server failed ({type(error).__name__})",
        "read the server's own output and report it",
    )
