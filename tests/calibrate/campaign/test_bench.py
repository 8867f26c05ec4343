from __future__ import annotations

import pytest

from calibrate.campaign.bench import Bench, pilot
from calibrate.campaign.plan import UNLIMITED
from calibrate.campaign.schedule import UploadSubject
from calibrate.workloads.protocol import RealActivity
from calibrate.workloads.upload import UploadWorkload
from drivers.simulated.clock import SimulatedClock

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

    unit_s = pilot(bench_of(subjects, clock), subjects)

    airtimes_s = [subject.airtime_s for subject in subjects]
    assert [unit_s[s.key] for s in subjects] == pytest.approx([a + 0.012 for a in airtimes_s])
    # The long one was not sent for it: that alone would take 1.6 s.
    assert clock.now_ns() - began_ns < 0.2e9


def test_how_long_an_upload_without_a_rate_takes_is_tried_out():
    subjects = (upload(4_000_000, UNLIMITED), upload(32_000, 20e6))
    clock = SimulatedClock()

    unit_s = pilot(bench_of(subjects, clock), subjects)

    assert unit_s[subjects[0].key] == pytest.approx(0.1 + 0.012)
