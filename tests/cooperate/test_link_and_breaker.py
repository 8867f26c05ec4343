"""What is believed of the link, and when a server is left alone: closed formulas and a clock."""

from __future__ import annotations

from math import exp, inf, log, sqrt

import numpy as np
import pytest

from joulesplit.cooperate import CircuitBreaker, LinkEstimate
from joulesplit.cooperate._link_estimate import PRIOR_U, SCATTER, WANDER_PER_SQRT_S

S = 10**9


def test_the_first_upload_weighs_by_the_variances():
    link = LinkEstimate(1e7)
    link.uploaded(2_000_000, 0.25, 0)

    gain = PRIOR_U**2 / (PRIOR_U**2 + SCATTER**2)
    assert link.rate_bit_per_s == pytest.approx(exp(log(1e7) + gain * log(8e6 / 1e7)))
    assert link.relative_u(0) == pytest.approx(sqrt(1 - gain) * PRIOR_U)


def test_what_is_known_fades_with_the_root_of_time():
    link = LinkEstimate(1e7, relative_u=0.0)
    assert link.relative_u(100 * S) == pytest.approx(10 * WANDER_PER_SQRT_S)


def test_many_uploads_of_one_rate_are_believed_whatever_the_prior_was():
    generator, link = np.random.default_rng(3), LinkEstimate(1e9)
    for second in range(60):
        link.uploaded(1_000_000, 0.1 * exp(generator.normal(0, SCATTER)), second * S)
    assert link.rate_bit_per_s == pytest.approx(1e7, rel=0.2)
    assert link.uploads == 60


def test_a_jump_is_followed_within_two_uploads():
    link = LinkEstimate(2e7, relative_u=0.05)
    for second in range(2):
        link.uploaded(1_000_000, 1.0, second * S)
    assert link.rate_bit_per_s == pytest.approx(1e6, rel=0.3)


def test_an_upload_given_up_lowers_the_rate_and_never_raises_it():
    link = LinkEstimate(1e6)
    link.given_up(1_000_000, 0.1, 0)
    assert link.rate_bit_per_s == pytest.approx(1e6)
    link.given_up(1_000_000, 10.0, 0)
    assert link.rate_bit_per_s < 3e5


def test_impossible_observations_change_nothing():
    link = LinkEstimate(1e6)
    link.uploaded(0, 1.0, 0)
    link.uploaded(100, 0.0, 0)
    assert (link.rate_bit_per_s, link.uploads) == (pytest.approx(1e6), 0)


def test_a_breaker_doubles_its_wait_up_to_the_longest_and_closes_at_once():
    breaker, now_ns, waits = CircuitBreaker(first_wait_s=1.0, longest_wait_s=8.0), 0, []
    for _ in range(6):
        breaker.failed(now_ns)
        assert not breaker.allows(now_ns)
        wait_s = next(s for s in (1, 2, 4, 8) if breaker.allows(now_ns + s * S))
        waits.append(wait_s)
        now_ns += wait_s * S
    assert waits == [1, 2, 4, 8, 8, 8]
    breaker.succeeded()
    assert breaker.is_closed
    assert breaker.allows(now_ns)


def test_where_no_rate_is_known_the_first_upload_tells_it():
    """As of a policy that was made by hand, whose fastest rate is endless."""
    link = LinkEstimate(inf)
    link.uploaded(1_000_000, 0.5, now_ns=10**9)
    assert link.rate_bit_per_s == pytest.approx(2e6)
    late = LinkEstimate(inf)
    assert late.rate_bit_per_s == inf
    late.given_up(1_000_000, 0.5, now_ns=10**9)
    assert late.rate_bit_per_s == pytest.approx(2e6)
