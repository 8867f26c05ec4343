"""Does E = E_0 + P_air · airtime + e_bit · bits describe the upload windows? Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._by_pace import PLANE_FIGURES, straight_problem, told_paces
from joulesplit.calibrate.estimates._fitting import LinearModel, link_problem
from joulesplit.calibrate.estimates._own_sizes import by_subject
from joulesplit.calibrate.estimates._stats import LinearFit, nested_p
from joulesplit.calibrate.profile import LinkDiagnostics
from joulesplit.calibrate.windows import Observation
from joulesplit.metrology import Array, beyond_rounding

SAME_RATE = 1.05
"""Rates closer than this are listed as one: an unpaced link is never twice exactly as fast."""


def link_diagnostics(observations: Sequence[Observation]) -> LinkDiagnostics:
    """Return how well the net energies of the upload windows follow the fit.

    Raises:
        EstimateError: The windows do not determine the fit.
    """
    problem = link_problem(observations, "net")
    fit = problem.fit()
    scaled = problem.observed / problem.spread
    mean = np.average(problem.observed, weights=1 / problem.spread**2)
    total = float(np.sum(beyond_rounding(scaled - mean / problem.spread, scaled) ** 2))
    residual = float(fit.residuals @ fit.residuals)
    return LinkDiagnostics(
        r_squared=1 - residual / total if total > 0 else 0.0,
        windows=len(observations),
        largest_residual=float(np.max(np.abs(fit.studentised))),
        autocorrelation=lag_one(fit.studentised),
        lack_of_fit_p=_lack_of_fit_p(observations, problem, fit, PLANE_FIGURES),
    )


def lag_one(values: Array) -> float:
    """Return the correlation of neighbours, mean taken as known to be zero; 0 if undefined."""
    power = float(values @ values)
    return float(values[1:] @ values[:-1]) / power if power > 0 else 0.0


def serial_deviation(problem: LinearModel, fit: LinearFit) -> float:
    """Return how far neighbours' correlation is from what independent windows show.

    A fit ties its own residuals together, the more so the fewer windows it has. Mean and variance
    of their lag-one correlation for independent normal errors are those of a ratio of quadratic
    forms (Durbin and Watson, Biometrika 37, 1950).

    Args:
        problem: In order of time.
        fit: Its own, with a scatter and two degrees of freedom or more.

    Returns:
        Correlation less its mean, over its standard deviation.
    """
    count, freedom = len(fit.residuals), fit.degrees_of_freedom
    # What is left is (I − H) of the windows, H = X·G; traces of (I − H)·A·(I − H), A the mean of
    # both neighbours, need the columns of X and G shifted, and no n × n.
    design, gain = problem.design / problem.spread[:, None], (fit.gain * problem.spread).T
    once, twice = _neighbours(design), _neighbours(_neighbours(design))
    tied = gain.T @ once
    mean = -float(np.trace(tied)) / freedom
    squares = (count - 1) / 2 - 2 * float(np.sum(gain * twice)) + float(np.sum(tied * tied.T))
    variance = 2 * (squares / freedom - mean**2) / (freedom + 2)
    return (lag_one(fit.residuals) - mean) / float(np.sqrt(variance))


def _neighbours(columns: Array) -> Array:
    """Return half the sum of each row's neighbours, shape (n, p)."""
    padded = np.pad(columns, ((1, 1), (0, 0)))
    return np.asarray((padded[:-2] + padded[2:]) / 2)


def _lack_of_fit_p(
    observations: Sequence[Observation], problem: LinearModel, fit: LinearFit, sending: int
) -> float | None:
    """Return the probability of what a fit leaves beyond what its subjects' own means leave.

    The larger model gives each size at each pace an energy per upload of its own and keeps what a
    burst and lateness cost; the F test of the two nested models needs no repeats of one window,
    only windows of two lengths. None where every window has figures of its own.
    """
    subjects = [(o.payload_bits // o.repetitions, o.pace or _nearest(o)) for o in observations]
    try:
        own = by_subject(problem, observations, subjects, sending=sending).fit()
    except EstimateError:
        return None
    return nested_p(fit, own)


def _nearest(observation: Observation) -> float:
    """Return the rate of a window to two digits: of one pace, windows differ by less."""
    return float(f"{observation.payload_bits / observation.airtime_s:.2g}")


def lack_of_fit_p(observations: Sequence[Observation]) -> float | None:
    """Return how probable it is that sizes deviate from a straight line at each pace as they do.

    Args:
        observations: Upload windows of told paces, see ``of_told_paces``.

    Returns:
        None where that cannot be told.
    """
    problem = straight_problem(observations, "net")
    sending = 2 * len(told_paces(observations))
    return _lack_of_fit_p(observations, problem, problem.fit(), sending)


def rates_reached(observations: Sequence[Observation]) -> tuple[float, ...]:
    """Return the rates that windows really had, bit/s, to three digits, near ones as one."""
    rates = sorted(o.payload_bits / o.airtime_s for o in observations)
    groups: list[list[float]] = []
    for rate in rates:
        if not groups or rate > SAME_RATE * groups[-1][0]:
            groups.append([])
        groups[-1].append(rate)
    return tuple(float(f"{sum(group) / len(group):.3g}") for group in groups)
