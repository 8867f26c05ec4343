"""When to leave a failing server alone, and when to try it again. Pure."""

from __future__ import annotations

FIRST_WAIT_S = 1.0
"""Until the first retry: a server that is restarted is back in about that."""

LONGEST_WAIT_S = 60.0


class CircuitBreaker:
    """Closed while the server answers, open after a failure, half open for one try at a time.

    Each failure of a try doubles the wait, so that a server that is gone costs a try a minute.

    Args:
        first_wait_s: From the first failure to the first retry, s.
        longest_wait_s: Longest wait, s.
    """

    def __init__(
        self, *, first_wait_s: float = FIRST_WAIT_S, longest_wait_s: float = LONGEST_WAIT_S
    ) -> None:
        self._first_wait_s, self._longest_wait_s = first_wait_s, longest_wait_s
        self._wait_s = 0.0
        self._retry_ns: int | None = None

    def allows(self, now_ns: int) -> bool:
        """Return whether the server may be asked now."""
        return self._retry_ns is None or now_ns >= self._retry_ns

    @property
    def is_closed(self) -> bool:
        """The last try succeeded, or there was none."""
        return self._retry_ns is None

    def succeeded(self) -> None:
        """Close: the server answered."""
        self._wait_s, self._retry_ns = 0.0, None

    def failed(self, now_ns: int) -> None:
        """Open, or stay open for longer."""
        doubled_s = 2.0 * self._wait_s or self._first_wait_s
        self._wait_s = min(doubled_s, self._longest_wait_s)
        self._retry_ns = now_ns + round(self._wait_s * 1e9)
