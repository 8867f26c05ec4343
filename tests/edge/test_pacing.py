from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.edge import Pacer
from joulesplit.edge._pacing import HostClock
from joulesplit.edge.errors import EdgeConfigurationError

rates = st.floats(50, 1e9)
payloads = st.integers(1, 4000).map(lambda count: bytes(i % 251 for i in range(count)))


@given(payload=payloads, rate=rates)
def test_a_transfer_lasts_its_bits_over_the_rate(payload, rate, tick_clock):
    transfer = Pacer(rate, clock=tick_clock()).transfer(payload)
    assert b"".join(transfer) == payload
    assert len(transfer) == len(payload)
    duration_ns = transfer.ended_ns - transfer.started_ns
    assert duration_ns == pytest.approx(len(payload) * 8 / rate * 1e9, abs=1)


@given(payload=payloads, rate=rates)
def test_the_hook_hears_every_bit_before_it_is_handed_over(payload, rate, tick_clock):
    heard = []
    pacer = Pacer(rate, clock=tick_clock(), on_chunk=lambda bits, s: heard.append((bits, s)))
    for number, chunk in enumerate(pacer.transfer(payload), start=1):
        bits = 8 * len(chunk)
        assert (len(heard), heard[-1]) == (number, (bits, bits / rate))
    assert sum(bits for bits, _ in heard) == 8 * len(payload)


def test_late_wake_ups_do_not_add_up(tick_clock):
    clock = tick_clock(overshoot_ns=300_000)
    transfer = Pacer(1e6, clock=clock).transfer(bytes(125_000))
    assert sum(map(len, transfer)) == 125_000
    assert transfer.ended_ns - transfer.started_ns == 1_000_000_000


def test_after_a_stall_the_pacer_catches_up_and_never_runs_ahead_of_the_schedule(tick_clock):
    clock = tick_clock()
    rate, chunk_bytes = 1e6, 1250
    transfer = Pacer(rate, clock=clock).transfer(bytes(125_000))
    sent_bits = 0
    for number, chunk in enumerate(transfer):
        elapsed_s = (clock.now_ns() - transfer.started_ns) / 1e9
        sent_bits += 8 * len(chunk)
        assert sent_bits <= rate * elapsed_s + 8 * chunk_bytes + 1e-6
        if number == 10:
            clock.pass_time(350_000_000)
    assert transfer.ended_ns - transfer.started_ns == 1_000_000_000


def test_a_link_slower_than_the_rate_ends_the_transfer_late(tick_clock):
    clock = tick_clock()
    transfer = Pacer(1e6, clock=clock).transfer(bytes(125_000))
    for _ in transfer:
        clock.pass_time(20_000_000)
    assert transfer.ended_ns - transfer.started_ns == 100 * 20_000_000


def test_chunks_last_the_chunk_duration_and_have_at_least_a_byte(tick_clock):
    clock = tick_clock()
    assert [len(c) for c in Pacer(1e6, clock=clock).transfer(bytes(3000))] == [1250, 1250, 500]
    half = Pacer(1e6, clock=clock, chunk_duration_s=0.005)
    assert [len(c) for c in half.transfer(bytes(1250))] == [625, 625]
    assert [len(c) for c in Pacer(100.0, clock=clock).transfer(bytes(3))] == [1, 1, 1]


def test_without_a_rate_nothing_waits_and_no_airtime_is_claimed(tick_clock):
    heard = []
    clock = tick_clock()
    pacer = Pacer(None, clock=clock, on_chunk=lambda bits, s: heard.append((bits, s)))
    transfer = pacer.transfer(bytes(100_000))
    assert [len(chunk) for chunk in transfer] == [100_000]
    assert heard == [(800_000, 0.0)]
    assert transfer.started_ns == transfer.ended_ns == clock.now_ns()


@pytest.mark.parametrize("number", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_or_chunk_duration_that_is_no_positive_number_is_refused(number, tick_clock):
    with pytest.raises(EdgeConfigurationError, match="rate"):
        Pacer(number, clock=tick_clock())
    with pytest.raises(EdgeConfigurationError, match="chunk duration"):
        Pacer(1e6, clock=tick_clock(), chunk_duration_s=number)


def test_the_host_clock_never_wakes_early():
    clock = HostClock()
    due_ns = clock.now_ns() + 50_000
    clock.sleep_until_ns(due_ns)
    assert clock.now_ns() >= due_ns
    clock.sleep_until_ns(due_ns)


def test_waking_up_late_is_no_airtime(tick_clock):
    transfer = Pacer(1e6, clock=tick_clock(overshoot_ns=1_000_000)).transfer(bytes(500))

    assert list(transfer) == [bytes(500)]

    assert transfer.ended_ns - transfer.started_ns == 4_000_000
