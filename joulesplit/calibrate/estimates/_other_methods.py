"""One problem solved by several methods, once for every figure that is made of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._fitting import LinearModel
from joulesplit.calibrate.estimates._robust import huber_fit
from joulesplit.calibrate.estimates._stats import LinearFit, coverage_factor, weighted_fit
from joulesplit.calibrate.profile import Method
from joulesplit.metrology import Array, Residuals, residuals_of

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
class MethodFit:
    """A problem as one method solves it.

    Attributes:
        method: Which.
        fit: Its coefficients.
        residuals: What it leaves of the windows; None for the robust fit, which is not linear in
            its windows, so that nothing is told by what it leaves of each.
        windows: Windows used.
    """

    method: Method
    fit: LinearFit
    residuals: Residuals | None
    windows: int


def solutions(problem: LinearModel, false_alarm: float = FALSE_ALARM) -> tuple[MethodFit, ...]:
    """Return a problem as the weighted, the ordinary and the robust fit solve it.

    A fourth leaves flagged windows out; it is there only if some are flagged and the rest still
    determines every coefficient.

    Args:
        problem: The windows.
        false_alarm: Of an outlier, see ``outliers``.

    Raises:
        EstimateError: The windows do not determine the coefficients.
    """
    weighted = problem.fit()
    ordinary = weighted_fit(problem.design, problem.observed, problem.even_spread)
    robust = huber_fit(problem.design, problem.observed, problem.spread)
    found = (
        _linear("weighted", problem, weighted),
        _linear("ordinary", problem, ordinary),
        MethodFit(method="huber", fit=robust, residuals=None, windows=problem.windows),
    )
    flagged = np.zeros(len(problem.observed), dtype=np.bool_)
    flagged[: problem.windows] = outliers(problem.fit_of_windows(), false_alarm)
    return (*found, *_without(problem.without(flagged))) if flagged.any() else found


def _without(rest: LinearModel) -> tuple[MethodFit, ...]:
    try:
        return (_linear("without-outliers", rest, rest.fit()),)
    except EstimateError:
        return ()


def _linear(method: Method, problem: LinearModel, fit: LinearFit) -> MethodFit:
    residuals = residuals_of(problem.design, problem.spread, fit)
    return MethodFit(method=method, fit=fit, residuals=residuals, windows=problem.windows)
