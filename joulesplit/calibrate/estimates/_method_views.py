"""E_d, E_c and every e_l by several methods from the same windows, side by side. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot

import numpy as np

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._bootstrap import bootstrap_half_width, bootstrap_half_widths
from joulesplit.calibrate.estimates._by_pace import BitFigure
from joulesplit.calibrate.estimates._fitting import block_problem
from joulesplit.calibrate.estimates._other_methods import UPLOAD_FALSE_ALARM, MethodFit, solutions
from joulesplit.calibrate.estimates._stats import coverage_factor, variance_of
from joulesplit.calibrate.profile import Account, EstimateView
from joulesplit.calibrate.windows import Observation
from joulesplit.metrology import Array, own_scatter, pooled_scatter


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """Which figure the views are of.

    Attributes:
        name: By its account.
        work: What is got for the energy, in FLOP or bit.
        unit: Of work over energy.
        weights: Of the coefficients in the energy, shape (p,), float64.
        shared_half_j: See ``e_c_views``.
    """

    name: str
    work: float
    unit: str
    weights: Array
    shared_half_j: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputeViews:
    """What computing costs by other methods.

    Attributes:
        e_d: Of E_d.
        blocks: Of e_1 … e_L, in order.
    """

    e_d: tuple[EstimateView, ...]
    blocks: tuple[tuple[EstimateView, ...], ...]


def compute_views(
    observations: Sequence[Observation],
    flop: int,
    account: Account,
    *,
    shared_half_j: Array,
) -> ComputeViews:
    """Return E_d and every e_l as the weighted, the ordinary and the robust fit give them.

    Every method solves the one problem of all windows, with their common cost, so the e_l of a
    method add up to its E_d. A fourth view leaves flagged windows out; it is there only if some
    are flagged and the rest still determines every block.

    Args:
        observations: Compute windows.
        flop: Work of the network, FLOP.
        account: Which energy is fitted.
        shared_half_j: Half-width of the 95 % interval of what all windows have in common in each
            e_l, which their scatter does not show, J, shape (L,), float64.

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    block_count = len(shared_half_j)
    e_d = _Figure(
        name=f"E_d {account}",
        work=flop,
        unit="FLOP/J",
        weights=np.array([0.0] + [1.0] * block_count),
        shared_half_j=float(shared_half_j.sum()),
    )
    problem = block_problem(observations, block_count, account)
    e_d = replace(e_d, weights=np.pad(e_d.weights, (0, problem.design.shape[1] - block_count - 1)))
    found = solutions(problem)
    by_method = [_block_views(solution, account, shared_half_j) for solution in found]
    return ComputeViews(e_d=_views(e_d, found), blocks=tuple(zip(*by_method, strict=True)))


def e_c_views(
    bit: BitFigure, account: Account, *, shared_half_j: float = 0.0
) -> tuple[EstimateView, ...]:
    """Return E_c as the same methods give it.

    Args:
        bit: What it is the inverse of.
        account: Which energy that is.
        shared_half_j: Half-width of the 95 % interval of what all windows have in common, which
            their scatter does not show, J per bit.

    Raises:
        EstimateError: The windows do not determine E_c.
    """
    figure = _Figure(
        name=f"E_c {account}",
        work=1.0,
        unit="bit/J",
        weights=bit.weights,
        shared_half_j=shared_half_j,
    )
    return _views(figure, solutions(bit.problem, UPLOAD_FALSE_ALARM))


def _views(figure: _Figure, found: Sequence[MethodFit]) -> tuple[EstimateView, ...]:
    views = [_view(figure, solution) for solution in found]
    return tuple(view for view in views if view is not None)


def _view(figure: _Figure, solution: MethodFit) -> EstimateView | None:
    """Return a view; None if no window tells the scatter, or the interval reaches zero."""
    total_j = float(figure.weights @ solution.fit.coefficients)
    try:
        half_j, resampled_j = _half_widths(solution, figure.weights)
    except EstimateError:
        return None
    ci95 = _interval(figure, total_j, half_j)
    if total_j <= 0 or (ci95 is None and half_j is not None):
        return None
    return EstimateView(
        figure=figure.name,
        method=solution.method,
        value=figure.work / total_j,
        unit=figure.unit,
        ci95=ci95,
        bootstrap_ci95=_interval(figure, total_j, resampled_j),
        windows=solution.windows,
    )


def _half_widths(solution: MethodFit, weights: Array) -> tuple[float | None, float | None]:
    """Return half-widths of the 95 % interval by the method itself and by the bootstrap, J.

    None where the windows are too few for it.

    The ordinary fit gives long windows, which scatter more, the same weight as short ones, so
    its interval is made of every window's own scatter.

    Raises:
        EstimateError: No window tells the scatter.
    """
    variance = float(weights @ solution.fit.covariance @ weights)
    half_j = coverage_factor(solution.fit.degrees_of_freedom) * variance**0.5
    if solution.residuals is None:
        return half_j, None
    scatter = own_scatter(solution.residuals, weights)
    resampled_j = bootstrap_half_width(scatter)
    if solution.method == "ordinary":
        own = variance_of(scatter)
        half_j = coverage_factor(own.degrees_of_freedom) * own.variance**0.5
        return half_j if own.has_enough_freedom else None, resampled_j
    return half_j, resampled_j


def _interval(figure: _Figure, total_j: float, half_j: float | None) -> tuple[float, float] | None:
    """Return the interval of the figure from that of the energy; None if that one reaches zero."""
    if half_j is None:
        return None
    half_j = hypot(half_j, figure.shared_half_j)
    if half_j >= total_j:
        return None
    return figure.work / (total_j + half_j), figure.work / (total_j - half_j)


def _block_views(
    solution: MethodFit, account: Account, shared_half_j: Array
) -> tuple[EstimateView, ...]:
    """Return every e_l as one method gives it; an energy below zero is shown as it is."""
    energies_j = solution.fit.coefficients[1 : 1 + len(shared_half_j)]
    half_j, resampled_j = _block_half_widths(solution)

    def interval(half_j: Array | None, row: int) -> tuple[float, float] | None:
        if half_j is None:
            return None
        value, half = float(energies_j[row]), hypot(half_j[row + 1], shared_half_j[row])
        return value - half, value + half

    return tuple(
        EstimateView(
            figure=f"e_{row + 1} {account}",
            method=solution.method,
            value=float(energy_j),
            unit="J",
            ci95=interval(half_j, row),
            bootstrap_ci95=interval(resampled_j, row),
            windows=solution.windows,
        )
        for row, energy_j in enumerate(energies_j)
    )


def _block_half_widths(solution: MethodFit) -> tuple[Array | None, Array | None]:
    """Return what ``_half_widths`` does for every coefficient, J, shape (L + 1,).

    A block has too few windows to tell a scatter of its own, so that of all windows is taken.
    """
    fit = solution.fit
    half_j: Array = coverage_factor(fit.degrees_of_freedom) * np.sqrt(np.diag(fit.covariance))
    if solution.residuals is None:
        return half_j, None
    scatter = pooled_scatter(solution.residuals)
    resampled_j = bootstrap_half_widths(scatter)
    if solution.method == "ordinary":
        return scatter.half_widths() if scatter.has_enough_freedom else None, resampled_j
    return half_j, resampled_j
