"""Heat in the simulated device: an RC model, leakage that rises with it, and throttling.

One thermal mass: τ·dT/dt = T_ambient + R·P − T. Leakage is linear in the temperature and zero
at the reference, where the stated idle power holds; it is drawn whether or not there is work.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from joulesplit.drivers.simulated._clock import S_PER_NS

CELL_S = 0.05
"""Leakage is held over cells of this length, far below any thermal time constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThermalParameters:
    """The device's way with heat; every figure is an assumption of the simulation.

    Attributes:
        start_c: Temperature at the origin, °C.
        ambient_c: Of the surroundings, °C.
        resistance_k_per_w: From the device to the surroundings, K/W.
        time_constant_s: Of the one thermal mass, s.
        leakage_w_per_k: Extra power per kelvin above the reference, W/K.
        reference_c: Temperature at which the stated idle power holds, °C.
        throttle_c: Clocks are lowered from here, °C (Raspberry Pi documentation: 80 °C).
        release_c: And raised again below this, °C.
        throttled_speed: Speed while throttled, relative.
        throttled_power: Power above idle while throttled, relative.
    """

    start_c: float
    ambient_c: float = 25.0
    resistance_k_per_w: float = 9.0
    time_constant_s: float = 90.0
    leakage_w_per_k: float = 0.008
    reference_c: float = 50.0
    throttle_c: float = 80.0
    release_c: float = 78.0
    throttled_speed: float = 2 / 3
    throttled_power: float = 0.6

    def leakage_w(self, temperature_c: float) -> float:
        """Return the leakage power at a temperature, W; negative below the reference."""
        return self.leakage_w_per_k * (temperature_c - self.reference_c)

    def after(self, temperature_c: float, power_w: float, duration_s: float) -> float:
        """Return the temperature after a stretch of constant power, leakage included, °C.

        Leakage is taken at the beginning of the stretch; exact for short ones.
        """
        total_w = power_w + self.leakage_w(temperature_c)
        final_c = self.ambient_c + self.resistance_k_per_w * total_w
        return final_c + (temperature_c - final_c) * math.exp(-duration_s / self.time_constant_s)


class LeakagePath:
    """Leakage energy since the origin, cell by cell as the power before each cell settles.

    Args:
        parameters: The device.
    """

    def __init__(self, parameters: ThermalParameters) -> None:
        self._parameters = parameters
        self._temperature_c = parameters.start_c
        self._power_w = array("d", [parameters.leakage_w(parameters.start_c)])
        self._energy_j = array("d", [0.0])

    @property
    def temperature_c(self) -> float:
        """Temperature at the start of the last cell known, °C."""
        return self._temperature_c

    def extend(self, power_w: float) -> None:
        """Add a cell, given the mean power (without leakage) over the last one, W."""
        self._temperature_c = self._parameters.after(self._temperature_c, power_w, CELL_S)
        self._energy_j.append(self._energy_j[-1] + self._power_w[-1] * CELL_S)
        self._power_w.append(self._parameters.leakage_w(self._temperature_c))

    def energies_j(self, times_s: Sequence[float]) -> list[float]:
        """Return the leakage energies from the origin to times after it, J; 0 before the origin.

        Beyond the last cell known its power is held.

        Args:
            times_s: In rising order, s.
        """
        found_j, from_s, to_cell = [], 0.0, 0.0
        last = len(self._power_w) - 1
        for time_s in times_s:
            x_s = time_s if time_s > 0 else 0.0
            if (position := x_s / CELL_S) >= to_cell:
                cell = min(int(position), last)
                from_s, to_cell = cell * CELL_S, cell + 1 if cell < last else math.inf
                power_w, energy_j = self._power_w[cell], self._energy_j[cell]
            found_j.append(energy_j + (x_s - from_s) * power_w)
        return found_j


class ThermalGovernor:
    """The simulated firmware that lowers the clocks when the board's work has made it hot.

    Args:
        parameters: The device.
        idle_power_w: Power without work, W.
        origin_ns: When the world begins, ns.
    """

    def __init__(
        self, parameters: ThermalParameters, *, idle_power_w: float, origin_ns: int
    ) -> None:
        self._parameters = parameters
        self._idle_power_w = idle_power_w
        self._known_ns = origin_ns
        self.temperature_c = parameters.start_c
        """World side: as of the last step, °C."""
        self.throttled = False
        """World side: clocks are lowered now."""
        self.throttled_bits = 0
        """World side: what ``vcgencmd get_throttled`` would say (bits 2 and 18)."""

    def speed_and_power(self, t_ns: int) -> tuple[float, float]:
        """Return the relative speed and power for work that begins at ``t_ns``."""
        self._pass(t_ns, 0.0)
        parameters = self._parameters
        limit_c = parameters.release_c if self.throttled else parameters.throttle_c
        self.throttled = self.temperature_c >= limit_c
        if not self.throttled:
            self.throttled_bits &= ~0x4
            return 1.0, 1.0
        self.throttled_bits |= 0x4 | 0x40000
        return parameters.throttled_speed, parameters.throttled_power

    def spent(self, end_ns: int, power_w: float) -> None:
        """Take note of ``power_w`` above idle until ``end_ns``."""
        self._pass(end_ns, power_w)

    def _pass(self, t_ns: int, work_w: float) -> None:
        while (left_s := (t_ns - self._known_ns) * S_PER_NS) > 0:
            step_s = min(left_s, CELL_S)
            power_w = self._idle_power_w + work_w
            self.temperature_c = self._parameters.after(self.temperature_c, power_w, step_s)
            self._known_ns += max(1, round(step_s / S_PER_NS))
