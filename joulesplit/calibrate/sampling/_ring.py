"""A ring of readings in memory that two processes share: one writes, one reads."""

from __future__ import annotations

from multiprocessing.context import SpawnContext

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import SamplerError
from joulesplit.calibrate.sampling._ring_writer import LOCK_TIMEOUT_S, RingMemory, RingWriter
from joulesplit.calibrate.sampling._trace import RECORD

RING_RECORDS = 1 << 16
"""Readings the ring holds: ten minutes at 111 readings per second."""


class ReadingRing:
    """Shared-memory ring; its ``memory`` is what a spawned process is handed that writes.

    The lock is there for its memory barrier: on a processor that reorders stores, the count
    must not be seen before the record it announces.

    Args:
        context: Of the process that will write.
        capacity: Readings held, a power of two.

    Attributes:
        memory: That both processes see.
    """

    def __init__(self, context: SpawnContext, capacity: int = RING_RECORDS) -> None:
        self._capacity = capacity
        self.memory = RingMemory(
            records=context.RawArray("B", capacity * RECORD.itemsize),
            count=context.RawValue("q", 0),
            lock=context.Lock(),
            capacity=capacity,
        )

    @property
    def safe_records(self) -> int:
        """Readings that can be copied before the writer catches up with them."""
        return self._capacity * 3 // 4

    def _records(self) -> NDArray[np.void]:
        return np.frombuffer(self.memory.records, dtype=RECORD)

    def writer(self) -> RingWriter:
        """Return the writing side; to be made in the process that writes."""
        return self.memory.writer()

    def written(self) -> int:
        """Return how many readings have been written since the start."""
        if not self.memory.lock.acquire(timeout=LOCK_TIMEOUT_S):
            raise SamplerError("the sampler process was killed while it wrote a reading")
        count = int(self.memory.count.value)
        self.memory.lock.release()
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
