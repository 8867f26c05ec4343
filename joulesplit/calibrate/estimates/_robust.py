"""Regression that an odd window cannot pull far. Pure."""

from __future__ import annotations

import numpy as np

from joulesplit.calibrate.estimates._stats import LinearFit, weighted_fit
from joulesplit.metrology import Array, beyond_rounding

HUBER_K = 1.345
"""Residuals beyond this many standard deviations lose weight: 95 % efficiency on normal data
(Huber and Ronchetti, Robust Statistics, 2nd ed., 2009)."""

NORMAL_MAD = 0.6745
"""Median absolute deviation of a standard normal."""

ITERATIONS = 30
TOLERANCE = 1e-8


def huber_fit(design: Array, observed: Array, spread: Array) -> LinearFit:
    """Fit y = X·β by Huber's M-estimator, iteratively reweighted from the least-squares fit.

    The covariance is Huber's own: K² · [Σψ²/(n−p)] / [mean ψ']² · (XᵀX)⁻¹ with
    K = 1 + p/n · (1 − mean ψ')/mean ψ' (Huber 2009, 7.6).

    Args:
        design: X, shape (n, p), float64.
        observed: y, shape (n,), float64.
        spread: Standard deviation of each y up to a common factor, shape (n,), float64.

    Raises:
        EstimateError: As ``weighted_fit``.
    """
    plain = weighted_fit(design, observed, spread)
    fit, weights = plain, np.ones(len(observed))
    for _ in range(ITERATIONS):
        scaled = _scaled_residuals(_left_over(design, observed, fit) / spread, plain)
        weights = np.minimum(1.0, HUBER_K / np.maximum(np.abs(scaled), HUBER_K))
        previous = fit.coefficients
        fit = weighted_fit(design, observed, spread / np.sqrt(weights))
        if np.allclose(fit.coefficients, previous, rtol=TOLERANCE, atol=0.0):
            break
    return _with_hubers_covariance(plain, fit, _left_over(design, observed, fit), spread)


def _left_over(design: Array, observed: Array, fit: LinearFit) -> Array:
    """Return y − X·β in the unit of y, shape (n,)."""
    size = np.abs(design) @ np.abs(fit.coefficients) + np.abs(observed)
    return beyond_rounding(observed - design @ fit.coefficients, size, design.size)


def _scaled_residuals(residuals: Array, plain: LinearFit) -> Array:
    scale = robust_scale(residuals, plain.degrees_of_freedom)
    return residuals / scale if scale > 0 else np.zeros_like(residuals)


def robust_scale(residuals: Array, degrees_of_freedom: int) -> float:
    """Return the standard deviation of residuals from their median size.

    Args:
        residuals: Shape (n,), float64.
        degrees_of_freedom: n − p; a fit leaves its residuals smaller than the errors were.
    """
    shrunk: float = (degrees_of_freedom / len(residuals)) ** 0.5
    return float(np.median(np.abs(residuals))) / NORMAL_MAD / shrunk


def _with_hubers_covariance(
    plain: LinearFit, fit: LinearFit, raw_residuals: Array, spread: Array
) -> LinearFit:
    residuals = raw_residuals / spread
    scale = robust_scale(residuals, plain.degrees_of_freedom)
    if scale == 0 or plain.scale == 0:
        return fit
    psi = np.clip(residuals / scale, -HUBER_K, HUBER_K)
    inside = float(np.mean(np.abs(residuals) < HUBER_K * scale))
    count = len(residuals)
    parameters = count - plain.degrees_of_freedom
    correction = 1 + parameters / count * (1 - inside) / inside
    variance = correction**2 * float(psi @ psi) / plain.degrees_of_freedom / inside**2
    return LinearFit(
        coefficients=fit.coefficients,
        covariance=plain.covariance * (variance * scale**2 / plain.scale**2),
        residuals=residuals,
        scale=scale,
        degrees_of_freedom=plain.degrees_of_freedom,
        leverage=plain.leverage,
        gain=fit.gain,
        raw_residuals=raw_residuals,
    )
