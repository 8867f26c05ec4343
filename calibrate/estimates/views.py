"""E_d and E_c by several methods from the same windows, side by side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from calibrate.errors import EstimateError
from calibrate.estimate_records import EstimateView, Method
from calibrate.estimates.bootstrap import bootstrap_half_width
from calibrate.estimates.fitting import Account, Problem, bit_weights, block_problem, link_problem
from calibrate.estimates.own_scatter import own_scatter
from calibrate.estimates.robust import huber_fit
from calibrate.estimates.stats import Array, LinearFit, coverage_factor, weighted_fit
from calibrate.windows.observation import Observation

FALSE_ALARM = 0.002
"""Probability that a campaign without outliers has a window flagged."""

UPLOAD_FALSE_ALARM = 0.0003
"""The same for an upload: several checks share what they may cry wolf."""


def outliers(fit: LinearFit, false_alarm: float = FALSE_ALARM) -> NDArray[np.bool_]:
    """Return which windows lie farther from the fit than chance explains, shape (n,), bool.

    Externally studentised residuals against Student's t with the level divided among the windows
    (Bonferroni). They are flagged, never dropped.

    Args:
        fit: Of the windows.
        false_alarm: Probability that one of windows without outliers is flagged.
    """
    inside: Array = fit.studentised
    freedom = fit.degrees_of_freedom
    if freedom < 2 or fit.scale == 0:
        return np.zeros(len(inside), dtype=np.bool_)
    left = np.maximum(freedom - inside**2, 1e-12)
    external = inside * np.sqrt((freedom - 1) / left)
    limit = coverage_factor(freedom - 1, 1 - false_alarm / len(inside))
    flagged: NDArray[np.bool_] = np.abs(external) > limit
    return flagged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """Which figure the views are of.

    Attributes:
        name: By its account.
        work: What is got for the energy, in FLOP or bit.
        unit: Of work over energy.
        weights: Of the coefficients in the energy, shape (p,), float64.
        shared_half_j: See ``e_d_views``.
        false_alarm: Of an outlier, see ``outliers``.
    """

    name: str
    work: float
    unit: str
    weights: Array
    shared_half_j: float
    false_alarm: float = FALSE_ALARM


def e_d_views(
    observations: Sequence[Observation],
    block_count: int,
    flop: int,
    account: Account,
    *,
    shared_half_j: float = 0.0,
) -> tuple[EstimateView, ...]:
    """Return E_d as the weighted, the ordinary and the robust fit give it.

    A fourth view leaves flagged windows out; it is there only if some are flagged and the rest
    still determines every block.

    Args:
        observations: Compute windows.
        block_count: L.
        flop: Work of the network, FLOP.
        account: Which energy is fitted.
        shared_half_j: Half-width of the 95 % interval of what all windows have in common, which
            their scatter does not show, J.

    Raises:
        EstimateError: The windows do not determine E_d.
    """
    figure = _Figure(
        name=f"E_d {account}",
        work=flop,
        unit="FLOP/J",
        weights=np.array([0.0] + [1.0] * block_count),
        shared_half_j=shared_half_j,
    )
    return _views(figure, block_problem(observations, block_count, account))


def e_c_views(
    observations: Sequence[Observation],
    rate_bit_per_s: float,
    account: Account,
    *,
    shared_half_j: float = 0.0,
) -> tuple[EstimateView, ...]:
    """Return E_c as the same methods give it.

    Args:
        observations: Upload windows.
        rate_bit_per_s: That it is stated at, bit/s.
        account: Which energy is fitted.
        shared_half_j: See ``e_d_views``, J per bit.

    Raises:
        EstimateError: The windows do not determine E_c.
    """
    problem = link_problem(observations, account)
    figure = _Figure(
        name=f"E_c {account}",
        work=1.0,
        unit="bit/J",
        weights=bit_weights(rate_bit_per_s, problem.design.shape[1]),
        shared_half_j=shared_half_j,
        false_alarm=UPLOAD_FALSE_ALARM,
    )
    return _views(figure, problem)


def _views(figure: _Figure, problem: Problem) -> tuple[EstimateView, ...]:
    weighted = problem.fit()
    ordinary = weighted_fit(problem.design, problem.observed, np.ones_like(problem.spread))
    robust = huber_fit(problem.design, problem.observed, problem.spread)
    views = [
        _view(figure, "weighted", problem, weighted),
        _view(figure, "ordinary", problem, ordinary),
        _view(figure, "huber", problem, robust),
    ]
    flagged = outliers(weighted, figure.false_alarm)
    if flagged.any():
        views += _without(figure, problem.without(flagged))
    return tuple(view for view in views if view is not None)


def _without(figure: _Figure, rest: Problem) -> list[EstimateView | None]:
    try:
        return [_view(figure, "without-outliers", rest, rest.fit())]
    except EstimateError:
        return []


def _view(figure: _Figure, method: Method, problem: Problem, fit: LinearFit) -> EstimateView | None:
    """Return a view; None if no window tells the scatter, or the interval reaches zero."""
    total_j = float(figure.weights @ fit.coefficients)
    try:
        half_j, resampled_j = _half_widths(method, problem, fit, figure.weights)
    except EstimateError:
        return None
    ci95 = _interval(figure, total_j, half_j)
    if total_j <= 0 or (ci95 is None and half_j is not None):
        return None
    return EstimateView(
        figure=figure.name,
        method=method,
        value=figure.work / total_j,
        unit=figure.unit,
        ci95=ci95,
        bootstrap_ci95=_interval(figure, total_j, resampled_j),
        windows=len(fit.residuals),
    )


def _half_widths(
    method: Method, problem: Problem, fit: LinearFit, weights: Array
) -> tuple[float | None, float | None]:
    """Return half-widths of the 95 % interval by the method itself and by the bootstrap, J.

    None where the windows are too few for it.

    The ordinary fit gives long windows, which scatter more, the same weight as short ones, so
    its interval is made of every window's own scatter.

    Raises:
        EstimateError: No window tells the scatter.
    """
    scatter = own_scatter(problem.design, problem.spread, fit, weights)
    resampled = None if method == "huber" else bootstrap_half_width(scatter)
    if method == "ordinary":
        own = scatter.variance()
        half_j = coverage_factor(own.degrees_of_freedom) * own.variance**0.5
        return half_j if own.tells else None, resampled
    variance = float(weights @ fit.covariance @ weights)
    return coverage_factor(fit.degrees_of_freedom) * variance**0.5, resampled


def _interval(figure: _Figure, total_j: float, half_j: float | None) -> tuple[float, float] | None:
    """Return the interval of the figure from that of the energy; None if that one reaches zero."""
    if half_j is None:
        return None
    half_j = hypot(half_j, figure.shared_half_j)
    if half_j >= total_j:
        return None
    return figure.work / (total_j + half_j), figure.work / (total_j - half_j)
