"""Announcements of load, from the process that does the work to the one that simulates the chip.

Layout of the buffer, 64-bit words: ``written``, ``consumed``, two spare, then records of four:
start (ns), end (ns), power (W, float64), check. The check covers the three fields and the record's
number, so that the reader takes a record only once all of it has arrived, whatever the order
in which the other processor's stores become visible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from joulesplit.drivers.errors import LoadLogFullError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

WORD_BYTES = 8
HEADER_WORDS = 4
RECORD_WORDS = 4
WRITTEN = 0
CONSUMED = 1
CHECK_MASK = (1 << 63) - 1
CHECK_STEP = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio: consecutive numbers differ widely
DEFAULT_CAPACITY = 1 << 14

Segment = tuple[int, int, float]


def _check(number: int, start_ns: int, end_ns: int, power_bits: int) -> int:
    return ((start_ns ^ end_ns << 1 ^ power_bits) + (number + 1) * CHECK_STEP) & CHECK_MASK


class LoadLog:
    """Activity segments in a ring of fixed capacity: one writer, one reader, no lock.

    Both sides construct it over the same zeroed buffer; a shared one (``RawArray``, shared
    memory) joins two processes.

    Args:
        buffer: Writable buffer of at least one record; see ``bytes_needed``.
    """

    def __init__(self, buffer: WriteableBuffer) -> None:
        view = memoryview(buffer).cast("B")
        words = len(view) // WORD_BYTES
        self._capacity = (words - HEADER_WORDS) // RECORD_WORDS
        if self._capacity < 1:
            raise ValueError(f"a load log needs {self.bytes_needed(1)} bytes, got {len(view)}")
        whole = view[: words * WORD_BYTES]
        self._integers = whole.cast("q")
        self._floats = whole.cast("d")
        self._consumed = self._integers[CONSUMED]

    @classmethod
    def in_memory(cls, capacity: int = DEFAULT_CAPACITY) -> Self:
        """Return a log of ``capacity`` records for use inside one process."""
        return cls(bytearray(cls.bytes_needed(capacity)))

    @staticmethod
    def bytes_needed(capacity: int) -> int:
        """Return the size of a buffer for ``capacity`` records, bytes."""
        return (HEADER_WORDS + RECORD_WORDS * capacity) * WORD_BYTES

    @property
    def capacity(self) -> int:
        """Number of records that may wait for the reader."""
        return self._capacity

    def announce(self, t_start_ns: int, t_end_ns: int, power_w: float) -> None:
        """State that ``power_w`` above the baseline is drawn from start to end (writer side).

        Raises:
            ValueError: The segment ends before it starts.
            LoadLogFullError: The reader is a whole capacity behind.
        """
        if t_end_ns < t_start_ns:
            raise ValueError(f"segment ends {t_start_ns - t_end_ns} ns before it starts")
        words = self._integers
        number = words[WRITTEN]
        if number - words[CONSUMED] >= self._capacity:
            raise LoadLogFullError(
                f"{self._capacity} load segments wait unread; start the sensor that reads them, "
                "or make the log larger"
            )
        at = HEADER_WORDS + RECORD_WORDS * (number % self._capacity)
        words[at] = t_start_ns
        words[at + 1] = t_end_ns
        self._floats[at + 2] = power_w
        words[at + 3] = _check(number, t_start_ns, t_end_ns, words[at + 2])
        words[WRITTEN] = number + 1

    def take(self) -> list[Segment]:
        """Return the segments announced since the last call, in order (reader side)."""
        if self._integers[WRITTEN] == self._consumed:
            return []
        taken = []
        while (segment := self._next()) is not None:
            taken.append(segment)
            self._consumed += 1
        self._integers[CONSUMED] = self._consumed
        return taken

    def _next(self) -> Segment | None:
        words = self._integers
        if self._consumed >= words[WRITTEN]:
            return None
        at = HEADER_WORDS + RECORD_WORDS * (self._consumed % self._capacity)
        start_ns, end_ns, power_bits, check = words[at : at + RECORD_WORDS]
        if check != _check(self._consumed, start_ns, end_ns, power_bits):
            return None
        return start_ns, end_ns, self._floats[at + 2]
