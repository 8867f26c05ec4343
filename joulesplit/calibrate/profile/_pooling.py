"""Pooling a quantity over several profiles, and the test whether that is allowed. Pure.

Every figure of one part of a profile gets the same weights, so that what holds between the
figures of each profile (E_d = Σ N_l / Σ e_l, E_c from the fit, gross from net and idle) holds
between the pooled ones to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, inf, isfinite, sqrt

from joulesplit.calibrate.profile._figures import Statistics
from joulesplit.calibrate.profile._intervals import with_interval
from joulesplit.calibrate.profile._quantity import Quantity
from joulesplit.metrology import (
    FLAT_FREEDOM,
    Estimate,
    combined_inverse_freedom,
    effective_degrees_of_freedom,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each profile counts in one part.

    Attributes:
        shares: Inverse-variance weights, summing to 1.
        inflation: On the statistical uncertainty, because the variances behind the weights are
            estimates themselves (P. Meier, Biometrics 9 (1953) 59).
    """

    shares: tuple[float, ...]
    inflation: float


def inverse_variance(values: Sequence[float], parts: Sequence[Statistics]) -> Weights:
    """Return the weights that relative statistical variances give.

    Args:
        values: Of the part's leading figure, one per profile.
        parts: Their uncertainties, none without scatter.
    """
    precisions = [(value / part.u_stat) ** 2 for value, part in zip(values, parts, strict=True)]
    total = sum(precisions)
    shares = tuple(precision / total for precision in precisions)
    excess = sum(
        share * (1 - share) / part.degrees_of_freedom
        for share, part in zip(shares, parts, strict=True)
    )
    return Weights(shares=shares, inflation=(1 + 4 * excess) ** 0.5)


def pooled(
    quantities: Sequence[Quantity],
    parts: Sequence[Statistics],
    weights: Weights,
    *,
    between: bool = False,
) -> Quantity:
    """Return the weighted mean of a quantity.

    Statistical parts shrink; systematic parts are common to all profiles of one sensor and are
    averaged without shrinking.

    Args:
        quantities: One per profile.
        parts: Their uncertainties.
        weights: Of the profiles.
        between: Widen the statistical part to the scatter between the profiles where that is
            larger (R. T. Birge, Physical Review 40 (1932) 207), for figures that no test holds
            against each other.
    """
    shares = weights.shares
    widening = weights.inflation * (_birge_ratio(quantities, parts) if between else 1.0)
    statistical = [
        (widening * share * part.u_stat, part.degrees_of_freedom)
        for share, part in zip(shares, parts, strict=True)
    ]
    estimate = Estimate(
        value=sum(share * q.value for share, q in zip(shares, quantities, strict=True)),
        u_stat=hypot(*(u for u, _ in statistical)),
        degrees_of_freedom=effective_degrees_of_freedom(statistical, 0.0),
        n=sum(quantity.n for quantity in quantities),
    )
    u_sys, flatness = _systematic(shares, parts)
    return with_interval(estimate, quantities[0].unit, u_sys, flatness=flatness)


def _systematic(shares: Sequence[float], parts: Sequence[Statistics]) -> tuple[float, float]:
    """Return the systematic uncertainty of a weighted mean, and its flatness.

    Each term is the same in all profiles of one sensor, so that its parts add as they are.
    """
    u_scale, u_rest = (
        sum(share * each for share, each in zip(shares, column, strict=True))
        for column in ([part.u_scale for part in parts], [part.u_rest for part in parts])
    )
    inverse = combined_inverse_freedom(
        [
            (u_scale, max(part.scale_inverse_freedom for part in parts)),
            (u_rest, max(part.rest_inverse_freedom for part in parts)),
        ]
    )
    return hypot(u_scale, u_rest), FLAT_FREEDOM * inverse


def _birge_ratio(quantities: Sequence[Quantity], parts: Sequence[Statistics]) -> float:
    """Return √(χ²/(m − 1)) of m values about their own weighted mean, at least 1."""
    precisions = [1 / part.u_stat**2 for part in parts]
    mean = sum(p * q.value for p, q in zip(precisions, quantities, strict=True)) / sum(precisions)
    chi2 = sum(p * (q.value - mean) ** 2 for p, q in zip(precisions, quantities, strict=True))
    return max(1.0, sqrt(chi2 / (len(parts) - 1)))


def inverted(quantity: Quantity) -> Quantity:
    """Return 1 / quantity with the ends of its interval carried over.

    The unit is left for the caller to name: it stays that of the quantity.
    """
    value = 1 / quantity.value
    low, high = quantity.ci95 or (quantity.value, quantity.value)
    return Quantity(
        value=value,
        unit=quantity.unit,
        ci95=(1 / high, 1 / low),
        u_stat=value * (quantity.u_stat or 0.0) / quantity.value,
        u_sys=value * (quantity.u_sys or 0.0) / quantity.value,
        n=quantity.n,
        degrees_of_freedom=quantity.degrees_of_freedom,
    )


def inverted_statistics(quantity: Quantity, part: Statistics) -> Statistics:
    """Return the uncertainties of 1 / quantity."""
    factor = 1 / quantity.value**2
    return Statistics(
        u_stat=factor * part.u_stat,
        degrees_of_freedom=part.degrees_of_freedom,
        u_scale=factor * part.u_scale,
        u_rest=factor * part.u_rest,
        scale_inverse_freedom=part.scale_inverse_freedom,
        rest_inverse_freedom=part.rest_inverse_freedom,
    )


def agreement_probability(values: Sequence[float], parts: Sequence[Statistics]) -> float:
    """Return how probable deviations as large as these are if all values were one.

    The chi-square test of homogeneity in the form that allows for variances being estimates
    (B. L. Welch, Biometrika 38 (1951) 330): χ² over its degrees of freedom, corrected, against F.

    Args:
        values: One per profile.
        parts: Their uncertainties, none without scatter; systematic parts are common.
    """
    from scipy.special import chdtrc, fdtrc

    count = len(values)
    precisions = [1 / part.u_stat**2 for part in parts]
    total = sum(precisions)
    mean = sum(p * value for p, value in zip(precisions, values, strict=True)) / total
    chi2 = sum(p * (value - mean) ** 2 for p, value in zip(precisions, values, strict=True))
    doubt = sum(
        (1 - p / total) ** 2 / part.degrees_of_freedom
        for p, part in zip(precisions, parts, strict=True)
        if isfinite(part.degrees_of_freedom)
    )
    if doubt == 0:
        return float(chdtrc(count - 1, chi2))
    corrected = chi2 / (count - 1) / (1 + 2 * (count - 2) / (count**2 - 1) * doubt)
    freedom = (count**2 - 1) / (3 * doubt)
    return float(fdtrc(count - 1, freedom, corrected)) if freedom < inf else 1.0
