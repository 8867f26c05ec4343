"""Bytes for whoever measures downloads: random, so that nothing on the way can shorten them."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from joulesplit.edge._pacing import HostClock, Pacer

if TYPE_CHECKING:
    from starlette.responses import Response

BLOCK_BYTES = 64 * 1024


def random_bytes(count: int) -> bytes:
    """Return ``count`` bytes without structure, the same ones in every answer of a server."""
    block = _block()
    return (block * (count // len(block) + 1))[:count]


def download(count: int, rate_bit_per_s: float | None) -> Response:
    """Return the answer with ``count`` bytes.

    Args:
        count: How many.
        rate_bit_per_s: How fast they are handed over; None for at once.
    """
    from starlette.responses import Response, StreamingResponse

    content, kind = random_bytes(count), "application/octet-stream"
    if rate_bit_per_s is None:
        return Response(content, media_type=kind)
    chunks = Pacer(rate_bit_per_s, clock=HostClock()).transfer(content)
    # The iterator waits in a thread of the framework's, not in the loop that serves the others.
    return StreamingResponse(iter(chunks), headers={"Content-Length": str(count)}, media_type=kind)


@cache
def _block() -> bytes:
    return os.urandom(BLOCK_BYTES)
