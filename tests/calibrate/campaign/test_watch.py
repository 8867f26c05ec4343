"""Which windows of a campaign are watched for what comes late."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign import QUICK
from joulesplit.calibrate.campaign._watch import FIRST_WATCHED, LateWatch, watched_of, watched_s


@pytest.mark.parametrize("kind", FIRST_WATCHED)
def test_the_first_windows_are_watched_and_of_all_later_ones_one_in_four(kind):
    first = FIRST_WATCHED[kind]
    watched = [watched_of(kind, seen + 1) > watched_of(kind, seen) for seen in range(first + 41)]

    assert watched[:first] == [True] * first
    assert watched[first:] == [later % 4 == 0 for later in range(41)]


def test_what_is_to_come_is_expected_to_be_watched_as_it_will_be():
    watch = LateWatch(QUICK)
    long_s, short_s = max(QUICK.work_s), min(QUICK.work_s)
    to_come = [("compute", long_s)] * 18 + [("compute", short_s)] * 9 + [("control", long_s)]

    expected = watched_of("compute", 18) * watched_s(QUICK.timing.idle_s)
    assert watch.expected_s(to_come) == pytest.approx(expected)
