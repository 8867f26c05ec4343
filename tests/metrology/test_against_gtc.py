"""The same expressions by GTC, the GUM Tree Calculator of New Zealand's institute of metrology."""

from __future__ import annotations

import math

import GTC
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joulesplit.metrology import (
    CommonCauses,
    Estimate,
    Inputs,
    budget_table,
    causes_of,
    coverage_factor,
    effective_degrees_of_freedom,
    independent_causes,
    weighted_fit,
)

SIZES = st.floats(0.01, 10.0)
FREEDOMS = st.integers(2, 60)


def table(weights, values, covariance, freedom, common):
    return Inputs(
        weights=np.array(weights, dtype=float),
        values=np.array(values, dtype=float),
        own=independent_causes(np.array(covariance, dtype=float)),
        estimates=np.zeros(len(values), dtype=np.intp),
        inverse_freedom=np.array([1 / freedom]),
        common=np.array(common, dtype=float)[:, np.newaxis],
    )


@settings(max_examples=60)
@given(
    st.lists(st.tuples(SIZES, FREEDOMS, st.floats(-3.0, 3.0)), min_size=1, max_size=6),
)
def test_a_sum_has_gtcs_uncertainty_and_degrees_of_freedom(parts):
    oracle = sum(w * GTC.ureal(1.0, u, nu) for u, nu, w in parts)
    if not oracle.u:
        return
    found = effective_degrees_of_freedom([(abs(w) * u, nu) for u, nu, w in parts if w])
    assert found == pytest.approx(oracle.df, rel=1e-9)
    assert coverage_factor(found) == pytest.approx(GTC.reporting.k_factor(oracle.df, 95), rel=1e-5)


def test_figures_of_two_fits_and_a_common_cause_have_gtcs_budget():
    """Blocks of one fit, the link of another, P_0 in all of them: what a decision adds up."""
    blocks = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.02], [0.0, 0.02, 0.16]])
    link = np.array([[0.25, -0.1], [-0.1, 0.49]])
    e = GTC.multiple_ureal([1.0, 2.0, 4.0], list(np.sqrt(np.diag(blocks))), 10)
    c = GTC.multiple_ureal([5.0, 0.5], list(np.sqrt(np.diag(link))), 4)
    for group, covariance in ((e, blocks), (c, link)):
        for row in range(len(group)):
            for column in range(row):
                u = covariance[row, column]
                GTC.set_correlation(u / (group[row].u * group[column].u), group[row], group[column])
    idle = GTC.ureal(0.0, 0.3, 7)
    blocks_s, link_s = (0.1, 0.2, 0.4), (0.5, 0.0)
    weights = ([[1, 0, 0], [1, 1, 0], [1, 1, 1]], [[2.0, 1.0], [1.5, 1.0], [0.0, 0.0]])
    figures = [
        sum(
            (w * (x + s * idle) for w, x, s in zip(row, e, blocks_s, strict=True) if w),
            start=sum(
                (w * (x + s * idle) for w, x, s in zip(other, c, link_s, strict=True) if w),
                start=GTC.constant(0.0),
            ),
        )
        for row, other in zip(*weights, strict=True)
    ]
    common = CommonCauses(statistical=np.array([True]), inverse_freedom=np.array([1 / 7]))
    tables = (
        table(weights[0], (1, 2, 4), blocks, 10, 0.3 * np.array(blocks_s)),
        table(weights[1], (5, 0.5), link, 4, 0.3 * np.array(link_s)),
    )
    causes = causes_of(tables, common)
    values = sum(one.parts.sum(axis=1) for one in tables)

    for place, oracle in enumerate(figures):
        error = causes.error(place)
        assert values[place] == pytest.approx(oracle.x)
        assert error.u == pytest.approx(oracle.u)
        assert error.degrees_of_freedom == pytest.approx(oracle.df)
        assert error.coverage_factor == pytest.approx(
            GTC.reporting.k_factor(oracle.df, 95), rel=1e-5
        )
    for one, other in ((0, 1), (1, 2), (0, 2)):
        oracle = figures[one] - figures[other]
        error = causes.difference(one, other)
        assert error.u == pytest.approx(oracle.u)
        assert error.degrees_of_freedom == pytest.approx(oracle.df)
        oracle = figures[one] / figures[other]
        error = causes.quotient(one, other, values)
        assert error.u == pytest.approx(oracle.u)
        assert error.degrees_of_freedom == pytest.approx(oracle.df)
    rows = budget_table(causes, 1, ("blocks", "link", "P_0"))
    by_name = {row.name: row for row in rows}
    assert by_name["P_0"].u == pytest.approx(abs(GTC.component(figures[1], idle)))
    assert by_name["blocks"].u == pytest.approx((e[0] + e[1]).u)
    assert by_name["link"].u == pytest.approx((1.5 * c[0] + c[1]).u)
    assert [by_name[name].degrees_of_freedom for name in ("blocks", "link", "P_0")] == [10, 4, 7]
    assert sum(row.share for row in rows) == pytest.approx(1.0)
    assert [row.u for row in rows] == sorted((row.u for row in rows), reverse=True)


@settings(max_examples=30)
@given(st.integers(5, 30), st.integers(0, 2**32))
def test_a_fit_has_gtcs_coefficients_uncertainties_and_degrees_of_freedom(count, seed):
    random = np.random.default_rng(seed)
    x = np.sort(random.uniform(0.0, 10.0, count))
    spread = random.uniform(0.5, 2.0, count)
    y = 2.0 + 0.7 * x + spread * random.standard_normal(count)
    oracle = GTC.type_a.line_fit_rwls(list(x), list(y), list(spread))
    fit = weighted_fit(np.column_stack([np.ones(count), x]), y, spread)

    for place, expected in enumerate((oracle.intercept, oracle.slope)):
        assert fit.coefficients[place] == pytest.approx(expected.x, rel=1e-8, abs=1e-10)
        assert math.sqrt(fit.covariance[place, place]) == pytest.approx(expected.u, rel=1e-8)
    assert fit.degrees_of_freedom == oracle.slope.df
    combined = 3.0 * oracle.slope - oracle.intercept
    weights = np.array([-1.0, 3.0])
    assert math.sqrt(weights @ fit.covariance @ weights) == pytest.approx(combined.u, rel=1e-7)


@given(st.lists(st.floats(-5, 5), min_size=3, max_size=40).filter(lambda v: np.ptp(v) > 1e-3))
def test_a_mean_has_gtcs_interval(values):
    oracle = GTC.type_a.estimate(values)
    n = len(values)
    u = float(np.std(values, ddof=1)) / n**0.5
    found = Estimate(value=float(np.mean(values)), u_stat=u, degrees_of_freedom=n - 1, n=n)
    assert (found.value, found.u_stat) == pytest.approx((oracle.x, oracle.u), abs=1e-12)
    expected = GTC.reporting.k_factor(oracle.df, 95) * oracle.u
    assert found.half_width == pytest.approx(expected, rel=1e-5)
