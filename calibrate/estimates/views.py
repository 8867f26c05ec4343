"""E_d by several methods from the same windows, side by side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from calibrate.errors import EstimateError
from calibrate.estimate_records import EstimateView, Method
from calibrate.estimates.bootstrap import bootstrap_half_width
from calibrate.estimates.fitting import Account, Problem, block_problem
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
        name: E_d by its account.
        flop: Work of the network, FLOP.
        shared_half_j: See ``e_d_views``.
    """

    name: str
    flop: int
    shared_half_j: float


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
    problem = block_problem(observations, block_count, account)
    weighted = problem.fit()
    ordinary = weighted_fit(problem.design, problem.observed, np.ones_like(problem.spread))
    robust = huber_fit(problem.design, problem.observed, problem.spread)
    figure = _Figure(name=f"E_d {account}", flop=flop, shared_half_j=shared_half_j)
    views = [
        _view(figure, "weighted", problem, weighted),
        _view(figure, "ordinary", problem, ordinary),
        _view(figure, "huber", problem, robust),
    ]
    flagged = outliers(weighted)
    if flagged.any():
        views += _without(figure, problem.without(flagged))
    return tuple(view for view in views if view is not None)


def _without(figure: _Figure, rest: Problem) -> list[EstimateView | None]:
    try:
        return [_view(figure, "without-outliers", rest, rest.fit())]
    except EstimateError:
        return []


def _view(figure: _Figure, method: Method, problem: Problem, fit: LinearFit) -> EstimateView | None:
    """Return a view of E_d; None if no window tells the scatter, or the interval reaches zero."""
    weights = np.array([0.0] + [1.0] * (len(fit.coefficients) - 1))
    total_j = float(weights @ fit.coefficients)
    try:
        half_j, resampled_j = _half_widths(method, problem, fit, weights)
    except EstimateError:
        return None
    ci95 = _interval(figure, total_j, half_j)
    if ci95 is None:
        return None
    return EstimateView(
        figure=figure.name,
        method=method,
        value=figure.flop / total_j,
        unit="FLOP/J",
        ci95=ci95,
        bootstrap_ci95=None if resampled_j is None else _interval(figure, total_j, resampled_j),
        windows=len(fit.residuals),
    )


def _half_widths(
    method: Method, problem: Problem, fit: LinearFit, weights: Array
) -> tuple[float, float | None]:
    """Return half-widths of the 95 % interval by the method itself and by the bootstrap, J.

    The ordinary fit gives long windows, which scatter more, the same weight as short ones, so
    its interval is made of every window's own scatter.

    Raises:
        EstimateError: No window tells the scatter.
    """
    scatter = own_scatter(problem.design, problem.spread, fit, weights)
    variance, freedom = float(weights @ fit.covariance @ weights), float(fit.degrees_of_freedom)
    if method == "ordinary":
        own = scatter.variance()
        variance, freedom = own.variance, own.degrees_of_freedom
    resampled = None if method == "huber" else bootstrap_half_width(scatter)
    return coverage_factor(freedom) * variance**0.5, resampled


def _interval(figure: _Figure, total_j: float, half_j: float) -> tuple[float, float] | None:
    """Return the interval of E_d from that of the energy; None if that one reaches zero."""
    half_j = hypot(half_j, figure.shared_half_j)
    if half_j >= total_j:
        return None
    return figure.flop / (total_j + half_j), figure.flop / (total_j - half_j)
