"""What the simulated chip measures: a device with idle power, drift, background and work."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from joulesplit.drivers.simulated._clock import S_PER_NS
from joulesplit.drivers.simulated._load_log import LoadLog, Segment
from joulesplit.drivers.simulated._segment_sweep import SegmentSweep, overlap_w_ns
from joulesplit.drivers.simulated._thermal import CELL_S, LeakagePath, ThermalParameters

GRID_S = 4e-3
BLOCK_POINTS = 2048
CELL_NS = round(CELL_S / S_PER_NS)


class Load(Protocol):
    """What flows through the shunt and stands at IN−."""

    def mean_current_a(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean current into the load over an interval, A."""

    def mean_voltage_v(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean voltage at IN− over an interval, V."""


@dataclass(slots=True, kw_only=True)
class BenchSource:
    """A laboratory source with two knobs, for checks against known values.

    Attributes:
        current_a: Current through the shunt, A.
        voltage_v: Voltage at IN−, V.
    """

    current_a: float
    voltage_v: float

    def mean_current_a(self, t0_ns: int, t1_ns: int) -> float:  # noqa: ARG002 - constant in time
        """Return the set current, A."""
        return self.current_a

    def mean_voltage_v(self, t0_ns: int, t1_ns: int) -> float:  # noqa: ARG002 - constant in time
        """Return the set voltage, V."""
        return self.voltage_v


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadParameters:
    """The device whose supply is measured.

    Attributes:
        idle_power_w: Power without work, W.
        drift_w_per_s: Slope of the idle power, W/s.
        background_sd_w: Standard deviation of the background activity, W.
        background_tau_s: Its correlation time, s.
        supply_voltage_v: Open-circuit voltage of the supply, V.
        source_resistance_ohm: From the ideal supply to IN−, the shunt included, ohm.
        thermal: Heat and the leakage it drives; None for a device that stays cold.
    """

    idle_power_w: float
    drift_w_per_s: float = 0.0
    background_sd_w: float = 0.0
    background_tau_s: float = 0.2
    supply_voltage_v: float = 5.1
    source_resistance_ohm: float = 0.15
    thermal: ThermalParameters | None = None


class Background:
    """AR(1) noise held over each point of a grid; the same seed gives the same path.

    Args:
        sd_w: Stationary standard deviation, W.
        tau_s: Correlation time, s.
        seed: Of the path.
    """

    def __init__(self, *, sd_w: float, tau_s: float, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._decay = math.exp(-GRID_S / tau_s)
        self._kick_w = sd_w * math.sqrt(1 - self._decay**2)
        self._power_w = array("d", [sd_w * float(self._random.standard_normal())])
        self._energy_j = array("d", [0.0])

    def energy_j(self, x_s: float) -> float:
        """Return the energy from the origin to ``x_s`` after it, J; 0 before the origin."""
        if x_s <= 0:
            return 0.0
        position = x_s / GRID_S
        index = int(position)
        while index >= len(self._power_w):
            self._extend()
        return self._energy_j[index] + (position - index) * GRID_S * self._power_w[index]

    def _extend(self) -> None:
        power_w, energy_j = self._power_w[-1], self._energy_j[-1]
        for kick in self._random.standard_normal(BLOCK_POINTS).tolist():
            energy_j += power_w * GRID_S
            power_w = self._decay * power_w + self._kick_w * kick
            self._power_w.append(power_w)
            self._energy_j.append(energy_j)


class LoadModel:
    """Power over time: idle + drift + background + leakage + announced segments.

    Conservation of energy: what the chip has converted cannot change any more. A segment
    announced later than that is moved, whole, to begin at the horizon (the end of the last
    interval asked for), so that every announced joule is drawn exactly once. Moved segments may
    overlap; their powers add.

    Current and voltage follow from P = V·I and V = Vs − R·I with the mean power of the interval.
    The approximation drops the variance of the current inside one interval: a real chip reads
    V and I whose product exceeds the mean power by R·var(I).

    Args:
        log: Announcements to follow; this model is its one reader.
        parameters: The device.
        seed: Of the background.
        origin_ns: Where drift and background begin, ns.
    """

    def __init__(
        self, log: LoadLog, parameters: LoadParameters, seed: int = 0, *, origin_ns: int = 0
    ) -> None:
        self.parameters = parameters
        self._supply_v = parameters.supply_voltage_v
        self._supply_v2 = self._supply_v**2
        self._four_ohm = 4 * parameters.source_resistance_ohm
        self._log = log
        self._origin_ns = origin_ns
        self._background = None
        if parameters.background_sd_w:
            self._background = Background(
                sd_w=parameters.background_sd_w, tau_s=parameters.background_tau_s, seed=seed
            )
        self._leakage = LeakagePath(parameters.thermal) if parameters.thermal else None
        self._cell_end_ns = origin_ns + CELL_NS
        self._horizon_ns = origin_ns
        self._work = SegmentSweep()
        self._warming = SegmentSweep()
        self._placed: list[Segment] = []
        self._wandered = origin_ns, 0.0

    @property
    def horizon_ns(self) -> int:
        """End of the latest interval asked for, ns; the past before it is settled."""
        return self._horizon_ns

    def mean_power_w(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean power over a non-empty interval, W; it settles the past up to ``t1_ns``.

        Intervals must begin in order of time; ``true_energy_j`` answers for any.
        """
        self._ingest()
        work_w_ns = self._work.energy_w_ns(t0_ns, t1_ns)
        if t1_ns > self._horizon_ns:
            self._horizon_ns = t1_ns
            if t1_ns >= self._cell_end_ns:
                self._warm_up()
        # Most intervals begin where the last one ended, and the past does not change.
        known_ns, before_j = self._wandered
        if known_ns != t0_ns:
            before_j = self._wandering_j(t0_ns)
        after_j = self._wandering_j(t1_ns)
        self._wandered = t1_ns, after_j
        base_j = self._steady_energy_j(t0_ns, t1_ns) + (after_j - before_j)
        return (base_j / S_PER_NS + work_w_ns) / (t1_ns - t0_ns)

    def mean_current_a(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean current into the load over an interval, A."""
        power_w = self.mean_power_w(t0_ns, t1_ns)
        return power_w / self._voltage_v(power_w)

    def mean_voltage_v(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean voltage at IN− over an interval, V."""
        return self._voltage_v(self.mean_power_w(t0_ns, t1_ns))

    def true_energy_j(self, t0_ns: int, t1_ns: int) -> float:
        """Return the energy drawn from ``t0_ns`` to ``t1_ns``, J, any interval, nothing settled.

        It may still grow for times after ``horizon_ns``.
        """
        self._ingest()
        work_j = overlap_w_ns(self._placed, t0_ns, t1_ns) * S_PER_NS
        wandering_j = self._wandering_j(t1_ns) - self._wandering_j(t0_ns)
        return self._steady_energy_j(t0_ns, t1_ns) + wandering_j + work_j

    def true_leakage_j(self, t0_ns: int, t1_ns: int) -> float:
        """Return the heat-driven share of ``true_energy_j``, J; 0 without a thermal model."""
        if self._leakage is None:
            return 0.0
        x0_s, x1_s = ((t_ns - self._origin_ns) * S_PER_NS for t_ns in (t0_ns, t1_ns))
        return self._leakage.energy_j(x1_s) - self._leakage.energy_j(x0_s)

    def _warm_up(self) -> None:
        """Let the heat of every cell whose past is settled have its effect on the next one."""
        if self._leakage is None:
            return
        while (end_ns := self._cell_end_ns) <= self._horizon_ns:
            start_ns = end_ns - CELL_NS
            energy_j = self._steady_energy_j(start_ns, end_ns)
            energy_j += self._background_j(end_ns) - self._background_j(start_ns)
            energy_j += self._warming.energy_w_ns(start_ns, end_ns) * S_PER_NS
            self._leakage.extend(energy_j / CELL_S)
            self._cell_end_ns += CELL_NS

    def _ingest(self) -> None:
        for start_ns, end_ns, power_w in self._log.take():
            late_ns = max(0, self._horizon_ns - start_ns)
            segment = (start_ns + late_ns, end_ns + late_ns, power_w)
            self._placed.append(segment)
            self._work.add(segment)
            if self._leakage is not None:
                self._warming.add(segment)

    def _steady_energy_j(self, t0_ns: int, t1_ns: int) -> float:
        """Return what idle power and its drift take over an interval, J."""
        parameters = self.parameters
        energy_j = parameters.idle_power_w * (t1_ns - t0_ns) * S_PER_NS
        if parameters.drift_w_per_s:
            x0_s = max(0.0, (t0_ns - self._origin_ns) * S_PER_NS)
            x1_s = max(0.0, (t1_ns - self._origin_ns) * S_PER_NS)
            energy_j += parameters.drift_w_per_s * (x1_s - x0_s) * (x1_s + x0_s) / 2
        return energy_j

    def _wandering_j(self, t_ns: int) -> float:
        """Return what background and leakage took from the origin to ``t_ns``, J."""
        x_s = (t_ns - self._origin_ns) * S_PER_NS
        background, leakage = self._background, self._leakage
        energy_j = background.energy_j(x_s) if background is not None else 0.0
        return energy_j + leakage.energy_j(x_s) if leakage is not None else energy_j

    def _background_j(self, t_ns: int) -> float:
        if self._background is None:
            return 0.0
        return self._background.energy_j((t_ns - self._origin_ns) * S_PER_NS)

    def _voltage_v(self, power_w: float) -> float:
        square = self._supply_v2 - self._four_ohm * power_w
        # Past the maximum power transfer no operating point exists; the voltage stays at half.
        return (self._supply_v + math.sqrt(square if square > 0 else 0.0)) / 2
