"""Figures that cannot be below zero, against the closed formula of one and brute force for two."""

from __future__ import annotations

import numpy as np
import pytest

from joulesplit.metrology import not_below_zero

COVARIANCE = np.array([[1.0, -0.6, 0.3], [-0.6, 2.0, 0.1], [0.3, 0.1, 0.5]])


def test_one_figure_is_zero_and_all_others_move_by_their_covariance():
    values = np.array([-0.5, 3.0, 1.0])
    expected = [0.0, 3.0 - 0.6 * 0.5, 1.0 + 0.3 * 0.5]
    assert not_below_zero(values, COVARIANCE, [0]) == pytest.approx(expected)


def test_two_figures_are_the_likeliest_of_all_that_are_not_below_zero():
    values = np.array([-0.3, 0.1, 1.0])
    found = not_below_zero(values, COVARIANCE, [0, 1])
    precision = np.linalg.inv(COVARIANCE)
    steps = np.linspace(0.0, 1.0, 41)
    grid = np.array([[a, b, c + 0.5] for a in steps for b in steps for c in steps])
    distances = np.einsum("ki,ij,kj->k", grid - values, precision, grid - values)
    apart = found - values
    assert apart @ precision @ apart <= distances.min() + 1e-9
    assert (found[:2] >= 0.0).all()


def test_what_is_above_zero_or_exact_stays_as_it_is():
    values = np.array([0.1, 0.0, -1.0])
    assert np.array_equal(not_below_zero(values, np.diag([1.0, 0.0, 1.0]), [0, 1]), values)
