from __future__ import annotations

import pytest

from joulesplit.calibrate.workloads import (
    DownloadWorkload,
    FreshStepWorkload,
    LinkCount,
    PreparedWorkload,
    RealActivity,
    StepWorkload,
    UploadWorkload,
)
from joulesplit.drivers.simulated import SimulatedClock


class Link:
    """Counts like a socket and an interface that wraps what it carries."""

    def __init__(self, clock):
        self.clock, self.bits = clock, 0

    def transfer(self, payload_bytes, rate_bit_per_s=None):
        self.bits += 8 * payload_bytes
        airtime_s = 8 * payload_bytes / (rate_bit_per_s or 8e5)
        self.clock.advance_ns(round(airtime_s * 1e9))
        return airtime_s

    def count(self):
        return LinkCount(
            socket_bits=self.bits + 100,
            interface_tx_bits=2 * self.bits + 7,
            interface_rx_bits=3 * self.bits,
        )


@pytest.fixture
def clock():
    return SimulatedClock()


def test_an_upload_window_counts_only_what_it_carried_itself(clock):
    link = Link(clock)
    workload = UploadWorkload(
        name="u",
        payload=bytes(1000),
        rate_bit_per_s=None,
        send=lambda payload, _rate: link.transfer(len(payload)),
        clock=clock,
        activity=RealActivity(),
        meter=link.count,
    )
    workload.run(5)

    done = workload.run(3)

    assert done.payload_bits == 24_000
    assert (done.socket_bits, done.interface_tx_bits) == (24_000, 48_000)
    assert done.interface_rx_bits == 72_000


def test_a_download_window_reports_what_it_received(clock):
    link = Link(clock)
    workload = DownloadWorkload(
        name="d",
        payload_bytes=1000,
        rate_bit_per_s=5e6,
        receive=link.transfer,
        clock=clock,
        activity=RealActivity(),
        meter=link.count,
    )

    done = workload.run(4)

    assert (done.payload_bits, done.airtime_s) == (32_000, pytest.approx(32_000 / 5e6))
    assert done.interface_rx_bits == 96_000


@pytest.mark.parametrize(
    ("before", "after", "carried"), [(5, 9, 4), (None, 9, None), (5, None, None), (9, 5, None)]
)
def test_a_counter_that_is_missing_or_was_reset_tells_nothing(before, after, carried):
    earlier = LinkCount(interface_tx_bits=before)
    assert LinkCount(interface_tx_bits=after).since(earlier).interface_tx_bits == carried


def test_a_step_is_repeated_inside_the_window(clock):
    workload = StepWorkload(
        name="s", step=lambda: clock.advance_ns(1000), clock=clock, activity=RealActivity()
    )
    done = workload.run(5)
    assert done.ended_ns - done.started_ns == 5000
    assert not isinstance(workload, PreparedWorkload)


def test_a_first_time_is_made_ready_before_the_window_and_happens_once_to_each(clock):
    made, stepped = [], []

    def make():
        clock.advance_ns(10**9)
        made.append(object())
        return made[-1]

    workload = FreshStepWorkload(
        name="f", make=make, step=stepped.append, clock=clock, activity=RealActivity(), at_most=3
    )
    assert isinstance(workload, PreparedWorkload)
    workload.prepare(3)
    done = workload.run(3)

    assert stepped == made
    assert done.ended_ns == done.started_ns
    workload.prepare(1)
    assert len(made) == 4
    with pytest.raises(IndexError):
        workload.run(2)


def test_workloads_on_one_shelf_never_hold_things_at_the_same_time(clock):
    shelf = []
    first, second = (
        FreshStepWorkload(
            name=name, make=object, step=lambda _: None, clock=clock, activity=RealActivity(),
            at_most=3, shelf=shelf,
        )
        for name in ("first", "second")
    )  # fmt: skip
    first.prepare(3)
    first.run(3)
    second.prepare(2)

    assert len(shelf) == 2
    assert second.run(2).repetitions == 2
