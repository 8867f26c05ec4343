import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from joulesplit.metrology import (
    beyond_rounding,
    deviations,
    each_beyond_rounding,
    is_rounding,
    linear_u,
    quadrature_rest,
    standard_deviation,
)

EPS = np.finfo(np.float64).eps


@given(st.floats(1e-12, 1e12), st.integers(2, 500))
def test_equal_values_that_were_computed_in_different_ways_have_no_scatter(value, count):
    # 1 ulp apart, now here, now there: what another order of summing makes of one value.
    ways = np.array([value, np.nextafter(value, math.inf), np.nextafter(value, 0.0)])
    values = np.resize(ways, count)

    assert not deviations(values).any()
    assert standard_deviation(values) == 0.0


@given(st.floats(1e-12, 1e12), st.integers(2, 500))
def test_scatter_of_a_billionth_is_scatter(value, count):
    values = value * (1 + 1e-9 * np.where(np.arange(count) % 2, 1, -1))

    assert standard_deviation(values) == pytest.approx(np.std(values, ddof=1), rel=1e-6)


def test_differences_are_kept_or_dropped_together():
    figures = np.array([1e3, 1e3, 1e-3])
    assert beyond_rounding([1e-13, -1e-13, 0.0], figures).tolist() == [0.0, 0.0, 0.0]
    assert beyond_rounding([1e-13, -1e-13, 1e-6], figures).tolist() == [1e-13, -1e-13, 1e-6]


def test_of_sums_each_is_kept_or_dropped_by_its_own_terms():
    sums, sizes = np.array([1e-16, 1e-16]), np.array([1.0, 1e-3])
    assert each_beyond_rounding(sums, sizes, 2).tolist() == [0.0, 1e-16]


def test_a_part_that_is_all_of_an_uncertainty_leaves_nothing():
    # Plain √(u² − c²) turns one ulp of u into 1.5e-8 of it.
    assert math.sqrt(np.nextafter(0.3, 1.0) ** 2 - 0.3**2) > 1e-9
    assert quadrature_rest(float(np.nextafter(0.3, 1.0)), 0.3) == 0.0
    assert quadrature_rest(0.3, 0.4) == 0.0
    assert quadrature_rest(0.5, 0.4) == pytest.approx(0.3)


def test_a_sum_in_which_everything_cancels_is_certain():
    # One cause in both figures, three times as much in the second.
    effects = np.array([0.1, 0.3])
    covariance = np.outer(effects, effects)
    assert linear_u(np.array([3.0, -1.0]), covariance) == 0.0
    assert linear_u(np.array([3.0, 1.0]), covariance) == pytest.approx(0.6)


def test_figures_that_differ_by_rounding_are_one():
    assert is_rounding(0.1 + 0.2 - 0.3, 0.3, 0.3)
    assert not is_rounding(1e-12, 0.3, 0.3)


EXACT_FITS = """
import numpy as np
from joulesplit.calibrate.estimates._other_methods import outliers, solutions
from joulesplit.calibrate.estimates import LinearModel
rng = np.random.default_rng(1)
for count in (8, 20, 61):
    for columns in (2, 3, 7):
        design = np.zeros((count, columns))
        design[:, 0] = 1.0
        rows = np.arange(count)
        design[rows, 1 + rows % (columns - 1)] = 3.0 + rows * 1.7
        energies = rng.uniform(1e-3, 3.0, columns)
        energies[0] = 0.0
        observed = design @ energies
        problem = LinearModel(design=design, observed=observed, spread=np.sqrt(1 + observed))
        found = solutions(problem)
        methods = [solution.method for solution in found]
        assert methods == ["weighted", "ordinary", "huber"], methods
        for solution in found:
            assert solution.fit.scale == 0.0, (solution.method, solution.fit.scale)
            assert not solution.fit.covariance.any()
            assert solution.fit.coefficients[0] == 0.0
            assert not outliers(solution.fit).any()
"""


@pytest.mark.parametrize("kernel", [{}, {"OPENBLAS_CORETYPE": "Prescott"}], ids=["own", "oldest"])
def test_windows_without_scatter_have_none_by_any_kernel(kernel):
    # The oldest is the one kernel that every x86-64 processor runs; `make kernels` takes them all.
    others = {name: value for name, value in os.environ.items() if "OPENBLAS" not in name}
    environment = {**others, **kernel}
    done = subprocess.run(
        [sys.executable, "-c", EXACT_FITS], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
