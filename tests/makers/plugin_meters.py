"""Power meters as plug-ins bring them, in virtual time, with what such meters do to a signal.

Written from what the meters do, not from how they are judged: transport over a radio delays, a
display's filter of first order smooths, a firmware renews its value by a clock of its own, a unit
mistaken by a thousand gives absurd values. Left out: jitter of the transport, values that are
interpolated between two samples, clocks that drift.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from joulesplit.calibrate.workloads import WorkDone
from joulesplit.drivers.readings import Reading, SensorDescription
from joulesplit.drivers.simulated import SimulatedClock

VOLTAGE_V = 5.0
IDLE_W, BUSY_W, WORK_W = 2.0, 0.8, 4.0
NS = 1_000_000_000


class Device:
    """A device whose power is idle, and more while it is busy or works.

    Args:
        clock: Time.
    """

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self._edges_s, self._powers_w = [0.0], [IDLE_W]

    def busy(self, clock: SimulatedClock, until_ns: int) -> None:
        """Keep a processor busy until a time, ns."""
        self._draw(BUSY_W, until_ns)

    def run(self, repetitions: int) -> WorkDone:
        """Work for a second: 4 J above idle."""
        started_ns = self.clock.now_ns()
        self._draw(WORK_W, started_ns + repetitions * NS)
        return WorkDone(
            started_ns=started_ns, ended_ns=self.clock.now_ns(), repetitions=repetitions
        )

    def _draw(self, more_w: float, until_ns: int) -> None:
        self._edges_s += [self.clock.now_ns() / NS, until_ns / NS]
        self._powers_w += [IDLE_W + more_w, IDLE_W]
        self.clock.sleep_until_ns(until_ns)

    def power_w(self, t_s: float) -> float:
        """Return the power at a time, W."""
        return self._powers_w[max(bisect_right(self._edges_s, t_s) - 1, 0)]


@dataclass
class Meter:
    """A meter of a device, opened with ``with``; polled at an even pace.

    Attributes:
        device: What it measures.
        delay_s: Of its transport, s.
        time_constant_s: Of its filter of first order, s.
        renewed_s: From one new value to the next, s; 0 for one at every poll.
        gain: Of its values.
        noise_w: Standard deviation of a value, W.
        step_w: Its values are whole multiples of, W.
        cycle_s: From poll to poll, as it says of itself, s.
        blind: It measures another device, which idles.
        seed: Of its noise.
    """

    device: Device
    delay_s: float = 0.0
    time_constant_s: float = 0.0
    renewed_s: float = 0.0
    gain: float = 1.0
    noise_w: float = 0.02
    step_w: float = 0.001
    cycle_s: float = 0.05
    blind: bool = False
    seed: int = 7

    def __post_init__(self) -> None:
        self._draws = np.random.default_rng(self.seed)
        self._t_s = self._filtered_until_s = self.device.clock.now_ns() / NS
        self._filtered_w, self._value_w, self._renew_at_s = IDLE_W, IDLE_W, self._t_s

    @property
    def description(self) -> SensorDescription:
        """A range of 25 W at 5 V."""
        return SensorDescription(
            kind="plugged", name="a meter", rail="5 V supply", includes="all of the device",
            simulated=False, modelled=False, cycle_s=self.cycle_s, observed_fraction=1.0,
            voltage_resolution_v=1e-3, current_resolution_a=1e-4, full_scale_a=5.0, accuracy=(),
        )  # fmt: skip

    def read(self) -> Reading:
        """Return what the meter shows at the next poll."""
        self._t_s += self.cycle_s
        if self._t_s >= self._renew_at_s - 1e-9:
            self._renew_at_s += self.renewed_s
            shown_w = self._filter(self._t_s - self.delay_s) + self._draws.normal(0, self.noise_w)
            self._value_w = self.gain * round(shown_w / self.step_w) * self.step_w
        return Reading(
            t_ns=round(self._t_s * NS), raw=(), voltage_v=VOLTAGE_V,
            current_a=self._value_w / VOLTAGE_V,
        )  # fmt: skip

    def _filter(self, t_s: float) -> float:
        """Return the power at a time, behind the filter, W; steps of a millisecond."""
        if self.blind:
            return IDLE_W
        if not self.time_constant_s:
            return self.device.power_w(t_s)
        while self._filtered_until_s < t_s:
            self._filtered_until_s += 1e-3
            beside_w = self.device.power_w(self._filtered_until_s) - self._filtered_w
            self._filtered_w += beside_w * 1e-3 / self.time_constant_s
        return self._filtered_w
