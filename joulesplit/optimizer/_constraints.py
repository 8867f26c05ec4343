"""Limits a split must keep."""

from __future__ import annotations

import math
from dataclasses import dataclass

from joulesplit.optimizer.errors import InvalidConstraintError

PERCENTS = (50, 95, 99)
"""Percentiles of transfer times that a profile has: so many of a hundred take no longer."""


ROUNDED_OFF = 1e-12
"""What sums of times, and differences of energies, are off by at most, relative to these."""


def takes_longer(time_s: float, limit_s: float) -> bool:
    """Say whether a time is above a limit by more than sums of times are rounded."""
    return time_s > limit_s * (1.0 + ROUNDED_OFF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What the user will not give up; None is no limit.

    Attributes:
        min_block: At least so many blocks stay on the device. Not privacy: a network may hand its
            input on past its first blocks.
        max_block: At most so many blocks run on the device.
        max_latency_s: Longest time of an inference, s: computing on the device, sending, and as
            far as they are known the server's time and the answer's way back.
        latency_percentile: So many of a hundred inferences have to keep it, 50, 95 or 99, at the
            upper end of what the profile knows of their time.
        max_upload_bits: Most that may go up per inference, bit.
        min_agreement: Least probability, from 0 to 1, that the answer is what it is without an
            encoding, at the lower end of its 95 % interval. Where what was run does not show it,
            or nothing was run, what crosses is sent as it is; a form of the input that does not
            keep it is not allowed.
        in_period: An inference has to be over, on average, before the next one begins, if the usage
            has a period.
        keep_local: Names of tensors whose values must not leave the device; ``input`` is the
            network's input.
    """

    min_block: int | None = None
    max_block: int | None = None
    max_latency_s: float | None = None
    latency_percentile: int = 95
    max_upload_bits: int | None = None
    min_agreement: float | None = None
    in_period: bool = True
    keep_local: tuple[str, ...] = ()

    def require_sensible(self, last_block: int) -> None:
        """Check the limits against a network of ``last_block`` blocks.

        Raises:
            InvalidConstraintError: One of them makes no sense.
        """
        low = 0 if self.min_block is None else self.min_block
        high = last_block if self.max_block is None else self.max_block
        if not 0 <= low <= high <= last_block:
            raise InvalidConstraintError(
                f"cannot keep between {low} and {high} blocks on the device: the network has "
                f"{last_block}; use 0 ≤ min_block ≤ max_block ≤ {last_block}"
            )
        if self.max_latency_s is not None and not (
            math.isfinite(self.max_latency_s) and self.max_latency_s > 0.0
        ):
            raise InvalidConstraintError(
                f"max_latency_s is {self.max_latency_s}; give a positive time in seconds"
            )
        if self.latency_percentile not in PERCENTS:
            raise InvalidConstraintError(
                f"latency_percentile is {self.latency_percentile}; a profile knows those of "
                f"{', '.join(map(str, PERCENTS))} of a hundred"
            )
        if self.max_upload_bits is not None and self.max_upload_bits < 0:
            raise InvalidConstraintError(
                f"max_upload_bits is {self.max_upload_bits}; give zero or more bits"
            )
        self._require_share()

    def _require_share(self) -> None:
        if self.min_agreement is not None and not 0.0 <= self.min_agreement <= 1.0:
            raise InvalidConstraintError(
                f"min_agreement is {self.min_agreement}; give a share from 0 to 1"
            )

    def violations(
        self,
        *,
        block: int,
        upload_bits: int,
        latency_s: float | None,
        leaks: bool = False,
        agrees: float = 1.0,
    ) -> tuple[str, ...]:
        """Name the limits that a split breaks.

        Args:
            block: l.
            upload_bits: What it sends, bit.
            latency_s: Its time that the limit is held against, s; needed with ``max_latency_s``.
            leaks: Something crosses that ``keep_local`` names.
            agrees: So often at least the answer stays.
        """
        broken = {
            "min_block": self.min_block is not None and block < self.min_block,
            "max_block": self.max_block is not None and block > self.max_block,
            "max_latency_s": self.max_latency_s is not None
            and latency_s is not None
            and takes_longer(latency_s, self.max_latency_s),
            "max_upload_bits": self.max_upload_bits is not None
            and upload_bits > self.max_upload_bits,
            "min_agreement": self.min_agreement is not None and agrees < self.min_agreement,
            "keep_local": leaks,
        }
        return tuple(name for name, is_broken in broken.items() if is_broken)
