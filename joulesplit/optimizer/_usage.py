"""How a split is used: what is sent, and what of the costs not per inference falls on one."""

from __future__ import annotations

import math
from dataclasses import dataclass

from joulesplit.optimizer.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class SentEncoded:
    """What goes up, sent in an encoding instead of as it is.

    Attributes:
        name: Of the encoding, e.g. ``float16``.
        bits: P_l as sent at l = 0 … L − 1, bit.
        encode_s: How long it takes to encode it, likewise, s.
        timed_on: The machine that took so long.
    """

    name: str
    bits: tuple[int, ...]
    encode_s: tuple[float, ...]
    timed_on: str

    def require_sensible(self, blocks: int) -> None:
        """Check the figures of a network of that many blocks.

        Raises:
            InvalidInputError: They are not one for each upload, or one makes no sense.
        """
        if not len(self.bits) == len(self.encode_s) == blocks:
            raise InvalidInputError(
                f"{self.name} has {len(self.bits)} sizes and {len(self.encode_s)} times for "
                f"{blocks} uploads; give one each, of the input and of all blocks but the last"
            )
        if not all(bits > 0 for bits in self.bits):
            raise InvalidInputError(f"{self.name} sends {min(self.bits)} bit; give positive sizes")
        if not all(math.isfinite(time_s) and time_s >= 0.0 for time_s in self.encode_s):
            raise InvalidInputError(f"{self.name}: give zero or more seconds for every upload")


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How inferences follow each other, and how long the server takes.

    Attributes:
        uploads_per_burst: Uploads that follow each other before the radio goes back to sleep;
            1 is an inference now and then, which wakes the radio and pays for its tail alone.
        uploads_per_connection: Uploads before the connection is made anew; None keeps it open.
        server_wait_s: From the last bit sent to the first bit of the answer, s; None if not
            known, and then not counted.
        input_bits: Upload of full offload in the user's own encoding, bit; None takes the
            network's input as it is.
        encoding: How everything else that crosses is sent, and the input too if ``input_bits``
            is None; None sends it as it is.
        rate_bit_per_s: Payload bits per second going up; None takes the rate that the profile
            states E_c at, or the fastest measured if none reached that.
        period_s: From one inference to the next, s: the idle power of all that time counts, and
            each starts alone; None if it is not known.
        back_to_back: The next inference begins when one ends: the idle power of that time counts.
            With neither, what counts is the energy of an inference itself.
        runtime: Name of the runtime that it will be run with; None takes that of the profile.
        threads: Its threads; None likewise.
    """

    uploads_per_burst: float = 1.0
    uploads_per_connection: float | None = None
    server_wait_s: float | None = None
    input_bits: int | None = None
    encoding: SentEncoded | None = None
    rate_bit_per_s: float | None = None
    period_s: float | None = None
    back_to_back: bool = False
    runtime: str | None = None
    threads: int | None = None

    @property
    def counts_idle(self) -> bool:
        """Whether the idle power from one inference to the next counts."""
        return self.back_to_back or self.period_s is not None

    def require_sensible(self) -> None:
        """Check the figures.

        Raises:
            InvalidInputError: One of them makes no sense.
        """
        counts = {
            "uploads_per_burst": self.uploads_per_burst,
            "uploads_per_connection": self.uploads_per_connection,
        }
        for name, count in counts.items():
            if count is not None and not (math.isfinite(count) and count >= 1.0):
                raise InvalidInputError(f"{name} is {count}; give one or more")
        wait_s = self.server_wait_s
        if wait_s is not None and not (math.isfinite(wait_s) and wait_s >= 0.0):
            raise InvalidInputError(f"server_wait_s is {wait_s}; give zero or more seconds")
        rate = self.rate_bit_per_s
        if rate is not None and not (math.isfinite(rate) and rate > 0.0):
            raise InvalidInputError(f"rate_bit_per_s is {rate}; give a positive rate")
        if self.period_s is not None:
            self._require_period(self.period_s)
        if self.input_bits is not None and self.input_bits <= 0:
            raise InvalidInputError(
                f"the input has {self.input_bits} bit; state the positive size you would upload"
            )

    def _require_period(self, period_s: float) -> None:
        if self.back_to_back:
            raise InvalidInputError(
                "inferences follow each other back to back or in a stated period: give one of both"
            )
        if not (math.isfinite(period_s) and period_s > 0.0):
            raise InvalidInputError(f"a period of {period_s} s cannot be; give a positive time")

    @property
    def connections_per_upload(self) -> float:
        """New connections per upload."""
        return 0.0 if self.uploads_per_connection is None else 1.0 / self.uploads_per_connection
