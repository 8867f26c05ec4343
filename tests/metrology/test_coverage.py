import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.metrology import (
    Estimate,
    combined_coverage_factor,
    combined_inverse_freedom,
    coverage_factor,
    coverage_of,
    degrees_of_factor,
    effective_degrees_of_freedom,
    flat_errors,
    flatness,
    half_width_of,
    inverse_freedom_of_factor,
    inverse_freedoms,
    probability_below,
    scale_factors,
)
from joulesplit.metrology.errors import UndeterminedError

RECTANGULAR = -1 / 5


@pytest.mark.parametrize(
    ("degrees", "factor"), [(1, 12.706), (4, 2.776), (10, 2.228), (30, 2.042), (np.inf, 1.960)]
)
def test_student_t_is_that_of_the_table(degrees, factor):
    # GUM, table G.2, 95 %.
    assert coverage_factor(degrees) == pytest.approx(factor, abs=5e-4)
    assert degrees_of_factor(coverage_factor(degrees)) == pytest.approx(degrees, rel=1e-6)


def test_arrays_give_what_their_numbers_give():
    inverse = np.array([[1 / 3, 0.1, 0.0], [1e-12, -0.05, RECTANGULAR]])
    factors = combined_coverage_factor(inverse)
    assert factors.shape == (2, 3)
    assert factors.ravel().tolist() == [combined_coverage_factor(one) for one in inverse.ravel()]
    below = probability_below(1.3, inverse)
    assert below.ravel().tolist() == [probability_below(1.3, one) for one in inverse.ravel()]


def test_a_bound_alone_has_a_rectangular_interval():
    assert combined_coverage_factor(RECTANGULAR) == pytest.approx(0.95 * np.sqrt(3))
    assert probability_below(0.5 * np.sqrt(3), RECTANGULAR) == pytest.approx(0.75)
    assert probability_below(2.0, RECTANGULAR) == 1.0


@given(st.floats(-0.2, 0.9))
def test_the_interval_holds_what_the_distribution_says(inverse):
    factor = combined_coverage_factor(inverse)
    inside = probability_below(factor, inverse) - probability_below(-factor, inverse)
    assert inside == pytest.approx(0.95, abs=1e-9)


@given(st.floats(-0.2, 0.9))
def test_a_factor_leads_back_to_the_shape_of_its_error(inverse):
    factor = combined_coverage_factor(inverse)

    assert inverse_freedom_of_factor(factor) == pytest.approx(inverse, abs=1e-6)


def test_a_factor_below_that_of_a_bound_is_that_of_a_bound():
    assert inverse_freedom_of_factor(1.5) == pytest.approx(-0.2)


def test_no_degree_of_freedom_gives_no_interval():
    with pytest.raises(UndeterminedError, match="0 degrees of freedom"):
        coverage_factor(0)
    with pytest.raises(UndeterminedError):
        half_width_of(Estimate(value=1.0, u_stat=0.1, degrees_of_freedom=0, n=1), 0.1)


def test_two_bounds_of_one_size_are_between_a_rectangle_and_a_normal_error():
    # Their sum is triangular: P(|x| < c) = 1 − (1 − c/(2a))², half-width a = √3 each, u = √2.
    flat = flatness([1.0, 1.0], np.sqrt(2.0))
    assert flat == pytest.approx(0.5)
    exact = 2 * np.sqrt(3) * (1 - np.sqrt(0.05)) / np.sqrt(2)
    assert coverage_of(0.0, np.inf, np.sqrt(2.0), flat) == pytest.approx(exact, rel=0.01)


def test_degrees_of_freedom_are_those_of_the_gum_example():
    # GUM H.1.6, nm: ν_eff = 16.7.
    parts = [(25.0, 18.0), (9.7, 25.6), (2.9, 50.0), (16.6, 2.0)]
    assert effective_degrees_of_freedom(parts) == pytest.approx(16.7, abs=0.1)


def test_many_sums_are_taken_at_once():
    u = np.array([[1.0, 2.0, 0.0], [3.0, 0.0, 4.0], [0.0, 0.0, 0.0]])
    inverse = np.array([0.2, 0.1, -0.2])
    one_by_one = [combined_inverse_freedom(zip(row, inverse, strict=True)) for row in u.tolist()]
    assert inverse_freedoms(u, inverse) == pytest.approx(one_by_one)
    assert one_by_one[2] == 0.0


def test_drawn_errors_are_distributed_as_their_degrees_of_freedom_say():
    random, draws = np.random.default_rng(3), 200_000
    normal = random.standard_normal((draws, 2))
    student = normal * scale_factors(random, np.array([0.2, 0.0]), draws)
    for drawn, inverse in ((student[:, 0], 0.2), (student[:, 1], 0.0)):
        for z in (-2.5, -1.0, 0.3, 2.0):
            expected = probability_below(z, inverse)
            sigma = np.sqrt(expected * (1 - expected) / draws)
            assert np.mean(drawn < z) == pytest.approx(expected, abs=4.5 * sigma)
    flat = flat_errors(random, RECTANGULAR, draws)
    assert np.abs(flat).max() <= np.sqrt(3)
    assert np.mean(flat < 0.9) == pytest.approx((0.9 / np.sqrt(3) + 1) / 2, abs=0.005)


@pytest.mark.parametrize("degrees", [5, 10, 20])
def test_intervals_of_scatter_and_a_bound_hold_the_truth_as_often_as_they_say(degrees):
    """A world without our formulas: a mean of normal values plus a bounded error."""
    random, campaigns, half_bound = np.random.default_rng(degrees), 20_000, 0.4
    samples = random.standard_normal((campaigns, degrees + 1))
    errors = samples.mean(axis=1) + random.uniform(-half_bound, half_bound, campaigns)
    u_stat = samples.std(axis=1, ddof=1) / np.sqrt(degrees + 1)
    u_sys = half_bound / np.sqrt(3)
    half = [coverage_of(u, degrees, u_sys, 1.0) * np.hypot(u, u_sys) for u in u_stat.tolist()]
    held = np.mean(np.abs(errors) <= half)
    assert 0.93 < held < 0.97
    # What 1.96 makes of the scatter alone is not 95 %.
    assert np.mean(np.abs(samples.mean(axis=1)) <= 1.96 * u_stat) < 0.945
