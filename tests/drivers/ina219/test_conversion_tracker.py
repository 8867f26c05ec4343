from __future__ import annotations

import pytest

from joulesplit.drivers.ina2xx._conversion_tracker import ConversionTracker

P = 9_000_000


@pytest.fixture
def tracker():
    """The last end at 0, a period of 9 ms, 94 % of it shunt, 120 µs a transaction."""
    return ConversionTracker(end_ns=0.0, period_ns=P, shunt_share=0.94, transaction_ns=120_000)


def test_polls_close_in_on_the_expected_end(tracker):
    times, now_ns = [], 0
    for attempt in range(5):
        now_ns = tracker.poll_time_ns(now_ns, attempt)
        times.append(now_ns / P)
    one = 0.12 / 9
    assert times == pytest.approx([0.97 - one, 1.03, 1.13, 1.23, 1.33])


def test_a_late_reader_polls_at_once_in_the_middle_of_a_cycle(tracker):
    assert tracker.poll_time_ns(int(1.4 * P), 0) == int(1.4 * P)


def test_a_late_reader_waits_for_the_result_that_is_about_to_replace_this_one(tracker):
    wait_ns = tracker.poll_time_ns(int(1.93 * P), 0)
    assert 2.0 * P < wait_ns < 2.1 * P


def test_a_late_reader_at_a_boundary_waits_until_the_new_result_is_certain(tracker):
    wait_ns = tracker.poll_time_ns(int(2.01 * P), 0)
    assert 2.05 * P < wait_ns < 2.1 * P


def test_a_conversion_given_up_is_not_taken_for_the_next(tracker):
    now_ns = int(1.5 * P)
    seen = {"idle_ns": None, "started_ns": now_ns, "ended_ns": now_ns + 120_000}
    assert tracker.locate(**seen)
    assert tracker.end_ns == P
    assert tracker.accept(int(1.95 * P)) is None  # its shunt result was read too late
    assert tracker.poll_time_ns(now_ns, 0) == pytest.approx(1.97 * P - 120_000)
    assert tracker.locate(**seen)
    assert tracker.accept(now_ns + 240_000) == 1


def test_a_poll_that_spans_two_ends_places_neither(tracker):
    assert not tracker.locate(idle_ns=None, started_ns=int(1.5 * P), ended_ns=int(2.5 * P))


@pytest.mark.parametrize(("number", "off"), [(1, 0.12), (1, -0.12), (3, 0.2), (20, -0.3)])
def test_an_end_where_the_period_does_not_lead_to_is_a_slip(tracker, number, off):
    end_ns = (number + off) * P
    assert tracker.locate(idle_ns=int(end_ns - 9e4), started_ns=int(end_ns), ended_ns=int(end_ns))
    assert tracker.has_slipped
    assert tracker.is_off_pace
    assert tracker.is_searching
    tracker.accept(int(end_ns))
    assert tracker.period_ns == P


def test_after_a_slip_the_period_is_measured_anew(tracker):
    """A jump of half a period is nothing that a mean over ends could take in."""
    jump_ns = 0.0
    for number in range(1, 300):
        if number == 150:
            jump_ns = 0.45 * P
        end_ns = int(number * 1.01 * P + jump_ns)
        assert tracker.locate(idle_ns=end_ns - 200_000, started_ns=end_ns, ended_ns=end_ns + 50_000)
        assert tracker.has_slipped == (number == 150)
        assert tracker.is_searching == (number == 150)
        tracker.accept(end_ns + 60_000)
    assert tracker.period_ns == pytest.approx(1.01 * P, rel=1e-3)


def test_an_end_far_off_after_many_cycles_unread_is_none(tracker):
    """Half a percent of the period adds up; within that, nothing jumped."""
    end_ns = int(60.35 * P)
    assert tracker.locate(idle_ns=end_ns - 90_000, started_ns=end_ns, ended_ns=end_ns)
    assert not tracker.has_slipped


def test_ends_follow_the_brackets_and_the_period_follows_the_ends(tracker):
    true_period_ns = 1.01 * P
    for number in range(1, 200):
        true_end_ns = number * true_period_ns
        assert tracker.locate(
            idle_ns=int(true_end_ns - 0.03 * P),
            started_ns=int(true_end_ns),
            ended_ns=int(true_end_ns + 0.03 * P),
        )
        assert abs(tracker.end_ns - true_end_ns) <= 0.03 * P
        assert tracker.accept(int(true_end_ns + 0.04 * P)) == 0
    assert tracker.period_ns == pytest.approx(true_period_ns, rel=1e-3)
