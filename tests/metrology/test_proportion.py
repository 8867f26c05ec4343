"""The interval of a probability, held against scipy's own and against all outcomes summed up."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from joulesplit.metrology import fewest_trials, proportion_interval


@pytest.mark.parametrize("level", [0.95, 0.975])
@pytest.mark.parametrize(
    ("count", "trials"), [(0, 1), (1, 1), (0, 20), (20, 20), (3, 7), (197, 200), (9999, 10_000)]
)
def test_the_interval_is_that_of_the_exact_binomial_test(count, trials, level):
    expected = stats.binomtest(count, trials).proportion_ci(level, method="exact")
    assert proportion_interval(count, trials, level=level) == pytest.approx(
        (expected.low, expected.high), rel=1e-9, abs=1e-12
    )


def test_it_holds_the_probability_in_95_of_100_cases_whatever_that_is():
    trials = 20
    ends = [proportion_interval(count, trials) for count in range(trials + 1)]
    for p in np.linspace(0.001, 0.999, 333):
        chances = stats.binom.pmf(range(trials + 1), trials, p)
        held = sum(c for c, (low, high) in zip(chances, ends, strict=True) if low <= p <= high)
        assert held >= 0.95


@pytest.mark.parametrize(("count", "trials"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_is_refused(count, trials):
    with pytest.raises(ValueError, match="is no share"):
        proportion_interval(count, trials)


@pytest.mark.parametrize("least", [0.0, 0.01, 0.3, 0.5, 0.9, 0.98, 0.999])
def test_fewer_trials_than_are_asked_for_do_not_show_it_and_these_do(least):
    trials = fewest_trials(least)
    assert proportion_interval(trials, trials)[0] >= least
    assert trials == 1 or proportion_interval(trials - 1, trials - 1)[0] < least


def test_no_number_of_trials_shows_a_certainty():
    assert fewest_trials(1.0) is None
