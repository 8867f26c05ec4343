"""Runs of known energy: a rectangle above idle, and figures worked out by hand."""

from __future__ import annotations

from math import sqrt
from types import SimpleNamespace

import pytest

from joulesplit.calibrate.estimates import run_figures
from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.calibrate.windows import WindowTask, WindowTiming, run_window
from joulesplit.calibrate.workloads import WorkDone
from joulesplit.drivers.readings import AccuracyTerm, Reading
from joulesplit.drivers.simulated import SimulatedClock
from window_records import window_record

CYCLE_NS = 9_000_000
IDLE_W, WORK_W = 2.0, 1.5
T_2 = 4.302652729911275
"""Student's t of 95 % at two degrees of freedom."""
SCALE = AccuracyTerm(
    name="shunt", kind="scale", half_width=0.01, distribution="normal", source="test"
)
OFFSET = AccuracyTerm(
    name="offset", kind="offset", half_width=0.02, distribution="normal", source="test"
)


class Rectangle:
    """Idle power, and more of it for as long as the work lasts: exact means, no noise."""

    description = SimpleNamespace(cycle_s=CYCLE_NS * 1e-9)

    def __init__(self):
        self.clock = SimulatedClock(start_ns=0)
        self.works = []
        self._read_ns = 0

    def read(self):
        start_ns, self._read_ns = self._read_ns, self._read_ns + CYCLE_NS
        busy_ns = sum(
            max(0, min(end, self._read_ns) - max(begin, start_ns)) for begin, end in self.works
        )
        power_w = IDLE_W + WORK_W * busy_ns / CYCLE_NS
        return Reading(t_ns=self._read_ns, raw=(0, 0), voltage_v=5.0, current_a=power_w / 5.0)

    def work_for(self, work_s):
        return Work(self, round(work_s * 1e9))


class Work:
    name = "rectangle"

    def __init__(self, world, length_ns):
        self._world, self._length_ns = world, length_ns

    def run(self, repetitions):
        started_ns = self._world.clock.now_ns()
        self._world.works.append((started_ns, started_ns + self._length_ns))
        self._world.clock.advance_ns(self._length_ns)
        ended_ns = self._world.clock.now_ns()
        return WorkDone(started_ns=started_ns, ended_ns=ended_ns, repetitions=repetitions)


def runs_of(*lengths_s):
    world = Rectangle()
    sampler = InlineSampler(world)
    task = WindowTask(kind="phase", subject="rectangle", block=0, repetitions=1)
    timing = WindowTiming(idle_s=0.2, settle_s=0.05)
    for length_s in lengths_s:
        yield run_window(task, world.work_for(length_s), timing, world.clock, sampler)


def test_a_rectangle_above_idle_costs_what_it_holds_whatever_the_phase_of_its_edges():
    lengths_s = (0.3, 0.3041, 0.2977)

    figures = run_figures(list(runs_of(*lengths_s)), ())

    mean_s = sum(lengths_s) / 3
    assert figures.net_j.value == pytest.approx(WORK_W * mean_s, rel=1e-9)
    assert figures.gross_j.value == pytest.approx((IDLE_W + WORK_W) * mean_s, rel=1e-9)
    assert figures.power_w.value == pytest.approx(IDLE_W + WORK_W, rel=1e-9)
    assert figures.idle_power_w.value == pytest.approx(IDLE_W, rel=1e-9)
    assert figures.duration_s.value == pytest.approx(mean_s, rel=1e-9)


def records(*nets_j, work_s=2.0):
    return [
        window_record("phase", net_j=net_j, work_s=work_s, number=number)
        for number, net_j in enumerate(nets_j)
    ]


def test_the_interval_is_students_of_the_scatter_of_the_runs():
    net_j = run_figures(records(1.0, 1.1, 1.5), ()).net_j

    # Mean 1.2; squares 0.04 + 0.01 + 0.09 over 2; over 3 for the mean.
    u_j = sqrt(0.14 / 2 / 3)
    assert (net_j.value, net_j.u_stat) == (pytest.approx(1.2), pytest.approx(u_j))
    assert (net_j.u_sys, net_j.n, net_j.degrees_of_freedom) == (0.0, 3, 2)
    assert net_j.ci95 == pytest.approx((1.2 - T_2 * u_j, 1.2 + T_2 * u_j))


def test_an_offset_counts_in_gross_energy_and_power_and_cancels_in_net():
    figures = run_figures(records(1.0, 1.0, 1.0), (SCALE, OFFSET))

    assert figures.net_j.u_sys == pytest.approx(0.01 * 1.0)
    assert figures.gross_j.u_sys == pytest.approx(sqrt((0.01 * 5.0) ** 2 + (0.02 * 2.0) ** 2))
    assert figures.power_w.u_sys == pytest.approx(sqrt((0.01 * 2.5) ** 2 + 0.02**2))
    assert figures.idle_power_w.u_sys == pytest.approx(sqrt((0.01 * 2.0) ** 2 + 0.02**2))


def test_one_run_has_what_the_sensor_leaves_and_no_interval():
    figures = run_figures(records(1.0), (SCALE, OFFSET))

    assert (figures.net_j.ci95, figures.net_j.u_stat, figures.net_j.n) == (None, None, 1)
    assert figures.net_j.u_sys == pytest.approx(0.01)
    assert figures.gross_j.u_sys == pytest.approx(sqrt((0.01 * 5.0) ** 2 + (0.02 * 2.0) ** 2))
    assert figures.duration_s.ci95 is None


def test_a_net_energy_below_zero_stays_below_zero():
    figures = run_figures(records(-0.1, 0.02, -0.04), ())

    assert figures.net_j.value == pytest.approx(-0.04)
    assert figures.net_j.ci95[0] < figures.net_j.value < figures.net_j.ci95[1]
