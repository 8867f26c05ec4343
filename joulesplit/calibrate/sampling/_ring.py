"""A ring of readings in memory that two processes share: one writes, one reads."""

from __future__ import annotations

import struct
from multiprocessing.context import SpawnContext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import SamplerError
from joulesplit.calibrate.sampling._trace import RECORD, RECORD_FORMAT
from joulesplit.drivers.readings import Reading

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

    @property
    def safe_records(self) -> int:
        """Readings that can be copied before the writer catches up with them."""
        return self._capacity * 3 // 4

    def _records(self) -> NDArray[np.void]:
        return np.frombuffer(self._records_memory, dtype=RECORD)

    def writer(self) -> RingWriter:
        """Return the writing side; to be made in the process that writes."""
        return RingWriter(self._records_memory, self._count, self._lock, self._capacity)

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


class RingWriter:
    """The writing end of a ring; made by ``ReadingRing.writer``, one per ring.

    The fields are packed straight into the memory: numpy takes three times as long for one record.

    Args:
        memory: Of the records.
        count: Readings written so far.
        lock: Of the count.
        capacity: Readings held.
    """

    def __init__(self, memory: Any, count: Any, lock: Any, capacity: int) -> None:
        self._memory = memoryview(memory).cast("B")
        self._pack_into = struct.Struct(RECORD_FORMAT).pack_into
        self._count = count
        self._acquire, self._release = lock.acquire, lock.release
        self._capacity = capacity
        self._written = int(count.value)

    def append(self, reading: Reading, late_us: int) -> None:
        """Write one reading; overwrites the oldest when the ring is full.

        Args:
            reading: What the sensor delivered.
            late_us: From the end of its conversion until it was here, µs.

        Raises:
            SamplerError: The reader of the ring was stopped while it held the lock.
        """
        t_ns, raw, voltage_v, current_a, flags = reading
        raw0, raw1 = raw if len(raw) == 2 else (*raw, 0, 0)[:2]
        at = self._written % self._capacity * RECORD.itemsize
        self._pack_into(self._memory, at, t_ns, voltage_v, current_a, raw0, raw1, flags, late_us)
        self._written += 1
        # Hardly ever is it held, and to ask without a time limit is quicker.
        if not (self._acquire(False) or self._acquire(timeout=LOCK_TIMEOUT_S)):
            raise SamplerError("the reader of the ring holds its lock: it was stopped in the act")
        self._count.value = self._written
        self._release()
