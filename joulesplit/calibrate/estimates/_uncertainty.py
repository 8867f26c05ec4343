"""From estimates to quantities: type A and type B together, after the GUM. Pure."""

from __future__ import annotations

from joulesplit.calibrate import profile
from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._stats import of_windows
from joulesplit.calibrate.profile import Quantity
from joulesplit.metrology import Estimate, SystematicBudget

__all__ = ["Estimate"]

with_interval = of_windows(profile.with_interval)


def require_positive(estimate: Estimate, what: str) -> Estimate:
    """Return an energy that is above zero.

    Args:
        estimate: The energy.
        what: Names it, with its unit.

    Raises:
        EstimateError: It is zero or negative.
    """
    if estimate.value <= 0:
        raise EstimateError(
            f"{what} comes out as {estimate.value:.3g}: not above zero, so the work does not show "
            "above idle; lengthen the work, or check that the sensor measures the right rail"
        )
    return estimate


def quantity(
    estimate: Estimate, unit: str, budget: SystematicBudget, *, offset_duration: float = 0.0
) -> Quantity:
    """Combine an estimate that is proportional to power with the sensor's budget.

    Args:
        estimate: Value and its statistics, in ``unit``.
        unit: SI unit.
        budget: The sensor's systematic terms.
        offset_duration: How much of ``unit`` one watt of offset makes (s for a gross energy in
            J, 1 for a power in W); 0 where an offset cancels.

    Returns:
        The quantity; its interval is that of scatter and bounds together.
    """
    value = estimate.value
    u_sys = budget.of(value, offset_duration=offset_duration)
    flatness = budget.flatness(value, offset_duration=offset_duration)
    return with_interval(estimate, unit, u_sys, flatness=flatness)


def reciprocal(numerator: float, denominator: Quantity, unit: str) -> Quantity:
    """Return numerator / denominator with the interval's ends carried over exactly.

    Args:
        numerator: Exact, e.g. a FLOP count.
        denominator: Energy per unit of work.
        unit: Unit of the result.

    Raises:
        EstimateError: The denominator's interval reaches zero, so the ratio has no bound.
    """
    if denominator.ci95 is None or denominator.ci95[0] <= 0:
        raise EstimateError(
            f"cannot state a figure in {unit}: the energy behind it is "
            f"{denominator.value:.3g} {denominator.unit} and not distinguishable from zero; "
            "measure more work per window or more windows"
        )
    value = numerator / denominator.value
    return Quantity(
        value=value,
        unit=unit,
        ci95=(numerator / denominator.ci95[1], numerator / denominator.ci95[0]),
        u_stat=value * (denominator.u_stat or 0.0) / denominator.value,
        u_sys=value * (denominator.u_sys or 0.0) / denominator.value,
        n=denominator.n,
        degrees_of_freedom=denominator.degrees_of_freedom,
    )
