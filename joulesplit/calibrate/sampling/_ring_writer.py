"""The writing end of the ring of readings: without numpy, as all that the sampler process loads."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from joulesplit.calibrate.errors import SamplerError
from joulesplit.drivers.readings import Reading

PACKED_RECORD = struct.Struct("<qddiiii")
"""One reading; the same as ``joulesplit.calibrate.sampling.RECORD``."""

LOCK_TIMEOUT_S = 2.0
"""A writer that was killed inside the few microseconds it holds the lock never returns it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingMemory:
    """What two processes share of a ring; picklable while one is spawned.

    Attributes:
        records: The readings.
        count: How many were written so far.
        lock: Of the count.
        capacity: Readings held, a power of two.
    """

    records: Any
    count: Any
    lock: Any
    capacity: int

    def writer(self) -> RingWriter:
        """Return the writing side; to be made in the process that writes."""
        return RingWriter(self.records, self.count, self.lock, self.capacity)


class RingWriter:
    """The writing end of a ring; made by ``RingMemory.writer``, one per ring.

    The fields are packed straight into the memory: numpy takes three times as long for one record.

    Args:
        memory: Of the records.
        count: Readings written so far.
        lock: Of the count.
        capacity: Readings held.
    """

    def __init__(self, memory: Any, count: Any, lock: Any, capacity: int) -> None:
        self._memory = memoryview(memory).cast("B")
        self._pack_into = PACKED_RECORD.pack_into
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
        at = self._written % self._capacity * PACKED_RECORD.size
        self._pack_into(self._memory, at, t_ns, voltage_v, current_a, raw0, raw1, flags, late_us)
        self._written += 1
        # Hardly ever is it held, and to ask without a time limit is quicker.
        if not (self._acquire(False) or self._acquire(timeout=LOCK_TIMEOUT_S)):
            raise SamplerError("the reader of the ring holds its lock: it was stopped in the act")
        self._count.value = self._written
        self._release()
