from __future__ import annotations

import time

import pytest

from drivers.clock import MonotonicClock
from drivers.simulated.clock import SimulatedClock


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
