"""Which windows of a campaign are watched for what comes late."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign._watch import FIRST_WATCHED, watched_of


@pytest.mark.parametrize("kind", FIRST_WATCHED)
def test_the_first_windows_are_watched_and_of_all_later_ones_one_in_four(kind):
    first = FIRST_WATCHED[kind]
    watched = [watched_of(kind, seen + 1) > watched_of(kind, seen) for seen in range(first + 41)]

    assert watched[:first] == [True] * first
    assert watched[first:] == [later % 4 == 0 for later in range(41)]
