"""What the link takes now, from the uploads that were made anyway. Pure.

The logarithm of the rate is followed by a Kalman filter of one state: between uploads it wanders
(its variance grows with time), each upload is an observation with a scatter of its own. The prior
is the profile's rate.
"""

from __future__ import annotations

from math import exp, isinf, log, sqrt

PRIOR_U = 0.5
"""Relative standard uncertainty of the profile's rate, for the link of another hour."""

SCATTER = 0.15
"""Relative scatter of the rate of one upload around the link's: airtime is shared, frames are
sent again."""

WANDER_PER_SQRT_S = 0.05
"""How far the rate wanders, relative, per square root of a second: a factor of two within some
four minutes. A person walking moves it faster, and then each upload outweighs what was known."""

SURPRISE = 4.0
"""An observation so many standard deviations off is a link that changed, not one that scatters:
what was known before is forgotten."""

ROUND_TRIP_MEMORY = 0.3
"""Weight of a new round trip against those before it."""


class LinkEstimate:
    """The link's rate and round trip, as they are known at a moment.

    Args:
        rate_bit_per_s: The prior, payload bits per second; infinite where nothing is known, as in
            a policy made by hand.
        relative_u: Its relative standard uncertainty.
        now_ns: The moment.
    """

    def __init__(
        self, rate_bit_per_s: float, *, relative_u: float = PRIOR_U, now_ns: int = 0
    ) -> None:
        self._log_rate, self._variance = log(rate_bit_per_s), relative_u**2
        self._at_ns = now_ns
        self.round_trip_s = 0.0
        """From the last bit sent to the answer, less the server's own time, s."""
        self.uploads = 0
        """How many it rests on."""

    @property
    def rate_bit_per_s(self) -> float:
        """Payload bits per second."""
        return exp(self._log_rate)

    def relative_u(self, now_ns: int) -> float:
        """Return the rate's relative standard uncertainty at a moment."""
        return sqrt(self._variance + self._wandered(now_ns))

    def _wandered(self, now_ns: int) -> float:
        return WANDER_PER_SQRT_S**2 * max(0, now_ns - self._at_ns) * 1e-9

    def uploaded(self, bits: int, transfer_s: float, now_ns: int) -> None:
        """Take in an upload that arrived.

        Args:
            bits: Of its payload.
            transfer_s: Its transfer time, s.
            now_ns: When it ended.
        """
        if bits <= 0 or transfer_s <= 0.0:
            return
        self._observe(log(bits / transfer_s), SCATTER**2, now_ns)
        self.uploads += 1

    def given_up(self, bits: int, after_s: float, now_ns: int) -> None:
        """Take in an upload that had not arrived after so long: the rate is below bits / time."""
        bound = log(bits / after_s) if bits > 0 and after_s > 0.0 else self._log_rate
        if bound < self._log_rate:
            self._observe(bound, SCATTER**2, now_ns)

    def _observe(self, log_rate: float, variance: float, now_ns: int) -> None:
        if isinf(self._log_rate):
            self._log_rate, self._variance, self._at_ns = log_rate, variance, now_ns
            return
        known = self._variance + self._wandered(now_ns)
        if abs(log_rate - self._log_rate) > SURPRISE * sqrt(known + variance):
            known = PRIOR_U**2
        gain = known / (known + variance)
        self._log_rate += gain * (log_rate - self._log_rate)
        self._variance, self._at_ns = (1.0 - gain) * known, now_ns

    def answered(self, round_trip_s: float) -> None:
        """Take in a round trip, s."""
        first = self.round_trip_s == 0.0
        self.round_trip_s += (1.0 if first else ROUND_TRIP_MEMORY) * (
            round_trip_s - self.round_trip_s
        )
