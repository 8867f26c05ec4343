"""The intervals of decisions, over fewer campaigns than proof/ counts."""

import numpy as np
import pytest

from campaign_counts import campaigns
from proof.figures import Figure
from proof.intervals import LOW, coverage, decision_intervals

CAMPAIGNS = campaigns(every=12, few=4)


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
        figures = [getattr(campaign, kind) for campaign in campaigns]
        # The scale of one sensor is in all figures of a campaign, so that they err together: twelve
        # campaigns tell a share of 95 % to 6 % only, and one of 97 % not from 100 %; four to 11 %.
        held = coverage(figures).share
        assert held >= LOW - 3 * (0.95 * 0.05 / CAMPAIGNS) ** 0.5, kind
        # Intervals twice as wide as they need to be would use a quarter of their half-widths: a
        # normal error uses 0.41 of them in the mean, a rectangular one 0.53.
        used = [abs(f.value - f.truth) / (f.high - f.low) * 2 for each in figures for f in each]
        assert np.mean(used) > 0.27, kind
    # Not for lack of degrees: every figure states how well its scatter is known.
    assert all(5 < nu < 200 for campaign in campaigns for nu in campaign.degrees_of_freedom)
