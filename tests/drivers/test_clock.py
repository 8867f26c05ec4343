from __future__ import annotations

import time

import pytest

from joulesplit.drivers import MonotonicClock
from joulesplit.drivers.simulated import EventfulClock, SimulatedClock
from joulesplit.drivers.simulated._clock import SteppedClock


def test_monotonic_clock_shows_clock_monotonic():
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    now = MonotonicClock().now_ns()
    assert before <= now <= time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def test_monotonic_clock_sleeps_again_after_waking_early(monkeypatch):
    now = [1000]
    slept = []

    def wakes_early(duration_s: float) -> None:
        slept.append(duration_s)
        now[0] += max(1, int(duration_s * 1e9 / 2))

    monkeypatch.setattr(time, "monotonic_ns", lambda: now[0])
    monkeypatch.setattr(time, "sleep", wakes_early)
    MonotonicClock().sleep_until_ns(2000)
    assert now[0] >= 2000
    assert len(slept) > 1


def test_simulated_clock_moves_only_when_moved_and_never_back():
    clock = SimulatedClock(start_ns=500)
    assert clock.now_ns() == 500
    clock.sleep_until_ns(900)
    clock.sleep_until_ns(100)
    clock.advance_ns(7)
    assert clock.now_ns() == 907
    with pytest.raises(ValueError, match="backwards"):
        clock.advance_ns(-1)


def test_on_an_eventful_clock_things_happen_at_their_very_time():
    clock, happened = EventfulClock(start_ns=0), []
    for t_ns in (300, 100, 200, 900):
        clock.at(t_ns, lambda: happened.append(clock.now_ns()))
    clock.advance_ns(150)
    assert happened == [100]
    clock.sleep_until_ns(400)
    assert happened == [100, 200, 300]
    assert clock.now_ns() == 400
    clock.at(50, lambda: happened.append(clock.now_ns()))
    clock.sleep_until_ns(500)
    assert happened == [100, 200, 300, 400]
    with pytest.raises(ValueError, match="backwards"):
        clock.advance_ns(-1)


def test_a_stepped_clock_jumps_both_ways_and_sleeps_by_what_it_shows():
    world = EventfulClock(start_ns=1000)
    clock = SteppedClock(world)
    clock.step_ns(-400)
    assert (clock.now_ns(), world.now_ns()) == (600, 1000)
    clock.sleep_until_ns(700)
    assert world.now_ns() == 1100
    clock.step_ns(500)
    assert clock.now_ns() == 1200
    world.at(1150, lambda: clock.step_ns(-30))
    clock.sleep_until_ns(1300)
    assert (clock.now_ns(), world.now_ns()) == (1300, 1230)
