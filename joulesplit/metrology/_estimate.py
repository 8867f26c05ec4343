"""A figure with its scatter, its bounds and the interval of both. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from joulesplit.metrology._coverage import combined_coverage_factor, coverage_factor
from joulesplit.metrology._freedom import combined_inverse_freedom, flat_inverse_freedom


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its statistics only.

    Attributes:
        value: In the figure's unit.
        u_stat: Type A standard uncertainty, same unit.
        degrees_of_freedom: Behind ``u_stat``.
        n: Observations behind the figure.
    """

    value: float
    u_stat: float
    degrees_of_freedom: float
    n: int

    @property
    def half_width(self) -> float:
        """Half of its 95 % interval by its own statistics, in its unit."""
        return float(coverage_factor(self.degrees_of_freedom) * self.u_stat)


def coverage_of(
    u_stat: float, degrees_of_freedom: float, u_sys: float, flat_share: float = 0.0
) -> float:
    """Return k of scatter with few degrees of freedom and bounds together.

    Args:
        u_stat: Standard uncertainty from scatter, in the figure's unit.
        degrees_of_freedom: Behind it.
        u_sys: From everything else, same unit.
        flat_share: ``flatness`` of what that is made of; 0 for a normal distribution, whose tails
            are longer.

    Raises:
        UndeterminedError: There is scatter, and no degree of freedom behind it.
    """
    if u_stat and not degrees_of_freedom > 0:
        return float(coverage_factor(degrees_of_freedom))
    inverse = 1 / degrees_of_freedom if u_stat else 0.0
    parts = ((u_stat, inverse), (u_sys, flat_inverse_freedom(flat_share)))
    return float(combined_coverage_factor(combined_inverse_freedom(parts)))


def half_width_of(estimate: Estimate, u_sys: float, flat_share: float = 0.0) -> float:
    """Return half of the 95 % interval of an estimate with its systematic uncertainty.

    Args:
        estimate: Value and its statistics.
        u_sys: Systematic standard uncertainty, in the estimate's unit.
        flat_share: See ``coverage_of``.

    Raises:
        UndeterminedError: The statistics have no degree of freedom.
    """
    factor = coverage_of(estimate.u_stat, estimate.degrees_of_freedom, u_sys, flat_share)
    return factor * hypot(estimate.u_stat, u_sys)
