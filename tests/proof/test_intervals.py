"""The intervals of decisions, over fewer campaigns than proof/ counts."""

import pytest

from proof.figures import Figure
from proof.intervals import HIGH, LOW, coverage, decision_intervals

CAMPAIGNS = 12


def figure(*, inside):
    return Figure(value=1.0, low=0.5, high=1.5, truth=1.2 if inside else 2.0)


def test_coverage_counts_intervals_and_takes_campaigns_as_independent():
    found = coverage([(figure(inside=True),) * 3 + (figure(inside=False),), ()])
    assert (found.intervals, found.share) == (4, 0.75)
    assert coverage([(figure(inside=True),), (figure(inside=False),)]).u == pytest.approx(0.5)


@pytest.mark.campaign
def test_the_intervals_of_a_decision_hold_the_truth():
    campaigns = [decision_intervals(seed) for seed in range(700_000, 700_000 + CAMPAIGNS)]
    for kind in ("candidates", "differences"):
        found = coverage([getattr(campaign, kind) for campaign in campaigns])
        # So few campaigns tell a share only so well: three of their own standard uncertainties.
        assert LOW - 3 * found.u <= found.share, kind
        assert found.share - 3 * found.u <= HIGH, kind
    # Not for lack of degrees: every figure states how well its scatter is known.
    assert all(5 < nu < 200 for campaign in campaigns for nu in campaign.degrees_of_freedom)
