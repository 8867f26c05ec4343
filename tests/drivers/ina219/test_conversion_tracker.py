from __future__ import annotations

import pytest

from drivers.ina219.conversion_tracker import ConversionTracker

P = 9_000_000


@pytest.fixture
def tracker():
    """The last end at 0, a period of 9 ms, 94 % of it shunt, 120 µs a transaction."""
    return ConversionTracker(end_ns=0.0, period_ns=P, shunt_share=0.94, transaction_ns=120_000)


def test_polls_close_in_on_the_expected_end(tracker):
    times = [tracker.poll_time_ns(0, attempt) / P for attempt in range(5)]
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
    assert tracker.locate(**seen).number == 1
    tracker.drop(1)
    assert tracker.locate(**seen).number == 2
    assert tracker.poll_time_ns(now_ns, 0) == pytest.approx(1.97 * P - 120_000)


def test_a_poll_that_spans_two_ends_places_neither(tracker):
    assert tracker.locate(idle_ns=None, started_ns=int(1.5 * P), ended_ns=int(2.5 * P)) is None


def test_ends_follow_the_brackets_and_the_period_follows_the_ends(tracker):
    true_period_ns = 1.01 * P
    for number in range(1, 200):
        true_end_ns = number * true_period_ns
        located = tracker.locate(
            idle_ns=int(true_end_ns - 0.03 * P),
            started_ns=int(true_end_ns),
            ended_ns=int(true_end_ns + 0.03 * P),
        )
        assert located.number == 1
        assert abs(located.end_ns - true_end_ns) <= 0.03 * P
        assert tracker.accept(located) == 0
    assert tracker.period_ns == pytest.approx(true_period_ns, rel=1e-3)
