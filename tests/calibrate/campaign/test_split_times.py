"""How long a split took, held against what was predicted."""

from __future__ import annotations

import pytest

from joulesplit.calibrate.campaign._split_times import CLOCK_S, compare_time, mean_of


def compared(predicted_s, measured_s, u_s=0.0, share=0.1):
    return compare_time(predicted_s, (measured_s, u_s), 6, share=share, level=0.999)


def test_four_times_what_was_predicted_differs():
    found = compared(0.098, 0.468, share=0.25)
    assert (found.predicted_s, found.measured_s, found.agrees) == (0.098, 0.468, False)


def test_a_time_may_be_off_by_its_share_and_by_the_clock():
    bound_s = 0.1 + CLOCK_S
    assert compared(1.0, 1.0 + 0.99 * bound_s).agrees
    assert compared(1.0, 1.0 - 0.99 * bound_s).agrees
    assert not compared(1.0, 1.0 + 1.01 * bound_s).agrees
    assert not compared(1.0, 1.0 - 1.01 * bound_s).agrees


def test_a_mean_over_scattering_windows_may_be_off_by_chance_too():
    """Student's t of five degrees of freedom at 99.9 %: 6.869."""
    times_s = [1.0, 1.2, 1.4, 1.6, 1.8, 2.0]
    mean_s, u_s = mean_of(times_s)
    assert (mean_s, u_s) == (pytest.approx(1.5), pytest.approx(0.15275, rel=1e-4))
    found = compared(1.0, mean_s, u_s)
    assert found.bound_s == pytest.approx(0.1 + CLOCK_S + 6.869 * u_s, rel=1e-3)
    assert found.agrees


def test_nothing_is_compared_that_was_not_predicted_or_not_sent():
    assert compared(None, 1.0) is None
    assert compare_time(1.0, None, 6, share=0.1, level=0.999) is None
