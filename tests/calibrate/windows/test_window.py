"""A window on the real driver and a simulated chip that resets itself or whose clock jumps."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.calibrate.windows import WindowTask, WindowTiming, run_window
from joulesplit.calibrate.windows._clock_rate import clock_pair, rate_since
from joulesplit.calibrate.windows._window import _random_phase_ns
from joulesplit.calibrate.workloads import WorkDone
from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.simulated import (
    ChipParameters,
    EventfulClock,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)
from joulesplit.drivers.simulated._clock import SteppedClock
from joulesplit.drivers.simulated._load import BenchSource

S = 1_000_000_000
MS = 1_000_000
CYCLE_NS = 9_042_000
IDLE_MS, WORK_MS = 100, 200
TASK = WindowTask(kind="compute", subject="block:1", block=1, repetitions=1)
TIMING = WindowTiming(idle_s=IDLE_MS * 1e-3, settle_s=0.0)


class Pause:
    """Work that only takes its time."""

    name = "pause"

    def __init__(self, clock):
        self._clock = clock

    def run(self, repetitions):
        started_ns = self._clock.now_ns()
        self._clock.sleep_until_ns(started_ns + repetitions * WORK_MS * MS)
        ended_ns = self._clock.now_ns()
        return WorkDone(started_ns=started_ns, ended_ns=ended_ns, repetitions=repetitions)


def windows_around(current_a, upset, earlier=0):
    """Run three windows with ``upset(chip clock, stepped clock, chip, end of the first)``."""
    chip_clock = EventfulClock()
    stepped = SteppedClock(chip_clock)
    source = BenchSource(current_a=current_a, voltage_v=5.0)
    parameters = ChipParameters(shunt_ohm=0.1, noise_v_rms=50e-6)
    chip = SimulatedIna219(source, chip_clock, seed=3, parameters=parameters)
    bus = SimulatedI2cBus(1, {0x40: chip}, chip_clock)
    with Ina219(
        bus, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=stepped
    ) as sensor:
        for _ in range(earlier):
            sensor.read()
        sampler = InlineSampler(sensor)
        clock = SimulatedClock(start_ns=chip_clock.now_ns() + S)
        begin_ns = clock.now_ns() + _random_phase_ns(clock.now_ns(), sensor.description.cycle_s)
        upset(chip_clock, stepped, chip, begin_ns + (2 * IDLE_MS + WORK_MS) * MS)
        records = []
        for _ in range(3):
            sampler.trace_until(clock.now_ns())
            records.append(run_window(TASK, Pause(clock), TIMING, clock, sampler))
            clock.advance_ns(300 * MS)
    return records


@pytest.mark.parametrize("current_a", [0.05, 0.6])
@pytest.mark.parametrize("earlier", range(4))
@pytest.mark.parametrize("phase", [part / 8 for part in range(-4, 8)])
def test_a_reset_that_may_have_spoilt_the_last_reading_counts_in_its_window(
    current_a, earlier, phase
):
    """Whether it is found by that reading or by the one after it, which belongs to no window."""

    def upset(chip_clock, stepped, chip, end_ns):
        chip_clock.at(end_ns + int(phase * CYCLE_NS), chip.brown_out)

    records = windows_around(current_a, upset, earlier)
    assert [record.resets for record in records[1:]] == [0, 0]
    # From half a cycle before its end; the reading that straddles the end is the last.
    assert records[0].resets == 1 or phase > 0


def test_a_clock_that_stood_still_counts_in_its_window():
    def upset(chip_clock, stepped, chip, end_ns):
        chip_clock.at(end_ns - 150 * MS, lambda: stepped.step_ns(-4 * MS))

    assert [record.clock_steps for record in windows_around(0.6, upset)] == [1, 0, 0]


class TwoClocks(SimulatedClock):
    """Virtual time that runs 500 ppm fast against the raw one."""

    def raw_ns(self):
        return round(self.now_ns() / (1 + 500e-6))


def test_a_window_tells_how_fast_its_clock_was_slewed():
    clock = TwoClocks()
    began = clock_pair(clock)
    clock.advance_ns(2 * S)

    assert rate_since(began, clock) == pytest.approx(500e-6, abs=1e-8)
    assert clock_pair(SimulatedClock()) is None
    assert clock_pair(MonotonicClock()) is not None
