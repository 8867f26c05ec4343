"""The paths below ``/v2``: the Open Inference Protocol, for clients that are not ours.

What they say is in ``_open_inference``. Tails run where those of our own protocol do, in the same
queue and under the same token; whether the server lives and is ready anyone may ask.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version as installed_version
from typing import TYPE_CHECKING

import msgspec

from joulesplit.edge import _admission as admission
from joulesplit.edge import _open_inference as messages
from joulesplit.edge import _protocol as protocol
from joulesplit.edge.errors import ProtocolError, RequestRefusedError
from joulesplit.partition.errors import PartitionError

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from joulesplit.edge._tails import TailShelf


class InferencePaths:
    """Answers requests of the Open Inference Protocol with the tails of a shelf.

    Args:
        shelf: Runs the tails.
        queue: Where tails wait, shared with our own protocol.
        token: What clients must show; None for none.
        max_body_bytes: Longest request body, byte.
    """

    def __init__(
        self,
        shelf: TailShelf,
        queue: admission.TailQueue,
        token: str | None,
        max_body_bytes: int,
    ) -> None:
        self._shelf = shelf
        self._queue = queue
        self._token = token
        self._max_body_bytes = max_body_bytes

    def application(self) -> Starlette:
        """Return the application to mount; ``server`` answers for the path itself."""
        from starlette.applications import Starlette
        from starlette.exceptions import HTTPException
        from starlette.requests import ClientDisconnect

        return Starlette(
            routes=self._routes(),
            exception_handlers={
                RequestRefusedError: _answer_refusal,
                ProtocolError: _answer_failure,
                PartitionError: _answer_failure,
                ClientDisconnect: _answer_failure,
                HTTPException: _answer_no_page,
            },
        )

    def _routes(self) -> list[Route]:
        from starlette.routing import Route

        model, one = "/models/{name}", "/models/{name}/versions/{version}"
        routes = [
            Route("/health/live", _alive),
            Route("/health/ready", _alive),
        ]
        for path in (model, one):
            routes += [
                Route(path, self.model),
                Route(f"{path}/ready", self.ready),
                Route(f"{path}/infer", self.infer, methods=["POST"]),
            ]
        return routes

    async def server(self, request: Request) -> Response:
        """Answer with the server's metadata."""
        admission.check_token(request.headers, self._token)
        about = {
            "name": protocol.TOOL_NAME,
            "version": installed_version(protocol.TOOL_NAME),
            "extensions": messages.EXTENSIONS,
        }
        return _json(about)

    async def model(self, request: Request) -> Response:
        """Answer with a model's metadata."""
        sha256, after_operator = self._asked(request)
        versions = tuple(map(messages.version_of, self._shelf.cuts(sha256)))
        name = request.path_params["name"]
        return _json(messages.metadata(name, versions, self._ports(sha256, after_operator)))

    async def ready(self, request: Request) -> Response:
        """Answer whether a version can be run."""
        self._ports(*self._asked(request))
        return _json({"name": request.path_params["name"], "ready": True})

    async def infer(self, request: Request) -> Response:
        """Run a tail on the tensors of the request."""
        sha256, after_operator = self._asked(request)
        ports = self._ports(sha256, after_operator)
        if request.headers.get("content-encoding", "identity") != "identity":
            raise RequestRefusedError(
                protocol.Refusal.MALFORMED, "the body is compressed", "send it as it is"
            )
        length = admission.body_length(request.headers, self._max_body_bytes)
        admission.check_inference_length(length, ports.inputs)
        with self._queue.place(length):
            body = await request.body()
            content, json_bytes = await asyncio.to_thread(
                self._inferred, (sha256, after_operator), ports, body, request
            )
        headers = {}
        if json_bytes is not None:
            headers[messages.HEADER_LENGTH_HEADER] = str(json_bytes)
        kind = "application/json" if json_bytes is None else "application/octet-stream"
        return _response(content, kind, headers=headers)

    def _inferred(
        self, cut: tuple[str, int], ports: messages.Ports, body: bytes, request: Request
    ) -> tuple[bytes, int | None]:
        """Return an answer's body and the length of its JSON part; in a thread of the pool."""
        stated = request.headers.get(messages.HEADER_LENGTH_HEADER)
        asked, binary = messages.split_body(body, stated)
        tensors = messages.request_tensors(asked, binary, ports.inputs)
        outputs, _ = self._shelf.run(*cut, tensors)
        named = messages.renamed(outputs, ports.outputs)
        version = messages.version_of(cut[1])
        return messages.answer(request.path_params["name"], version, asked, named)

    def _asked(self, request: Request) -> tuple[str, int]:
        """Return SHA-256 and last operator of the head that a path names."""
        admission.check_token(request.headers, self._token)
        sha256 = self._shelf.named(request.path_params["name"])
        return sha256, messages.after_operator_of(request.path_params.get("version"))

    def _ports(self, sha256: str, after_operator: int) -> messages.Ports:
        inputs = self._shelf.crossing(sha256, after_operator)
        return messages.Ports(
            inputs=messages.distinct(inputs), outputs=messages.distinct(self._shelf.results(sha256))
        )


async def _alive(_: Request) -> Response:
    return _response(b"", "application/json")


def _response(
    content: bytes, kind: str, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    from starlette.responses import Response

    return Response(content, status, headers, kind)


def _json(answer: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return _response(msgspec.json.encode(answer), "application/json", status, headers)


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefusedError)
    refusal = protocol.Refusal(error.refusal)
    headers = {"Connection": "close"} if refusal in protocol.CLOSING else {}
    if refusal is protocol.Refusal.BUSY:
        headers["Retry-After"] = str(protocol.RETRY_AFTER_S)
    return _json({"error": str(error)}, protocol.STATUS[refusal], headers)


async def _answer_failure(_: Request, error: Exception) -> Response:
    return _json({"error": f"the tail could not be run: {error}"}, 500)


async def _answer_no_page(request: Request, error: Exception) -> Response:
    what = f"{request.method} {request.url.path[:80]} is no path of the Open Inference Protocol"
    return _json({"error": what}, getattr(error, "status_code", 404))
