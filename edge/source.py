"""Bytes for whoever measures downloads: random, so that nothing on the way can shorten them."""

from __future__ import annotations

import os
from functools import cache

from edge.pacing import UNPACED_CHUNK_BYTES


def random_bytes(count: int) -> bytes:
    """Return ``count`` bytes without structure, the same ones in every answer of a server."""
    block = _block()
    return (block * (count // len(block) + 1))[:count]


@cache
def _block() -> bytes:
    return os.urandom(UNPACED_CHUNK_BYTES)
