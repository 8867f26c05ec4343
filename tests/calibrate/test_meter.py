"""The energy meter on the real driver and a simulated chip, in virtual time."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import tracemalloc
from dataclasses import dataclass, replace
from math import hypot

import numpy as np
import pytest

from joulesplit.calibrate import WindowMeter
from joulesplit.calibrate._meter_energy import (
    METERED_FIGURES,
    WindowFlag,
    energy_between,
    figures_between,
)
from joulesplit.calibrate.errors import WindowError
from joulesplit.calibrate.sampling._sampler import InlineSampler
from joulesplit.calibrate.sampling._trace import trace_of
from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.readings import AccuracyTerm, Reading, ReadingFlag, SensorDescription
from joulesplit.drivers.simulated import (
    ChipParameters,
    EventfulClock,
    LoadLog,
    LoadModel,
    LoadParameters,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
)

S = 1_000_000_000
MS = 1_000_000
CYCLE_S = 9.042e-3


@dataclass(frozen=True)
class World:
    clock: SimulatedClock
    log: LoadLog
    load: LoadModel
    meter: WindowMeter
    chip: SimulatedIna219
    chip_clock: EventfulClock

    def work(self, seconds, watts):
        """Draw watts above idle for that long, and let the time pass."""
        now_ns = self.clock.now_ns()
        self.log.announce(now_ns, now_ns + round(seconds * S), watts)
        self.clock.advance_ns(round(seconds * S))

    def truth_j(self, result):
        return self.load.true_energy_j(result.started_ns, result.ended_ns)


@pytest.fixture
def make_world():
    return build_world


@pytest.fixture
def world():
    return build_world(2.0)


def build_world(idle_power_w):
    origin_ns = S
    log = LoadLog.in_memory()
    load = LoadModel(log, LoadParameters(idle_power_w=idle_power_w), 1, origin_ns=origin_ns)
    chip_clock = EventfulClock(start_ns=origin_ns)
    parameters = ChipParameters(shunt_ohm=0.1, noise_v_rms=20e-6)
    chip = SimulatedIna219(load, chip_clock, seed=4, parameters=parameters)
    sensor = Ina219(
        SimulatedI2cBus(1, {0x40: chip}, chip_clock), shunt_ohm=0.1, shunt_tolerance=0.01,
        expected_peak_a=1.5, grade="B", clock=chip_clock, simulated=True,
    ).__enter__()  # fmt: skip
    sampler = InlineSampler(sensor)
    clock = SimulatedClock(start_ns=chip_clock.now_ns())
    return World(clock, log, load, WindowMeter(sampler, clock), chip, chip_clock)


def test_the_edges_uncertainty_covers_what_interpolation_misses(world):
    """A step exactly at each edge, at every phase of the cycle: the worst case of both."""
    errors, bounds = [], []
    for index in range(60):
        world.clock.advance_ns(round((0.05 + index / 60 * CYCLE_S) * S))
        with world.meter.window("work") as window:
            world.work(0.2 + index * 0.37 * CYCLE_S, 2.0)
        world.clock.advance_ns(50 * MS)
        errors.append(window.result.energy_j.value - world.truth_j(window.result))
        bounds.append(window.result.u_edges_j)
    rms = float(np.sqrt(np.mean(np.square(errors))))
    assert rms < np.mean(bounds)
    # T/sqrt(6) times the step of 2 W.
    assert np.mean(bounds) == pytest.approx(CYCLE_S / 6**0.5 * 2.0, rel=0.15)
    assert all(window_u <= 3 * CYCLE_S for window_u in bounds)


def test_a_steady_power_leaves_no_uncertainty_at_the_edges(world):
    with world.meter.window("idle") as window:
        world.clock.advance_ns(S)
    result = window.result
    assert result.energy_j.value == pytest.approx(2.0 * 1.0, rel=2e-4)
    assert result.mean_power_w == pytest.approx(2.0, rel=2e-4)
    assert result.u_edges_j < 1e-4
    assert result.duration_s == pytest.approx(1.0)
    assert result.samples == pytest.approx(1.0 / CYCLE_S, abs=2)
    # u_sys of 2 J at 2 W: shunt 1 %, sense path 0.3 %, shunt 20 K off 0.2 %, heated by 1.5 A
    # 0.225 %, gain 0.3 %, its drift 0.02 %, bus 0.5 %, clock 0.01 %; offsets 75, 70, 17 and 2 µV.
    percents = (1, 0.3, 0.2, 0.225, 0.3, 0.02, 0.5, 0.01)
    scale = hypot(*percents) / 100 / 3**0.5
    offset = hypot(75e-6, 70e-6, 17e-6, 2e-6) / 0.1 * 5.04 / 2.0 / 3**0.5
    assert result.energy_j.u_sys == pytest.approx(2.0 * (scale**2 + offset**2) ** 0.5, rel=0.02)
    low, high = result.energy_j.ci95
    assert low < 2.0 < high


def test_nested_windows_add_up_exactly(world):
    with world.meter.window("whole") as whole:
        parts = []
        for watts in (1.0, 0.0, 2.5):
            with world.meter.window("part") as part:
                world.work(0.1034, watts)
            parts.append(part)
    total_j = sum(part.result.energy_j.value for part in parts)
    assert whole.result.energy_j.value == pytest.approx(total_j, rel=1e-12)
    assert [result.name for result in world.meter.results] == ["part", "part", "part", "whole"]
    assert whole.result.duration_s == pytest.approx(3 * 0.1034)
    assert whole.result.energy_j.value == pytest.approx(world.truth_j(whole.result), rel=0.03)


def test_a_window_shorter_than_a_cycle_has_an_energy_but_no_interval(world):
    with world.meter.window("blink") as window:
        world.clock.advance_ns(MS // 100)
    assert window.result.energy_j.value == pytest.approx(2.0 * 1e-5, rel=1e-3)
    assert window.result.energy_j.ci95 is None
    assert WindowFlag.SHORT in window.result.flags


def test_work_that_fails_keeps_its_energy_and_its_exception(world):
    window = world.meter.window("crash")

    def fail():
        with window:
            world.work(0.5, 1.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert WindowFlag.INTERRUPTED in window.result.flags
    assert window.result.energy_j.value == pytest.approx(1.5, rel=0.02)
    world.clock.advance_ns(50 * MS)
    with world.meter.window("next") as after:
        world.clock.advance_ns(S)
    assert after.result.flags == {WindowFlag.SIMULATED}


def test_a_decorated_function_is_measured_at_every_call(world):
    @world.meter.measured("task")
    def task(watts):
        """What it does."""
        world.work(0.3, watts)
        return watts

    assert task(1.0) == 1.0
    world.clock.advance_ns(50 * MS)
    assert task(3.0) == 3.0
    first, second = world.meter.results
    assert second.energy_j.value - first.energy_j.value == pytest.approx(0.6, rel=0.05)
    assert (first.name, task.__name__, task.__doc__) == ("task", "task", "What it does.")


def test_async_windows_of_several_tasks_may_overlap(world):
    @world.meter.measured("other")
    async def other():
        world.work(0.2, 0.0)
        await asyncio.sleep(0)

    async def main():
        async with world.meter.window("outer") as window:
            world.work(0.2, 1.0)
            await asyncio.gather(other(), other())
        return window.result

    outer = asyncio.run(main())
    assert outer.duration_s == pytest.approx(0.6)
    assert outer.energy_j.value == pytest.approx(2.0 * 0.6 + 0.2, rel=0.01)
    assert [result.name for result in world.meter.results] == ["other", "other", "outer"]


class WaitingSampler:
    """A sampler whose last reading comes only once somebody else has had a turn."""

    def __init__(self, sampler):
        self._sampler = sampler
        self.turn = threading.Event()
        self.was_given = []

    def __getattr__(self, name):
        return getattr(self._sampler, name)

    def trace_until(self, t_ns):
        self.was_given.append(self.turn.wait(timeout=20))
        return self._sampler.trace_until(t_ns)


def test_other_tasks_run_while_an_async_window_awaits_its_last_reading(world):
    sampler = WaitingSampler(world.meter._sampler)
    meter = WindowMeter(sampler, world.clock)

    async def other():
        sampler.turn.set()

    async def main():
        async with meter.window("awaited"):
            world.work(0.2, 1.0)
            task = asyncio.create_task(other())
        await task

    asyncio.run(main())
    assert all(sampler.was_given)


def test_an_async_window_left_by_an_exception_keeps_its_energy(world):
    async def main():
        async with window:
            world.work(0.2, 1.0)
            raise KeyError

    window = world.meter.window("crash")
    with pytest.raises(KeyError):
        asyncio.run(main())
    assert WindowFlag.INTERRUPTED in window.result.flags


def test_a_window_has_no_result_before_its_end_and_is_used_once(world):
    window = world.meter.window("once")
    with pytest.raises(WindowError, match="before its block"):
        _ = window.result
    with window:
        world.clock.advance_ns(S)
    with pytest.raises(WindowError, match="used before"):
        window.__enter__()


def test_history_that_no_window_needs_is_forgotten(world):
    for _ in range(50):
        with world.meter.window("short"):
            world.clock.advance_ns(100 * MS)
    assert len(world.meter._history) < 30


DESCRIPTION = SensorDescription(
    kind="ina219", name="x", rail="r", includes="i", simulated=False, modelled=False, cycle_s=0.01,
    observed_fraction=1.0, voltage_resolution_v=1e-3, current_resolution_a=1e-4, full_scale_a=1.0,
    accuracy=(
        AccuracyTerm(name="s", kind="scale", half_width=0.01, distribution="normal", source="s"),
        AccuracyTerm(name="o", kind="offset", half_width=0.1, distribution="normal", source="s"),
    ),
)  # fmt: skip


def reading(t_ms, power_w=2.0, voltage_v=5.0, flags=ReadingFlag.NONE):
    return Reading(
        t_ns=t_ms * MS, raw=(), voltage_v=voltage_v, current_a=power_w / voltage_v, flags=flags
    )


def test_gaps_are_counted_and_their_time_widens_the_interval():
    times = [*range(10, 200, 10), *range(240, 500, 10)]
    powers = [2.0 + 0.1 * (index % 2) for index in range(len(times))]
    trace = trace_of(0, [reading(t, p) for t, p in zip(times, powers, strict=True)])
    result = energy_between(trace, (100 * MS, 400 * MS), DESCRIPTION, name="gap")
    assert result.gaps == 4
    assert result.lost_s == pytest.approx(0.04)
    assert WindowFlag.GAPS in result.flags
    # Four cycles at anything between the smallest and the largest power there was.
    assert result.energy_j.u_stat >= 0.04 * 0.1 / 12**0.5


def test_voltages_and_flags_of_the_readings_are_in_the_result():
    marked = {
        5: ReadingFlag.SHUNT_CLIPPED, 6: ReadingFlag.CHIP_RESET, 7: ReadingFlag.STUCK,
        8: ReadingFlag.RETRIED, 30: ReadingFlag.BUS_CLIPPED,
    }  # fmt: skip
    trace = trace_of(
        0,
        [
            reading(10 * k, 2.0, 4.9 if k == 9 else 5.0, marked.get(k, ReadingFlag.NONE))
            for k in range(1, 40)
        ],
    )
    result = energy_between(trace, (40 * MS, 140 * MS), DESCRIPTION, name="x")
    assert result.flags == {
        WindowFlag.CLIPPED, WindowFlag.CHIP_RESET, WindowFlag.STUCK, WindowFlag.RETRIED,
    }  # fmt: skip
    assert result.minimum_voltage_v == 4.9
    assert result.mean_voltage_v == pytest.approx(4.99)
    assert result.energy_j.value == pytest.approx(0.2)
    assert result.energy_j.u_sys == pytest.approx(((0.2 * 0.01) ** 2 + (0.1 * 0.1) ** 2) ** 0.5)
    quiet = energy_between(trace, (200 * MS, 250 * MS), DESCRIPTION, name="x")
    assert quiet.flags == frozenset()


def test_energy_from_a_recording_is_flagged_as_that_of_another_time():
    trace = trace_of(0, [reading(10 * k) for k in range(1, 40)])
    replayed = replace(DESCRIPTION, replayed=True)
    result = energy_between(trace, (40 * MS, 140 * MS), replayed, name="x")
    assert result.flags == {WindowFlag.REPLAYED}


@pytest.mark.parametrize(
    ("bad", "flag"),
    [(ReadingFlag.CHIP_RESET, WindowFlag.CHIP_RESET),
     (ReadingFlag.CLOCK_STEP, WindowFlag.CLOCK_STEP)],
)  # fmt: skip
@pytest.mark.parametrize(
    ("at", "marked"), [(9, False), (10, True), (14, True), (15, True), (16, False)]
)
def test_a_reset_found_by_the_reading_after_a_window_marks_it(bad, flag, at, marked):
    """The window ends in reading 14; the next one tells of it as well, the one after does not."""
    readings = [reading(10 * k, flags=bad if k == at else ReadingFlag.NONE) for k in range(1, 40)]
    result = energy_between(trace_of(0, readings), (95 * MS, 135 * MS), DESCRIPTION, name="x")
    assert (flag in result.flags) == marked


@pytest.mark.parametrize("idle_power_w", [0.2, 2.0])
def test_a_chip_that_resets_in_a_windows_last_reading_marks_it(make_world, idle_power_w):
    """Whatever the phase; at 0.2 W, 4 mV over the shunt, only the reading after it may tell."""
    world = make_world(idle_power_w)
    for index in range(24):
        world.clock.advance_ns(round((0.5 + index / 24 * CYCLE_S) * S))
        with world.meter.window("spoilt") as spoilt:
            world.clock.advance_ns(100 * MS)
            world.chip_clock.at(world.clock.now_ns() - 2 * MS, world.chip.brown_out)
        world.clock.advance_ns(500 * MS)
        with world.meter.window("sound") as sound:
            world.clock.advance_ns(100 * MS)
        assert WindowFlag.CHIP_RESET in spoilt.result.flags
        assert sound.result.flags == {WindowFlag.SIMULATED}


def test_readings_that_do_not_cover_the_window_are_refused():
    trace = trace_of(50 * MS, [reading(60), reading(70)])
    for times_ns in ((40 * MS, 65 * MS), (55 * MS, 80 * MS), (60 * MS, 60 * MS)):
        with pytest.raises(WindowError, match="do not cover"):
            energy_between(trace, times_ns, DESCRIPTION, name="x")


def random_readings(random, count):
    """Return readings with lost ones between, flags and a power that moves."""
    times_ms = np.cumsum(random.choice([10, 10, 10, 10, 30], count))
    flags = random.choice([ReadingFlag.NONE, ReadingFlag.RETRIED, ReadingFlag.CHIP_RESET], count)
    powers_w = random.uniform(1.0, 4.0, count)
    return [
        reading(int(t_ms), float(power_w), flags=flag)
        for t_ms, power_w, flag in zip(times_ms, powers_w, flags, strict=True)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_many_windows_worked_out_at_once_are_what_each_is_alone(seed):
    random = np.random.default_rng(seed)
    readings = random_readings(random, 200)
    trace = trace_of(0, readings)
    edges = np.sort(random.integers(1, readings[-1].t_ns - 1, (60, 2)), axis=1)
    # One that ends with a reading, one inside a single reading, one that nothing covers.
    times_ns = np.vstack([edges, [[10 * MS, readings[3].t_ns], [1, 2], [-5, 7 * MS]]])
    interrupted = random.random(len(times_ns)) < 0.5

    together = figures_between(trace, times_ns, interrupted)

    for figures, times, broken in zip(together, times_ns, interrupted, strict=True):
        (alone,) = figures_between(trace, times[None], np.array([broken]))
        for name in METERED_FIGURES.names:
            assert figures[name] == pytest.approx(alone[name], rel=1e-9, abs=1e-12), name
    assert together["samples"][-1] == 0
    for figures, (start_ns, end_ns) in zip(together[:-1], times_ns[:-1], strict=True):
        starts_ns = [0, *(each.t_ns for each in readings[:-1])]
        shares_j = [
            each.voltage_v * each.current_a * max(0, min(each.t_ns, end_ns) - max(begun, start_ns))
            for each, begun in zip(readings, starts_ns, strict=True)
        ]
        assert figures["energy_j"] == pytest.approx(sum(shares_j) * 1e-9, rel=1e-9)
        assert figures["samples"] == sum(share > 0 for share in shares_j)


class CountedSampler:
    """A sampler that counts how often its readings are taken over."""

    def __init__(self, sampler):
        self._sampler = sampler
        self.taken = 0

    def __getattr__(self, name):
        return getattr(self._sampler, name)

    def trace_so_far(self):
        self.taken += 1
        return self._sampler.trace_so_far()


def calls_in(work):
    """Return how many functions work calls, those of C included."""
    calls = []
    sys.setprofile(lambda _frame, event, _argument: calls.append(event.endswith("call")))
    try:
        work()
    finally:
        sys.setprofile(None)
    return sum(calls)


def test_an_inner_window_takes_the_same_few_steps_however_many_there_were(world):
    sampler = CountedSampler(world.meter._sampler)
    meter = WindowMeter(sampler, world.clock)

    def inner():
        with meter.window("inner"):
            world.clock.advance_ns(1000)

    with meter.window("outer"):
        inner()
        taken, first = sampler.taken, calls_in(inner)
        for _ in range(3000):
            inner()
        assert calls_in(inner) == first < 60
        assert sampler.taken == taken
    assert len(meter.results) == 3004


def test_a_window_that_was_left_takes_at_most_a_hundred_bytes(world):
    count = 50_000
    with world.meter.window("first"):
        world.clock.advance_ns(S)
    tracemalloc.start()
    try:
        with world.meter.window("outer"):
            for _ in range(count):
                with world.meter.window("inner"):
                    world.clock.advance_ns(1000)
            gc.collect()
            inside = tracemalloc.get_traced_memory()[0]
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert inside < 100 * count
    assert after < 100 * count
    assert world.meter.results[-2].name == "inner"


class AheadSampler:
    """A sampler that has read up to now whenever it is asked, as the process does."""

    def __init__(self, sampler, clock):
        self._sampler = sampler
        self._clock = clock

    def __getattr__(self, name):
        return getattr(self._sampler, name)

    def trace_so_far(self):
        return self._sampler.trace_until(self._clock.now_ns() - 20 * MS)


def test_windows_that_overlap_for_ever_are_worked_out_and_forgotten_on_the_way(world):
    """There is never a moment without an open one, so that none waits for the last."""
    meter = WindowMeter(AheadSampler(world.meter._sampler, world.clock), world.clock)
    before = meter.window("w")
    before.__enter__()
    for _ in range(400):
        world.clock.advance_ns(100 * MS)
        following = meter.window("w")
        following.__enter__()
        before.__exit__(None, None, None)
        before = following
    assert len(meter.results) > 250
    # Twelve seconds at 110 readings a second, and none of the 28 before.
    assert len(meter._history) < 12 / CYCLE_S
    assert all(r.energy_j.value == pytest.approx(0.2, rel=0.05) for r in meter.results)
