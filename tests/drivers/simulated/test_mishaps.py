"""What befalls a simulated sensor happens when it is due, and whoever reads it is told."""

from __future__ import annotations

import itertools

import pytest

from joulesplit.drivers.ina219 import Ina219
from joulesplit.drivers.readings import ReadingFlag
from joulesplit.drivers.simulated import (
    ChipParameters,
    EventfulClock,
    Mishap,
    SharedProcessor,
    SimulatedClock,
    SimulatedI2cBus,
    SimulatedIna219,
    ThermalGovernor,
    Visit,
    reader_clock,
)
from joulesplit.drivers.simulated._load import BenchSource
from joulesplit.drivers.simulated._thermal import ThermalParameters

S = 1_000_000_000
ORIGIN_NS = 5 * S


def chip_on(clock):
    source = BenchSource(current_a=0.6, voltage_v=5.0)
    return SimulatedIna219(
        source, clock, seed=1, parameters=ChipParameters(shunt_ohm=0.1, noise_v_rms=50e-6)
    )


def flags_of_3_s(*mishaps):
    """Return the flags and the lengths of readings from 0.5 s to 3 s."""
    clock = EventfulClock(start_ns=ORIGIN_NS)
    chip = chip_on(clock)
    seen = reader_clock(mishaps, chip, clock, origin_ns=ORIGIN_NS)
    bus = SimulatedI2cBus(1, {0x40: chip}, clock)
    flags, times_ns = [], []
    with Ina219(
        bus, shunt_ohm=0.1, shunt_tolerance=0.01, expected_peak_a=1.5, clock=seen
    ) as sensor:
        while clock.now_ns() < ORIGIN_NS + 3 * S:
            reading = sensor.read()
            flags.append(reading.flags)
            times_ns.append(reading.t_ns)
    when = {
        flag: [t for t, found in zip(times_ns, flags, strict=True) if found & flag]
        for flag in ReadingFlag
    }
    steps = [after - before for before, after in itertools.pairwise(times_ns)]
    return when, max(steps) / 1e9


def test_without_mishaps_the_reader_sees_the_chips_own_clock():
    clock = SimulatedClock()
    assert reader_clock((), chip_on(clock), clock, origin_ns=0) is clock


def test_mishaps_need_a_time_in_which_they_can_happen():
    clock = SimulatedClock()
    with pytest.raises(ValueError, match="virtual time only"):
        reader_clock((Mishap(kind="reset", at_s=1.0),), chip_on(clock), clock, origin_ns=0)


@pytest.mark.parametrize(
    ("mishap", "flag"),
    [
        (Mishap(kind="reset", at_s=2.0), ReadingFlag.CHIP_RESET),
        (Mishap(kind="clock-stood-still", at_s=2.0, lasts_s=4e-3), ReadingFlag.CLOCK_STEP),
        (Mishap(kind="held-up", at_s=2.0, lasts_s=0.1), ReadingFlag.GAP_BEFORE),
    ],
)
def test_a_mishap_shows_once_and_at_its_time(mishap, flag):
    when, longest_s = flags_of_3_s(mishap)

    (found_ns,) = when[flag]
    assert 1.98 <= (found_ns - ORIGIN_NS) / S <= 2.2
    others = set(when) - {flag, ReadingFlag.GAP_BEFORE, ReadingFlag.NONE}
    assert not any(when[other] for other in others)
    assert (longest_s > 0.09) == (mishap.kind == "held-up")


def test_a_chip_that_is_stuck_is_marked_until_it_is_loose_again():
    when, _ = flags_of_3_s(Mishap(kind="stuck", at_s=1.0, lasts_s=1.5))

    stuck = [(t - ORIGIN_NS) / S for t in when[ReadingFlag.STUCK]]
    # From a hundred equal readings of 9.04 ms on.
    assert stuck[0] == pytest.approx(1.0 + 0.904, abs=0.02)
    assert stuck[-1] == pytest.approx(2.5, abs=0.02)


VISITS = (
    Visit(at_s=1.0, lasts_s=0.5, power_w=0.4, speed=0.5),
    Visit(at_s=1.4, lasts_s=0.2, power_w=0.1, speed=0.5),
)


def test_visitors_draw_their_power_when_they_come():
    announced = []
    SharedProcessor(
        VISITS, lambda *segment: announced.append(segment), origin_ns=ORIGIN_NS, alone=None
    )

    assert announced == [
        (6_000_000_000, 6_500_000_000, 0.4),
        (6_400_000_000, 6_600_000_000, 0.1),
    ]


@pytest.mark.parametrize(("at_s", "speed"), [(0.9, 1.0), (1.0, 0.5), (1.45, 0.25), (1.5, 0.5)])
def test_visitors_slow_down_what_begins_beside_them_and_a_hot_board_besides(at_s, speed):
    hot = ThermalParameters(start_c=85.0, ambient_c=85.0)
    t_ns = ORIGIN_NS + round(at_s * S)

    def shared(alone):
        return SharedProcessor(VISITS, lambda *_: None, origin_ns=ORIGIN_NS, alone=alone)

    assert shared(None).speed_and_power(t_ns) == (speed, 1.0)
    governor = ThermalGovernor(hot, idle_power_w=2.6, origin_ns=ORIGIN_NS)
    found = shared(governor).speed_and_power(t_ns)
    assert found == pytest.approx((speed * hot.throttled_speed, hot.throttled_power))
