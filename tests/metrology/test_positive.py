"""Figures that cannot be below zero, against sampling and the closed formula of one of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from joulesplit.metrology import not_below_zero

COVARIANCE = np.array([[1.0, -0.6, 0.3], [-0.6, 2.0, 0.1], [0.3, 0.1, 0.5]])


def test_one_figure_moves_all_others_by_their_covariance():
    values = np.array([-0.5, 3.0, 1.0])
    mean, covariance = not_below_zero(values, COVARIANCE, [0])
    rise = math.exp(-0.125) / math.sqrt(2 * math.pi) / (0.5 * math.erfc(0.5 / math.sqrt(2)))
    moved, left = rise - 0.0, 1 - rise * (rise - 0.5)
    assert mean == pytest.approx(values + COVARIANCE[:, 0] * moved)
    expected = COVARIANCE - np.outer(COVARIANCE[0], COVARIANCE[0]) * (1 - left)
    assert covariance == pytest.approx(expected)


def test_several_figures_have_about_the_moments_of_what_is_left_of_their_distribution():
    values = np.array([-0.3, 0.4, 1.0])
    drawn = np.random.default_rng(1).multivariate_normal(values, COVARIANCE, 400_000)
    left = drawn[(drawn[:, 0] >= 0) & (drawn[:, 1] >= 0)]
    mean, covariance = not_below_zero(values, COVARIANCE, [0, 1])
    # Matching moments figure by figure is not exact for two that correlate.
    assert mean == pytest.approx(left.mean(axis=0), abs=0.03)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(left.std(axis=0), rel=0.04)


def test_what_is_far_above_zero_or_exact_stays_as_it_is():
    values = np.array([7.0, 0.0, -1.0])
    exact = np.diag([1.0, 0.0, 1.0])
    mean, covariance = not_below_zero(values, exact, [0, 1])
    assert np.array_equal(mean, values)
    assert np.array_equal(covariance, exact)
