from __future__ import annotations

import msgspec
import numpy as np
import pytest

from joulesplit.calibrate.campaign import no_thermometer
from joulesplit.calibrate.campaign._plan import Limits
from joulesplit.calibrate.campaign._warmup import RUNS_PER_HALF, cool_down, unsettled, warm_up
from joulesplit.calibrate.errors import TooHotError
from joulesplit.calibrate.sampling import Trace
from joulesplit.calibrate.sampling._trace import RECORD
from joulesplit.calibrate.workloads import WorkDone
from joulesplit.drivers.simulated import SimulatedClock

BAND_C = (20.0, 70.0)
LIMITS = Limits(temperature_c=BAND_C, warm_up_s=60.0, cool_down_s=100.0)
UNKNOWN = [None] * 2 * RUNS_PER_HALF


class Device:
    """Takes less time the warmer it is (caches, clocks), until it has run for a while."""

    def __init__(self, clock, settled_after: int, *, slow: float = 2.0) -> None:
        self.clock, self.settled_after, self.slow = clock, settled_after, slow
        self.runs = 0

    def run(self, repetitions):
        started_ns = self.clock.now_ns()
        cold = max(0.0, 1 - self.runs / self.settled_after)
        self.runs += 1
        self.clock.advance_ns(round(repetitions * 1e8 * (1 + self.slow * cold)))
        return WorkDone(
            started_ns=started_ns, ended_ns=self.clock.now_ns(), repetitions=repetitions
        )


class Drained:
    """Counts what is read and thrown away."""

    def __init__(self):
        self.until_ns = []

    def trace_until(self, t_ns):
        self.until_ns.append(t_ns)
        return Trace(start_ns=t_ns, records=np.zeros(0, dtype=RECORD))


def cooling(clock, start_c, rate_c_per_s):
    """A thermometer on something that loses heat at a steady rate from now on."""
    began_ns = clock.now_ns()
    return lambda: start_c - rate_c_per_s * (clock.now_ns() - began_ns) * 1e-9


@pytest.mark.parametrize(
    ("latencies_s", "temperatures_c", "moving"),
    [
        ([1.0] * 7, [None] * 7, "pace"),
        ([1.0] * 8, UNKNOWN, None),
        ([9.0, *[1.0] * 8], [None] * 9, None),
        ([1.05] * 4 + [1.0] * 4, UNKNOWN, "pace"),
        ([1.02] * 4 + [1.0] * 4, UNKNOWN, None),
        ([1.0] * 8, [50.0] * 8, None),
        ([1.0] * 8, [50.0 + 0.3 * k for k in range(8)], "temperature"),
        ([1.0] * 8, [71.0] * 8, "band"),
        ([1.0] * 8, [19.0] * 8, "band"),
        ([1.05] * 4 + [1.0] * 4, [71.0] * 8, "band"),
    ],
)
def test_warm_is_when_both_halves_agree_inside_the_band(latencies_s, temperatures_c, moving):
    assert unsettled(latencies_s, temperatures_c, BAND_C) == moving


def test_one_slow_run_does_not_keep_a_device_cold():
    assert unsettled([1.0, 1.0, 5.0, 1.0, 1.0, 1.0, 1.0, 1.0], UNKNOWN, BAND_C) is None


@pytest.mark.parametrize("settled_after", [1, 30])
def test_a_device_runs_until_it_has_settled_and_no_longer(settled_after):
    clock = SimulatedClock()
    device, sampler = Device(clock, settled_after), Drained()

    warm = warm_up(
        device, 2, clock=clock, sampler=sampler, thermometer=no_thermometer, limits=LIMITS
    )

    assert warm.warm
    assert warm.runs == device.runs == len(sampler.until_ns)
    # Settled is not the count: a slow device takes longer, a quick one just the two halves.
    assert (warm.runs == 2 * RUNS_PER_HALF) is (settled_after == 1)
    assert warm.runs >= min(settled_after, 2 * RUNS_PER_HALF)


def test_a_device_that_never_settles_is_told_apart_after_the_longest_wait():
    clock = SimulatedClock()
    heating = iter(range(30, 10_000))

    warm = warm_up(
        Device(clock, 1),
        1,
        clock=clock,
        sampler=Drained(),
        thermometer=lambda: float(next(heating)),
        limits=LIMITS,
    )

    assert not warm.warm
    assert LIMITS.warm_up_s <= warm.duration_s < LIMITS.warm_up_s + 1
    assert warm.temperature_c == 30 + warm.runs - 1
    assert warm.unsettled == "band"


def test_a_hot_device_waits_until_its_sensor_says_that_it_is_cool():
    clock, sampler = SimulatedClock(), Drained()

    cool = cool_down(clock, sampler, cooling(clock, 76.0, 0.5), LIMITS)

    # From 76 °C to 2 °C below the upper end of the band at half a degree per second.
    assert cool.waited_s == pytest.approx(16.0, abs=1.0)
    assert cool.temperature_c == pytest.approx(68.0, abs=0.5)
    assert sampler.until_ns == sorted(sampler.until_ns)
    assert sampler.until_ns[-1] == clock.now_ns()


@pytest.mark.parametrize("temperature_c", [None, 25.0, 70.0])
def test_a_cool_device_and_one_without_a_sensor_do_not_wait(temperature_c):
    clock = SimulatedClock()

    cool = cool_down(clock, Drained(), lambda: temperature_c, LIMITS)

    assert (cool.waited_s, cool.temperature_c) == (0.0, temperature_c)
    assert clock.now_ns() == SimulatedClock().now_ns()


@pytest.mark.parametrize("longest_s", [100.0, 5.0, 0.0])
def test_a_device_that_stays_hot_ends_the_wait_with_what_to_do(longest_s):
    clock, steps = SimulatedClock(), []
    began_ns = clock.now_ns()
    limits = msgspec.structs.replace(LIMITS, cool_down_s=longest_s)

    with pytest.raises(
        TooHotError, match=rf"80 °C after {longest_s:.0f} s .*70 °C at most: cool it"
    ):
        cool_down(clock, Drained(), lambda: 80.0, limits, steps.append)

    assert (clock.now_ns() - began_ns) * 1e-9 == pytest.approx(longest_s)
    assert [cool.waited_s for cool in steps] == pytest.approx([*range(round(longest_s))])


def test_a_device_that_cooled_into_its_band_but_not_far_may_go_on():
    clock = SimulatedClock()
    limits = msgspec.structs.replace(LIMITS, cool_down_s=3.0)

    cool = cool_down(clock, Drained(), cooling(clock, 72.0, 1.0), limits)

    assert (cool.waited_s, cool.temperature_c) == pytest.approx((3.0, 69.0))


def test_a_sensor_that_falls_silent_ends_the_wait():
    clock = SimulatedClock()
    told = iter([80.0, 79.0, None])

    cool = cool_down(clock, Drained(), lambda: next(told), LIMITS)

    assert cool.temperature_c is None
    assert cool.waited_s == pytest.approx(2.0)
