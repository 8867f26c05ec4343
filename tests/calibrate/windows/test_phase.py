"""Windows of a load that goes with the sensor's cycle: none of its energy escapes for ever."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.calibrate.windows import WindowTask, WindowTiming, run_window
from joulesplit.calibrate.windows._window import _random_phase_ns
from joulesplit.calibrate.workloads import WorkDone
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import (
    ChipParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)

S = 1_000_000_000
CYCLE_NS = 8_510_000 + 532_000
"""Of an INA219 that averages 16 samples: SBOS448G, table 5."""
IDLE_A, WORK_A, SWING, VOLTAGE_V = 0.5, 0.3, 0.4, 5.0
WORK_NS = 24 * CYCLE_NS
TASK = WindowTask(kind="compute", subject="block:1", block=1, repetitions=1)
TIMING = WindowTiming(idle_s=0.1, settle_s=0.0)
WINDOWS = 40


class PulsedWork:
    """Work whose current swings by ±40 % about its mean, twice a cycle of the sensor."""

    name = "pulsed"

    def __init__(self, clock, period_ns):
        self._clock, self._period_ns = clock, period_ns
        self._started_ns = clock.now_ns()

    def run(self, repetitions):
        started_ns = self._started_ns = self._clock.now_ns()
        self._clock.sleep_until_ns(started_ns + WORK_NS)
        return WorkDone(
            started_ns=started_ns, ended_ns=self._clock.now_ns(), repetitions=repetitions
        )

    def charge(self, elapsed_ns):
        """Return ∫I dt of the work since its start, A·ns."""
        whole, rest_ns = divmod(min(max(elapsed_ns, 0), WORK_NS), self._period_ns)
        high_ns = min(rest_ns, self._period_ns / 2)
        swing_ns = high_ns - (rest_ns - high_ns)
        return WORK_A * (whole * self._period_ns + rest_ns + SWING * swing_ns)

    def mean_current_a(self, t0_ns, t1_ns):
        # Readings are taken after the work that they are of, and before the next.
        inside = self.charge(t1_ns - self._started_ns) - self.charge(t0_ns - self._started_ns)
        return IDLE_A + inside / (t1_ns - t0_ns)

    def mean_voltage_v(self, t0_ns, t1_ns):
        return VOLTAGE_V


def net_energies_j(off):
    """Yield the truth, then what windows give whose pulses are ``off`` from half the cycle."""
    chip_clock = SimulatedClock()
    clock = SimulatedClock(start_ns=chip_clock.now_ns())
    work = PulsedWork(clock, CYCLE_NS / 2 * (1 + off))
    chip = SimulatedIna219(
        work, chip_clock, seed=3, parameters=ChipParameters(shunt_ohm=0.1, noise_v_rms=20e-6)
    )
    bus = SimulatedI2cBus(1, {0x40: chip}, chip_clock)
    # Without looks at single samples, which move the conversions too, but not in every window.
    sensor = Ina219(bus, shunt_ohm=0.1, shunt_tolerance=0.01, probe_every=0, clock=chip_clock)
    yield work.charge(WORK_NS) * VOLTAGE_V / S
    with sensor:
        sampler = InlineSampler(sensor)
        clock.sleep_until_ns(chip_clock.now_ns() + S // 10)
        for _ in range(WINDOWS):
            # As a campaign goes on: when a reading has come.
            clock.sleep_until_ns(sampler.trace_until(clock.now_ns()).end_ns)
            yield run_window(TASK, work, TIMING, clock, sampler).net_j


@pytest.mark.parametrize("off", [0.0, 0.001])
def test_work_that_goes_with_the_cycle_costs_what_it_costs(off):
    truth_j, *found_j = net_energies_j(off)
    energies_j = np.array(found_j)
    u_mean_j = energies_j.std(ddof=1) / WINDOWS**0.5
    # What a single window may miss is in the scatter, where every figure takes it from.
    assert abs(energies_j.mean() - truth_j) < 4 * u_mean_j
    assert 0.005 * truth_j < energies_j.std(ddof=1) < 0.03 * truth_j


def test_every_phase_is_as_likely_as_any_other():
    phases = np.array([_random_phase_ns(number * 7_777_777, 0.01) for number in range(4000)])
    counts, _ = np.histogram(phases, bins=10, range=(0, 10_000_000))
    assert phases.min() >= 0
    assert counts.sum() == 4000
    assert abs(counts - 400).max() < 4 * 400**0.5
