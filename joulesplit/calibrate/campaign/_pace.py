"""How long what is left takes, by what the windows so far really took."""

from __future__ import annotations

EXPECTED_FOR_S = 20.0
"""What was expected counts as much as so many seconds of windows: the first of them tell little."""


class MeasuredPace:
    """The pace of a campaign: what its windows took, over what they were expected to.

    A busy machine, loading, journaling and windows that are run again take time that no plan knows.
    """

    def __init__(self) -> None:
        self._last: tuple[int, float] | None = None
        self._expected_s = self._taken_s = EXPECTED_FOR_S

    def remaining_s(self, now_ns: int, expected_s: float) -> float:
        """Return how long is left, s; call it before each window of a round.

        Args:
            now_ns: Time.
            expected_s: What is left of the round, by the plan.
        """
        if self._last is not None:
            began_ns, left_s = self._last
            self._taken_s += (now_ns - began_ns) * 1e-9
            self._expected_s += max(left_s - expected_s, 0.0)
        self._last = now_ns, expected_s
        return expected_s * self._taken_s / self._expected_s

    def pause(self) -> None:
        """Leave out what comes until the next call: no window of this round."""
        self._last = None
