"""Tails on the server, with a deadline that holds whatever the server does.

The exchange runs in a thread with a connection of its own. When the time is over the caller goes
on; the connection is closed under the thread, which then ends by itself, and the next exchange gets
a new one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from joulesplit.edge import EdgeClient, NamedTensor, TailRuntime
from joulesplit.edge.errors import EdgeError, ServerLacksModelError, ServerUnreachableError
from joulesplit.partition.errors import EncodingError

if TYPE_CHECKING:
    from joulesplit.edge import TailResult
    from joulesplit.partition import Encoding

MOST_ABANDONED = 8
"""Exchanges that were given up and have not ended; beyond it the server is not asked."""


class LateError(EdgeError, TimeoutError):
    """No answer came in the time there was."""


class RemoteTails:
    """The tails of one network on one server; for one thread at a time.

    Args:
        url: Of the server.
        token: Of the server; None if it wants none.
        sha256: Of the network's file.
        timeout_s: Longest silence of the server inside an exchange, s.
        check_runtime: Given what the server computes with, before it is sent anything; raises
            where its results are not wanted.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None,
        sha256: str,
        timeout_s: float,
        check_runtime: Callable[[TailRuntime | None], None],
    ) -> None:
        self.url = url
        self._token, self._sha256, self._timeout_s = token, sha256, timeout_s
        self._check_runtime = check_runtime
        self._client: EdgeClient | None = None
        self._abandoned: list[threading.Thread] = []
        self.left_bits = 0
        """Payload that the last ``run`` sent on its way, bit, whether it arrived or not."""

    def run(
        self,
        after_operator: int,
        tensors: Sequence[NamedTensor],
        *,
        patience_s: float,
        encoding: Encoding | None = None,
    ) -> TailResult:
        """Run a tail, and wait no longer than that for its results.

        A connection that rested may be gone without a word: the server makes place, or was
        started anew. Then one new one is tried.

        Args:
            after_operator: The last one that ran here; −1 for none.
            tensors: What crosses.
            patience_s: Longest wait for the results, s.
            encoding: How to send it; None for as it is.

        Raises:
            EncodingError: The encoding cannot hold a number; nothing was sent.
            LateError: None came in that time.
            EdgeError: The server cannot be reached, refused, or serves other networks.
            AnotherRuntimeError: ``check_runtime`` wants no results of this server.
        """
        self.left_bits = 0
        rested, began_ns = self._client is not None, time.monotonic_ns()
        try:
            return self._exchange(after_operator, tensors, patience_s, encoding)
        except ServerUnreachableError:
            if not rested:
                raise
        left_s = patience_s - (time.monotonic_ns() - began_ns) * 1e-9
        return self._exchange(after_operator, tensors, max(0.0, left_s), encoding)

    def _exchange(
        self,
        after_operator: int,
        tensors: Sequence[NamedTensor],
        patience_s: float,
        encoding: Encoding | None,
    ) -> TailResult:
        self._require_few_abandoned()
        answers: SimpleQueue[TailResult | BaseException] = SimpleQueue()
        client = self._client or EdgeClient(self.url, token=self._token, timeout_s=self._timeout_s)
        greet = partial(self._greet, client) if self._client is None else None
        self._client = client
        ask = partial(client.run_tail, self._sha256, after_operator, tensors, encoding=encoding)
        thread = threading.Thread(
            target=_answered, args=(answers, greet, ask), name="joulesplit-tail", daemon=True
        )
        thread.start()
        try:
            answer = answers.get(timeout=patience_s)
        except Empty:
            self._abandoned.append(thread)
            self._end(client)
            raise LateError(
                f"{self.url} had not answered after {patience_s:.3g} s: the result is computed here"
            ) from None
        if isinstance(answer, BaseException):
            # Of what could not be encoded nothing was sent: the connection is as it was.
            if not isinstance(answer, EncodingError):
                self._end(client)
            raise answer
        self.left_bits += 8 * answer.receipt.payload_bytes
        return answer

    def _require_few_abandoned(self) -> None:
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= MOST_ABANDONED:
            raise LateError(f"{self.url} holds {MOST_ABANDONED} exchanges that were given up")

    def _end(self, client: EdgeClient) -> None:
        """Close a connection whose exchange failed, and keep what had left by then."""
        self.close()
        self.left_bits += 8 * client.payload_left_bytes()

    def _greet(self, client: EdgeClient) -> None:
        """Ask a server that is new, or back, whether it is the one that is meant."""
        health = client.health()
        if all(model.sha256 != self._sha256 for model in health.models):
            raise ServerLacksModelError(
                f"{self.url} does not serve the network with SHA-256 {self._sha256[:16]}…: start "
                "`joulesplit serve` there with that file",
                code="unknown-model",
                status=404,
            )
        self._check_runtime(health.runtime)

    def close(self) -> None:
        """Close the connection; the next exchange makes a new one."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _answered(
    answers: SimpleQueue[TailResult | BaseException],
    greet: Callable[[], None] | None,
    ask: Callable[[], TailResult],
) -> None:
    """Put the answer where it is waited for, or why there is none."""
    try:
        if greet is not None:
            greet()
        answers.put(ask())
    except BaseException as error:  # noqa: BLE001  (raised again where it is waited for)
        answers.put(error)
