"""What the simulated chip measures: a device with idle power, drift, background and work."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
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


def means_over(
    load: Load, edges_ns: Sequence[int], currents: int
) -> tuple[list[float], list[float]]:
    """Return means of a load over intervals that follow each other.

    Args:
        load: What is asked: once for all of them if it has a method of this name, which spares
            most of what a simulated conversion costs, and else for one after the other.
        edges_ns: Where the intervals begin, and where the last one ends, ns.
        currents: Of so many from the first on the current is wanted, of the others the voltage.

    Returns:
        Currents, A, and voltages, V.
    """
    if (at_once := getattr(load, "means_over", None)) is not None:
        found: tuple[list[float], list[float]] = at_once(edges_ns, currents)
        return found
    ends_ns = list(pairwise(edges_ns))
    return (
        [load.mean_current_a(*ends) for ends in ends_ns[:currents]],
        [load.mean_voltage_v(*ends) for ends in ends_ns[currents:]],
    )


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

    def energies_j(self, times_s: Sequence[float]) -> list[float]:
        """Return the energies from the origin to times after it, J; 0 before the origin.

        Args:
            times_s: In rising order, s.
        """
        while int(times_s[-1] / GRID_S) >= len(self._power_w):
            self._extend()
        found_j, from_point, to_point = [], 0.0, 0.0
        for x_s in times_s:
            position = x_s / GRID_S if x_s > 0 else 0.0
            if position >= to_point:
                point = int(position)
                from_point, to_point = float(point), float(point + 1)
                power_w, energy_j = self._power_w[point], self._energy_j[point]
            found_j.append(energy_j + (position - from_point) * GRID_S * power_w)
        return found_j

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

    @property
    def horizon_ns(self) -> int:
        """End of the latest interval asked for, ns; the past before it is settled."""
        return self._horizon_ns

    def mean_powers_w(self, edges_ns: Sequence[int]) -> list[float]:
        """Return the mean powers over intervals that follow each other, W.

        It settles the past up to the last edge. Calls must begin in order of time;
        ``true_energy_j`` answers for any interval.

        Args:
            edges_ns: Where the intervals begin, and where the last one ends, ns; none is empty.
        """
        self._ingest()
        work_w_ns = self._work.energies_w_ns(edges_ns)
        if edges_ns[-1] > self._horizon_ns:
            self._horizon_ns = edges_ns[-1]
            if self._horizon_ns >= self._cell_end_ns:
                self._warm_up()
        steady_j = self._steady_energies_j(edges_ns)
        wandering_j = self._wandering_j(edges_ns)
        return [
            ((energy_j + (after_j - before_j)) / S_PER_NS + work) / (t1_ns - t0_ns)
            for energy_j, (before_j, after_j), work, (t0_ns, t1_ns) in zip(
                steady_j, pairwise(wandering_j), work_w_ns, pairwise(edges_ns), strict=True
            )
        ]

    def mean_power_w(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean power over one interval, W; see ``mean_powers_w``."""
        return self.mean_powers_w((t0_ns, t1_ns))[0]

    def means_over(self, edges_ns: Sequence[int], currents: int) -> tuple[list[float], list[float]]:
        """Return mean currents, A, and mean voltages, V, over intervals as of ``mean_powers_w``.

        Args:
            edges_ns: Their edges, ns.
            currents: Of so many from the first on the current is wanted, of the others the voltage.
        """
        powers_w = self.mean_powers_w(edges_ns)
        voltages_v = self._voltages_v(powers_w)
        currents_a = [
            power_w / volts
            for power_w, volts in zip(powers_w[:currents], voltages_v[:currents], strict=True)
        ]
        return currents_a, voltages_v[currents:]

    def mean_current_a(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean current into the load over an interval, A."""
        return self.means_over((t0_ns, t1_ns), 1)[0][0]

    def mean_voltage_v(self, t0_ns: int, t1_ns: int) -> float:
        """Return the mean voltage at IN− over an interval, V."""
        return self.means_over((t0_ns, t1_ns), 0)[1][0]

    def true_energy_j(self, t0_ns: int, t1_ns: int) -> float:
        """Return the energy drawn from ``t0_ns`` to ``t1_ns``, J, any interval, nothing settled.

        It may still grow for times after ``horizon_ns``.
        """
        self._ingest()
        work_j = overlap_w_ns(self._placed, t0_ns, t1_ns) * S_PER_NS
        before_j, after_j = self._wandering_j((t0_ns, t1_ns))
        return self._steady_energies_j((t0_ns, t1_ns))[0] + (after_j - before_j) + work_j

    def true_leakage_j(self, t0_ns: int, t1_ns: int) -> float:
        """Return the heat-driven share of ``true_energy_j``, J; 0 without a thermal model."""
        if self._leakage is None:
            return 0.0
        before_j, after_j = self._leakage.energies_j(self._times_s((t0_ns, t1_ns)))
        return after_j - before_j

    def _warm_up(self) -> None:
        """Let the heat of every cell whose past is settled have its effect on the next one."""
        if self._leakage is None:
            return
        while (end_ns := self._cell_end_ns) <= self._horizon_ns:
            start_ns = end_ns - CELL_NS
            (energy_j,) = self._steady_energies_j((start_ns, end_ns))
            if self._background is not None:
                before_j, after_j = self._background.energies_j(self._times_s((start_ns, end_ns)))
                energy_j += after_j - before_j
            (work_w_ns,) = self._warming.energies_w_ns((start_ns, end_ns))
            energy_j += work_w_ns * S_PER_NS
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

    def _steady_energies_j(self, edges_ns: Sequence[int]) -> list[float]:
        """Return what idle power and its drift take over intervals, J."""
        idle_w, drift_w_per_s = self.parameters.idle_power_w, self.parameters.drift_w_per_s
        steady_j = [idle_w * (t1_ns - t0_ns) * S_PER_NS for t0_ns, t1_ns in pairwise(edges_ns)]
        if not drift_w_per_s:
            return steady_j
        times_s = [x_s if x_s > 0 else 0.0 for x_s in self._times_s(edges_ns)]
        return [
            energy_j + drift_w_per_s * (x1_s - x0_s) * (x1_s + x0_s) / 2
            for energy_j, (x0_s, x1_s) in zip(steady_j, pairwise(times_s), strict=True)
        ]

    def _wandering_j(self, edges_ns: Sequence[int]) -> list[float]:
        """Return what background and leakage took from the origin to times that rise, J."""
        times_s = self._times_s(edges_ns)
        background, leakage = self._background, self._leakage
        energies_j = [0.0] * len(times_s) if background is None else background.energies_j(times_s)
        if leakage is None:
            return energies_j
        leaked_j = leakage.energies_j(times_s)
        return [energy_j + leak_j for energy_j, leak_j in zip(energies_j, leaked_j, strict=True)]

    def _times_s(self, edges_ns: Sequence[int]) -> list[float]:
        origin_ns = self._origin_ns
        return [(t_ns - origin_ns) * S_PER_NS for t_ns in edges_ns]

    def _voltages_v(self, powers_w: Sequence[float]) -> list[float]:
        supply_v, square_v2, four_ohm = self._supply_v, self._supply_v2, self._four_ohm
        sqrt = math.sqrt
        # Past the maximum power transfer no operating point exists; the voltage stays at half.
        return [
            (supply_v + (sqrt(left_v2) if (left_v2 := square_v2 - four_ohm * power_w) > 0 else 0.0))
            / 2
            for power_w in powers_w
        ]
