"""What a Wi-Fi radio costs besides the bits: waking up, frames sent again, the tail.

The radio sleeps when nothing was sent for a while (802.11 power save); the first frame after
that has to wake it. After the last byte it stays awake for the tail. Both belong to a burst of
uploads, not to a bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from joulesplit.drivers.simulated._clock import S_PER_NS

FRAME_BITS = 12_000.0
"""A full frame of 1500 bytes: what is sent again as one."""

Announce = Callable[[int, int, float], None]
"""Puts a stretch of load into the world: from [ns], until [ns], power above idle [W]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RadioParameters:
    """The radio; every figure is an assumption of the simulation, 0 leaves an effect out.

    Attributes:
        bit_energy_j: e_bit of a frame, spent once more for each time it is sent again, J/bit.
        retransmitted_share: Mean number of times a frame is sent again.
        sleep_after_s: Silence after which it sleeps, s.
        wake_s: Time to wake up, s.
        wake_power_w: Power above idle meanwhile, W.
        tail_s: Awake after the last byte, s.
        tail_power_w: Power above idle meanwhile, W.
    """

    bit_energy_j: float
    retransmitted_share: float = 0.0
    sleep_after_s: float = 0.1
    wake_s: float = 0.0
    wake_power_w: float = 0.0
    tail_s: float = 0.0
    tail_power_w: float = 0.0

    @property
    def burst_j(self) -> float:
        """Energy of a burst of uploads that is neither of an upload nor of a bit, J."""
        return self.wake_s * self.wake_power_w + self.tail_s * self.tail_power_w


class SimulatedRadio:
    """The load that uploads cause beyond the costs of their bits.

    Args:
        parameters: The radio.
        announce: Where load goes.
        seed: Of the frames that are sent again.
    """

    def __init__(self, parameters: RadioParameters, announce: Announce, *, seed: int) -> None:
        self._parameters = parameters
        self._announce = announce
        self._random = np.random.default_rng([seed, 802])
        self._quiet_from_ns: int | None = None
        self._tail_end_ns = 0

    def wake(self, now_ns: int) -> int:
        """Wake up if asleep; return when the radio is ready, ns."""
        parameters = self._parameters
        quiet_s = (
            float("inf")
            if self._quiet_from_ns is None
            else (now_ns - self._quiet_from_ns) * S_PER_NS
        )
        if not parameters.wake_s or quiet_s < parameters.sleep_after_s:
            return now_ns
        ready_ns = now_ns + round(parameters.wake_s / S_PER_NS)
        self._announce(now_ns, ready_ns, parameters.wake_power_w)
        self._quiet_from_ns = ready_ns
        return ready_ns

    def on_air(self, start_ns: int, end_ns: int, bits: int) -> None:
        """Spend what sending ``bits`` from start to end costs beyond their own energy."""
        self._send_again(start_ns, end_ns, bits)
        self._move_tail(start_ns, end_ns)
        self._quiet_from_ns = end_ns

    def _send_again(self, start_ns: int, end_ns: int, bits: int) -> None:
        mean = self._parameters.retransmitted_share * bits / FRAME_BITS
        if not mean or end_ns <= start_ns:
            return
        again_j = self._random.poisson(mean) * FRAME_BITS * self._parameters.bit_energy_j
        self._announce(start_ns, end_ns, again_j / ((end_ns - start_ns) * S_PER_NS))

    def _move_tail(self, start_ns: int, end_ns: int) -> None:
        """Let the tail end later; what of the old one lies under the new bits is taken back."""
        parameters = self._parameters
        if not parameters.tail_s:
            return
        tail_end_ns = end_ns + round(parameters.tail_s / S_PER_NS)
        covered_ns = min(self._tail_end_ns, end_ns)
        if covered_ns > start_ns:
            self._announce(start_ns, covered_ns, -parameters.tail_power_w)
        self._announce(max(end_ns, self._tail_end_ns), tail_end_ns, parameters.tail_power_w)
        self._tail_end_ns = tail_end_ns
