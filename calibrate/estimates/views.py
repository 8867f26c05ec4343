"""E_d by several methods from the same windows, side by side. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calibrate.errors import EstimateError
from calibrate.estimate_records import EstimateView, Method
from calibrate.estimates.bootstrap import bootstrap_half_width
from calibrate.estimates.fitting import Account, Problem, block_problem
from calibrate.estimates.robust import huber_fit
from calibrate.estimates.stats import Array, LinearFit, coverage_factor, weighted_fit
from calibrate.windows.observation import Observation

FALSE_ALARM = 0.002
"""Probability that a campaign without outliers has a window flagged."""


def outliers(fit: LinearFit) -> NDArray[np.bool_]:
    """Return which windows lie farther from the fit than chance explains, shape (n,), bool.

    Externally studentised residuals against Student's t with the level divided among the windows
    (Bonferroni). They are flagged, never dropped.
    """
    inside: Array = fit.studentised
    freedom = fit.degrees_of_freedom
    if freedom < 2 or fit.scale == 0:
        return np.zeros(len(inside), dtype=np.bool_)
    left = np.maximum(freedom - inside**2, 1e-12)
    external = inside * np.sqrt((freedom - 1) / left)
    limit = coverage_factor(freedom - 1, 1 - FALSE_ALARM / len(inside))
    flagged: NDArray[np.bool_] = np.abs(external) > limit
    return flagged


def e_d_views(
    observations: Sequence[Observation], block_count: int, flop: int, account: Account
) -> tuple[EstimateView, ...]:
    """Return E_d as the weighted, the ordinary and the robust fit give it.

    A fourth view leaves flagged windows out; it is there only if some are flagged and the rest
    still determines every block.

    Raises:
        EstimateError: The windows do not determine E_d.
    """
    problem = block_problem(observations, block_count, account)
    weighted = problem.fit()
    ordinary = weighted_fit(problem.design, problem.observed, np.ones_like(problem.spread))
    robust = huber_fit(problem.design, problem.observed, problem.spread)
    figure = f"E_d {account}"
    views = [
        _view(figure, "weighted", flop, weighted),
        _view(figure, "ordinary", flop, ordinary),
        _view(figure, "huber", flop, robust),
    ]
    flagged = outliers(weighted)
    if flagged.any():
        views += _without(figure, flop, problem, flagged)
    return tuple(view for view in views if view is not None)


def _without(
    figure: str, flop: int, problem: Problem, flagged: NDArray[np.bool_]
) -> list[EstimateView | None]:
    try:
        return [_view(figure, "without-outliers", flop, problem.without(flagged).fit())]
    except EstimateError:
        return []


def _view(figure: str, method: Method, flop: int, fit: LinearFit) -> EstimateView | None:
    """Return a view of E_d; None if the method's own interval of the energy reaches zero.

    The ordinary fit gives long windows, which scatter more, the same weight as short ones, so
    its interval lets every window have a scatter of its own.
    """
    weights = [0.0] + [1.0] * (len(fit.coefficients) - 1)
    total_j = float(np.sum(fit.coefficients[1:]))
    covariance = fit.own_scatter_covariance() if method == "ordinary" else fit.covariance
    w = np.asarray(weights)
    half_j = coverage_factor(fit.degrees_of_freedom) * float(np.sqrt(w @ covariance @ w))
    if total_j <= half_j:
        return None
    return EstimateView(
        figure=figure,
        method=method,
        value=flop / total_j,
        unit="FLOP/J",
        ci95=_reciprocal(flop, total_j, half_j),
        bootstrap_ci95=None if method == "huber" else _bootstrap(flop, total_j, fit, weights),
        windows=len(fit.residuals),
    )


def _bootstrap(
    flop: int, total_j: float, fit: LinearFit, weights: Sequence[float]
) -> tuple[float, float] | None:
    half_j = bootstrap_half_width(fit, weights)
    return _reciprocal(flop, total_j, half_j) if half_j < total_j else None


def _reciprocal(flop: int, total_j: float, half_j: float) -> tuple[float, float]:
    return flop / (total_j + half_j), flop / (total_j - half_j)
