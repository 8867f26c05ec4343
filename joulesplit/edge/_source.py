"""Bytes for whoever measures downloads: random, so that nothing on the way can shorten them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from functools import cache
from typing import TYPE_CHECKING

from joulesplit.edge._pacing import BITS_PER_BYTE, HostClock, Pacer

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
    headers = {"Content-Length": str(count)}
    return StreamingResponse(_paced(content, rate_bit_per_s), headers=headers, media_type=kind)


async def _paced(content: bytes, rate_bit_per_s: float) -> AsyncIterator[bytes]:
    """Yield content on the schedule of ``_pacing``, asleep without a thread."""
    pacer = Pacer(rate_bit_per_s, clock=HostClock())
    view, began_ns = memoryview(content), pacer.clock.now_ns()
    chunk_bytes = pacer.chunk_bytes or len(view)
    for offset in range(0, len(view), chunk_bytes):
        chunk = bytes(view[offset : offset + chunk_bytes])
        yield chunk
        due_ns = pacer.due_ns(began_ns, (offset + len(chunk)) * BITS_PER_BYTE)
        while (left_ns := due_ns - pacer.clock.now_ns()) > 0:
            await asyncio.sleep(left_ns * 1e-9)


@cache
def _block() -> bytes:
    return os.urandom(BLOCK_BYTES)
