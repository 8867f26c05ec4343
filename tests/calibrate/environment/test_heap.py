"""Memory that was freed goes back to the system."""

from __future__ import annotations

import ctypes
import os

import psutil
import pytest

from joulesplit.calibrate.environment import give_memory_back

PIECES, PIECE_BYTES = 400, 100_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc")
def test_what_lies_between_pieces_that_are_in_use_goes_back_too():
    """As interpreters that were let go lie between those that are kept."""
    freed, kept = [], []
    for _ in range(PIECES):
        freed.append(bytearray(PIECE_BYTES))
        kept.append(bytearray(1000))
    process = psutil.Process(os.getpid())
    freed.clear()
    before_bytes = process.memory_info().rss

    give_memory_back()

    assert before_bytes - process.memory_info().rss > PIECES * PIECE_BYTES / 2
    assert len(kept) == PIECES
