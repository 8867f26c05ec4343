"""A ring of readings in memory that two processes share: one writes, one reads."""

from __future__ import annotations

from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibrate.errors import SamplerError
from calibrate.trace import RECORD

RING_RECORDS = 1 << 16
"""Readings the ring holds: ten minutes at 111 readings per second."""

LOCK_TIMEOUT_S = 2.0
"""A writer that was killed inside the few microseconds it holds the lock never returns it."""


class ReadingRing:
    """Shared-memory ring; may be handed to a spawned process, where it is the same memory.

    The lock is there for its memory barrier: on a processor that reorders stores, the count
    must not be seen before the record it announces.

    Args:
        context: Of the process that will write.
        capacity: Readings held, a power of two.
    """

    def __init__(self, context: SpawnContext, capacity: int = RING_RECORDS) -> None:
        self._capacity = capacity
        self._records_memory: Any = context.RawArray("B", capacity * RECORD.itemsize)
        self._count: Any = context.RawValue("q", 0)
        self._lock = context.Lock()

    def _records(self) -> NDArray[np.void]:
        return np.frombuffer(self._records_memory, dtype=RECORD)

    def append(self, record: tuple[float, ...]) -> None:
        """Write one reading; overwrites the oldest when the ring is full."""
        count = self._count.value
        self._records()[count % self._capacity] = record
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise SamplerError("the reader of the ring holds its lock: it was stopped in the act")
        self._count.value = count + 1
        self._lock.release()

    def written(self) -> int:
        """Return how many readings have been written since the start."""
        if not self._lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise SamplerError("the sampler process was killed while it wrote a reading")
        count = int(self._count.value)
        self._lock.release()
        return count

    def copy(self, first: int, end: int) -> NDArray[np.void]:
        """Return the readings number ``first`` to ``end`` − 1.

        Raises:
            SamplerError: They have been overwritten.
        """
        indices = np.arange(first, end) % self._capacity
        records = self._records()[indices].copy()
        if self.written() - first > self._capacity - 1:
            raise SamplerError(
                f"more than {self._capacity - 1} readings were not collected in time: "
                "shorten the windows"
            )
        return records
