"""What comes late is in the interval, in campaigns of known truth whose power is drawn."""

from __future__ import annotations

from functools import cache

import pytest

from joulesplit.calibrate.campaign import QUICK, STANDARD
from proof.late_work import DrawnCampaigns, Late, held

CAMPAIGNS = 40


@cache
def campaigns_of(plan):
    return DrawnCampaigns(plan)


@pytest.mark.parametrize(
    ("plan", "late"),
    [
        (QUICK, Late(0.02, 15.0, fades=True)),
        (STANDARD, Late(0.02, 15.0, fades=True)),
        (STANDARD, Late(0.02, 20.0, fades=True)),
        (QUICK, Late(0.1, 8.0, fades=True, work="uploads")),
        (QUICK, Late(0.1, 12.0, fades=True, work="uploads")),
        (QUICK, Late(0.03, 8.0, fades=True, work="uploads")),
    ],
)
def test_what_fades_more_slowly_than_a_rest_tells_is_in_the_interval(plan, late):
    """By the courses of rests and the windows apart it was in 3 to 78 % of them."""
    share, _ = held(campaigns_of(plan), late, CAMPAIGNS)

    # Of forty intervals of 95 %, fewer than 34 hold in one of a hundred and fifty such tests.
    assert share >= 34 / 40


@pytest.mark.parametrize(
    ("late", "widest"),
    [
        (Late(0.1, 5.0, fades=True, work="uploads"), 0.15),
        (Late(0.1, 8.0, fades=True, work="uploads"), 0.15),
        (Late(0.03, 2.0, fades=False, work="uploads"), 0.08),
        (Late(0.0, 1.0, fades=False, work="uploads"), 0.007),
    ],
)
def test_the_interval_reaches_what_comes_late_and_not_twice_as_far(late, widest):
    share, half_width = held(campaigns_of(STANDARD), late, CAMPAIGNS)

    assert share >= 34 / 40
    assert half_width < widest


def test_where_nothing_comes_late_a_warm_board_that_cools_down_widens_little():
    share, half_width = held(campaigns_of(QUICK), Late(0.0, 1.0, fades=False), CAMPAIGNS)

    assert share >= 34 / 40
    assert half_width < 0.007
