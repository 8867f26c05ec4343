"""The interval of a ratio whose denominator is uncertain (Fieller). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from joulesplit.metrology.errors import UndeterminedError


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioVariance:
    """What the error of b − ρ·n is made of, n and b being two figures: a polynomial in ρ.

    Attributes:
        numerator: Variance of b.
        denominator: Variance of n.
        covariance: Of both.
    """

    numerator: float
    denominator: float
    covariance: float = 0.0


def fieller_interval(
    numerator: float, denominator: float, variance: RatioVariance, factor: float
) -> tuple[float, float]:
    """Return the interval of b/n: all ratios ρ for which b − ρ·n may be nought.

    They solve (b − ρ n)² = k² · (u_b² − 2 ρ u_bn + ρ² u_n²) for ρ (E. C. Fieller, J. R. Stat. Soc.
    B 16, 1954). It is not symmetric, and where n is not small against its uncertainty it is the
    linear one.

    Args:
        numerator: b.
        denominator: n.
        variance: Of the two.
        factor: k.

    Raises:
        UndeterminedError: n may be nought, so that the ratio has no bound.
    """
    square = denominator**2 - factor**2 * variance.denominator
    if square <= 0:
        raise UndeterminedError(
            f"a ratio over {denominator:.3g} has no bound: that is not distinguishable from zero"
        )
    mixed = numerator * denominator - factor**2 * variance.covariance
    rest = numerator**2 - factor**2 * variance.numerator
    root = max(mixed**2 - square * rest, 0.0) ** 0.5
    return (mixed - root) / square, (mixed + root) / square
