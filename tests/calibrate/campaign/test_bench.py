from __future__ import annotations

import weakref

import pytest

from joulesplit.calibrate.campaign import QUICK, UNLIMITED, Bench, UploadSubject
from joulesplit.calibrate.campaign._bench import pilot, pilot_latency_s, subjects_of
from joulesplit.calibrate.profile import encoding_phase
from joulesplit.calibrate.workloads import (
    FreshStepWorkload,
    RealActivity,
    StepWorkload,
    UploadWorkload,
    WorkDone,
)
from joulesplit.drivers.simulated import SimulatedClock

BESIDES_NS = 12_000_000
"""What every upload takes besides its airtime."""

LINK_BIT_PER_S = 40e6


def upload(bits: int, rate) -> UploadSubject:
    return UploadSubject(key=f"{bits} at {rate}", payload_bits=bits, rate_bit_per_s=rate)


def bench_of(subjects, clock) -> Bench:
    """Return a bench whose uploads take their airtime and something besides."""

    def send(payload: bytes, rate: float | None) -> float:
        airtime_s = 8 * len(payload) / (rate or LINK_BIT_PER_S)
        clock.advance_ns(BESIDES_NS + round(airtime_s * 1e9))
        return airtime_s

    uploads = {
        subject.key: UploadWorkload(
            name=subject.key,
            payload=bytes(subject.payload_bits // 8),
            rate_bit_per_s=None if subject.rate_bit_per_s == UNLIMITED else subject.rate_bit_per_s,
            send=send,
            clock=clock,
            activity=RealActivity(),
        )
        for subject in subjects
    }
    return Bench(clock=clock, sampler=None, blocks={}, uploads=uploads)


def test_an_upload_takes_its_airtime_and_what_the_shortest_one_takes_besides():
    subjects = (upload(32_000, 20e6), upload(32_000, 5e6), upload(8_000_000, 5e6))
    clock = SimulatedClock()
    began_ns = clock.now_ns()

    unit_s = pilot(QUICK, bench_of(subjects, clock), subjects)

    airtimes_s = [subject.airtime_s for subject in subjects]
    assert [unit_s[s.key] for s in subjects] == pytest.approx([a + 0.012 for a in airtimes_s])
    # The long one was not sent for it: that alone would take 1.6 s.
    assert clock.now_ns() - began_ns < 0.2e9


def test_how_long_an_upload_without_a_rate_takes_is_tried_out():
    subjects = (upload(4_000_000, UNLIMITED), upload(32_000, 20e6))
    clock = SimulatedClock()

    unit_s = pilot(QUICK, bench_of(subjects, clock), subjects)

    assert unit_s[subjects[0].key] == pytest.approx(0.1 + 0.012)


@pytest.mark.parametrize("at_most", [1, 3])
def test_no_more_is_ever_ready_at_once_than_the_memory_holds(at_most):
    clock, alive = SimulatedClock(), weakref.WeakSet()
    most_alive = []

    class Copy:
        def __init__(self):
            alive.add(self)
            most_alive.append(len(alive))

    first = FreshStepWorkload(
        name="first", make=Copy, step=lambda _: clock.advance_ns(1_000_000),
        clock=clock, activity=RealActivity(), at_most=at_most,
    )  # fmt: skip
    bench = Bench(clock=clock, sampler=None, blocks={}, uploads={}, phases={"first": first})

    [subject] = subjects_of(QUICK, bench, pilot(QUICK, bench, ()))
    tasks = [subject.task(seconds) for seconds in subject.lengths_s]
    done = [bench.workload(task).run(task.repetitions) for task in tasks]

    assert [work.repetitions for work in done] == [at_most, at_most]
    assert subject.unit_s == pytest.approx(1e-3)
    assert max(most_alive) == at_most


def test_a_window_of_encoding_says_after_which_block_it_is():
    clock = SimulatedClock()
    keys = [encoding_phase("int8", block) for block in (0, 12)]
    steps = {
        key: StepWorkload(
            name=key, step=lambda: clock.advance_ns(10**6), clock=clock, activity=RealActivity()
        )
        for key in keys
    }
    bench = Bench(clock=clock, sampler=None, blocks={}, uploads={}, phases=steps)
    subjects = subjects_of(QUICK, bench, pilot(QUICK, bench, ()))
    assert [(one.key, one.task(1.0).block) for one in subjects] == [(keys[0], 0), (keys[1], 12)]


class Starting:
    """A block's runs in virtual time: a start, then one latency for each repetition."""

    def __init__(self, clock, latency_s, start_s, held_up=()):
        self.clock, self.latency_s, self.start_s = clock, latency_s, start_s
        self.held_up_s = dict(held_up)
        self.runs = []

    def run(self, repetitions):
        started_ns = self.clock.now_ns()
        late_s = self.held_up_s.get(len(self.runs), 0.0)
        self.runs.append(repetitions)
        self.clock.advance_ns(round(1e9 * (self.start_s + repetitions * self.latency_s + late_s)))
        return WorkDone(
            repetitions=repetitions, started_ns=started_ns, ended_ns=self.clock.now_ns()
        )


@pytest.mark.parametrize("latency_s", [20e-6, 3e-3, 15e-3, 25e-3, 150e-3])
@pytest.mark.parametrize("start_s", [0.0, 2e-3, 10e-3])
def test_what_a_run_takes_once_is_not_billed_to_its_repetitions(latency_s, start_s):
    workload = Starting(SimulatedClock(), latency_s, start_s)
    assert pilot_latency_s(workload) == pytest.approx(latency_s, rel=1e-4)


def test_a_block_so_slow_that_its_start_does_not_show_is_not_run_longer_for_it():
    workload = Starting(SimulatedClock(), 1.5, 0.01)
    assert pilot_latency_s(workload) == pytest.approx(1.51)
    assert workload.runs == [1, 1]


@pytest.mark.parametrize("late_s", [0.005, 0.02, 0.05, 0.5])
def test_a_pilot_that_was_held_up_until_its_last_run_does_not_make_windows_without_end(late_s):
    """Another program that slowed all runs but the longer one, which then took hardly more."""
    quiet = Starting(SimulatedClock(), 15e-3, 10e-3)
    pilot_latency_s(quiet)
    held_up = dict.fromkeys(range(len(quiet.runs) - 1), late_s)

    disturbed = Starting(SimulatedClock(), 15e-3, 10e-3, held_up=held_up)

    assert pilot_latency_s(disturbed) >= 12.5e-3


@pytest.mark.parametrize("late_s", [0.005, 0.05, 0.5])
def test_a_pilot_run_that_was_held_up_does_not_make_repetitions_longer(late_s):
    """The last of its runs is the longer one."""
    quiet = Starting(SimulatedClock(), 15e-3, 10e-3)
    pilot_latency_s(quiet)
    last = len(quiet.runs) - 1

    disturbed = Starting(SimulatedClock(), 15e-3, 10e-3, held_up={last: late_s})

    assert 15e-3 <= pilot_latency_s(disturbed) <= 25e-3
