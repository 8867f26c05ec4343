"""A moment by which an exchange has to be over, however slowly its bytes trickle."""

from __future__ import annotations

import time


class Deadline:
    """A stretch of time from now on.

    Args:
        within_s: Seconds from now.
    """

    def __init__(self, within_s: float) -> None:
        self._within_s = within_s
        self._end_ns = time.monotonic_ns() + int(within_s * 1e9)

    def remaining_s(self) -> float:
        """Return what is left, s.

        Raises:
            TimeoutError: Nothing is.
        """
        left_ns = self._end_ns - time.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError(f"timed out: not over after {self._within_s:.3g} s")
        return left_ns / 1e9
