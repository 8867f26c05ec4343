from __future__ import annotations

import pytest

from joulesplit.calibrate.sampling import cycle_of, joined, lost_cycles, lost_time_s
from joulesplit.calibrate.sampling._trace import trace_of
from joulesplit.drivers.readings import Reading, ReadingFlag


def reading(t_ns: int, flags: ReadingFlag = ReadingFlag.NONE) -> Reading:
    return Reading(t_ns=t_ns, raw=(100, 10040), voltage_v=5.02, current_a=0.5, flags=flags)


def test_each_reading_stands_for_the_time_since_the_one_before_it():
    trace = trace_of(1_000, [reading(3_000), reading(7_000)])

    assert trace.starts_ns.tolist() == [1_000, 3_000]
    assert trace.durations_s.tolist() == pytest.approx([2e-6, 4e-6])
    assert trace.power_w.tolist() == pytest.approx([2.51, 2.51])


def test_stretches_that_follow_each_other_are_one():
    first, nothing = trace_of(5, [reading(10), reading(20)]), trace_of(20, [])

    whole = joined((first, nothing, trace_of(20, [reading(30)])))

    assert whole.start_ns == 5
    assert whole.records["t_ns"].tolist() == [10, 20, 30]
    assert whole.durations_s.tolist() == pytest.approx([5e-9, 10e-9, 10e-9])


def test_between_keeps_only_readings_wholly_inside():
    trace = trace_of(0, [reading(10), reading(20), reading(30), reading(40)])

    part = trace.between(5, 35)

    assert part.start_ns == 10
    assert part.records["t_ns"].tolist() == [20, 30]


def test_touching_keeps_every_reading_that_shares_time():
    trace = trace_of(0, [reading(10), reading(20), reading(30), reading(40)])

    part = trace.touching(15, 30)

    assert part.start_ns == 10
    assert part.records["t_ns"].tolist() == [20, 30]


@pytest.mark.parametrize(("end_ns", "times_ns"), [(0, [10]), (15, [30]), (20, [30]), (35, [])])
def test_the_next_reading_is_the_first_that_shares_no_time(end_ns, times_ns):
    trace = trace_of(0, [reading(10), reading(20), reading(30)])

    assert trace.next_after(end_ns).records["t_ns"].tolist() == times_ns


def test_lost_conversions_are_counted_from_the_time_stamps_alone():
    times = [10, 20, 30, 60, 70, 90, 100]
    trace = trace_of(0, [reading(t * 1_000_000) for t in times])

    assert cycle_of(trace) == pytest.approx(0.01)
    assert lost_cycles(trace, 0.01) == 3
    assert lost_time_s(trace, 0.01) == pytest.approx(0.03)


def test_flags_are_counted_by_any_of_their_bits():
    clipped = ReadingFlag.SHUNT_CLIPPED | ReadingFlag.RETRIED
    trace = trace_of(0, [reading(1), reading(2, clipped), reading(3, ReadingFlag.BUS_CLIPPED)])

    assert trace.count(ReadingFlag.SHUNT_CLIPPED | ReadingFlag.BUS_CLIPPED) == 2
    assert trace.count(ReadingFlag.CHIP_RESET) == 0
