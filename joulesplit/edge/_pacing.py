"""Send a payload at a stated rate.

The rule: let the first chunk be handed over at t0 and let B(k) be the bits of chunks 1…k.
Chunk k is handed over when the clock shows t0 + B(k−1)/rate, or at once if that has passed;
the transfer ends when the clock shows t0 + B(n)/rate, or at once if that has passed. The
schedule is absolute, so late wake-ups do not add up. A host or link that fell behind catches up
with chunks sent back to back, never beyond the schedule: at any time t at most
rate·(t − t0) bits plus one chunk have been handed over, so the mean rate since t0 never exceeds
the stated one by more than that chunk.

The schedule says when bytes are handed over, not when the link carries them. A socket takes bytes
that a slower link cannot, up to megabytes; a paced transfer's socket is bound to one chunk ahead
(``joulesplit.edge._kept_connection``), and what is in flight still comes on top. So whether the
rate was reached is never read off the schedule: the transfer time is measured
(``joulesplit.edge._transfer_facts``), and the measured rate stands beside the stated one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Protocol

from joulesplit.edge.errors import EdgeConfigurationError

CHUNK_DURATION_S = 0.01
BITS_PER_BYTE = 8
"""Payloads are counted in bits, bodies in bytes."""


class PacingClock(Protocol):
    """Time as a seam, so that tests never sleep."""

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC, ns."""

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at ``t_ns`` or as soon after it as the system allows."""


class HostClock:
    """The CLOCK_MONOTONIC of this machine."""

    def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC, ns."""
        return time.monotonic_ns()

    def sleep_until_ns(self, t_ns: int) -> None:
        """Return at ``t_ns`` or as soon after it as the system allows."""
        while (remaining_ns := t_ns - time.monotonic_ns()) > 0:
            time.sleep(remaining_ns / 1e9)


class PacedTransfer:
    """One payload on its way: its length, its chunks, and when they went.

    Iterate once. Between two chunks the iterator waits for the schedule, and after the last
    one until its airtime is over.

    Attributes:
        started_ns: When the first chunk was handed over; None before.
        ended_ns: When the last chunk's airtime was over; None before.
        rate_bit_per_s: Stated rate, bit/s; None for none.
        chunk_bytes: Length of a chunk, byte; None if the payload is one.
    """

    def __init__(self, payload: bytes, pacer: Pacer) -> None:
        self.started_ns: int | None = None
        self.ended_ns: int | None = None
        self.rate_bit_per_s = pacer.rate_bit_per_s
        self.chunk_bytes = pacer.chunk_bytes
        self._payload = payload
        self._pacer = pacer

    def __len__(self) -> int:
        return len(self._payload)

    def __iter__(self) -> Iterator[memoryview]:
        pacer, view = self._pacer, memoryview(self._payload)
        ended_ns = started_ns = self.started_ns = pacer.clock.now_ns()
        chunk_bytes = pacer.chunk_bytes or len(view)
        for offset in range(0, len(view), chunk_bytes):
            chunk = view[offset : offset + chunk_bytes]
            pacer.announce(len(chunk) * BITS_PER_BYTE)
            yield chunk
            ended_ns = pacer.wait(started_ns, (offset + len(chunk)) * BITS_PER_BYTE)
        self.ended_ns = ended_ns


class Pacer:
    """A giver of payloads at a stated rate; the module's docstring has the exact rule.

    Args:
        rate_bit_per_s: Payload rate, bit/s; None hands the payload over whole, as an inference
            does.
        clock: What to wait with.
        chunk_duration_s: Airtime of a full chunk, s; a chunk has at least one byte, so at low
            rates it lasts longer.
        on_chunk: Called before each chunk with its bits and its airtime, s (0 if there is no
            stated rate): how a simulated radio learns what is on the air.

    Raises:
        EdgeConfigurationError: The rate or the chunk duration is not a positive number.
    """

    def __init__(
        self,
        rate_bit_per_s: float | None,
        *,
        clock: PacingClock,
        chunk_duration_s: float = CHUNK_DURATION_S,
        on_chunk: Callable[[int, float], None] | None = None,
    ) -> None:
        for name, number in (("rate", rate_bit_per_s), ("chunk duration", chunk_duration_s)):
            if number is not None and not (isfinite(number) and number > 0):
                raise EdgeConfigurationError(
                    f"the {name} of an upload is {number}; give a positive number"
                )
        self.rate_bit_per_s = rate_bit_per_s
        self.clock = clock
        self.chunk_bytes: int | None = None
        if rate_bit_per_s is not None:
            self.chunk_bytes = max(1, int(rate_bit_per_s * chunk_duration_s / BITS_PER_BYTE))
        self._on_chunk = on_chunk

    def transfer(self, payload: bytes) -> PacedTransfer:
        """Return ``payload`` as chunks on this schedule."""
        return PacedTransfer(payload, self)

    def announce(self, bits: int) -> None:
        """Tell the hook that a chunk of ``bits`` is about to be handed over."""
        if self._on_chunk is not None:
            self._on_chunk(bits, bits / self.rate_bit_per_s if self.rate_bit_per_s else 0.0)

    def wait(self, started_ns: int, sent_bits: int) -> int:
        """Return when ``sent_bits`` since ``started_ns`` are on schedule.

        Returns:
            When their airtime was over, ns: the time on the schedule, or now if that has
            passed. How late this process wakes up is no airtime.
        """
        now_ns = self.clock.now_ns()
        if self.rate_bit_per_s is None:
            return now_ns
        due_ns = self.due_ns(started_ns, sent_bits)
        self.clock.sleep_until_ns(due_ns)
        return max(due_ns, now_ns)

    def due_ns(self, started_ns: int, sent_bits: int) -> int:
        """Return when ``sent_bits`` since ``started_ns`` are on schedule, ns."""
        if self.rate_bit_per_s is None:
            return started_ns
        return started_ns + round(sent_bits * 1e9 / self.rate_bit_per_s)
