"""From estimates to quantities: type A and type B together, after the GUM. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import hypot, isfinite

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._self_heating import Loads
from joulesplit.calibrate.estimates._stats import of_windows
from joulesplit.calibrate.profile import BudgetTerm, Quantity
from joulesplit.drivers.readings import AccuracyTerm
from joulesplit.metrology import Estimate, flatness, half_width_of

__all__ = ["Estimate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystematicBudget:
    """The sensor's systematic terms, ready for propagation.

    Attributes:
        terms: As a profile stores them.
        scale_u_rel: Common scale terms together, relative standard uncertainty.
        offset_u_w: Offset terms together, standard uncertainty, W.
        load_u_rel: Scale terms that change with the load together, relative.
        load_power_w: Power at which ``load_u_rel`` holds, W; it grows with the square of the
            power. None if it is not known how it grows: then it is the same at all powers.
        loads: At which the figures were measured; None takes ``load_power_w`` for idle and work
            alike, which bounds them.
    """

    terms: tuple[BudgetTerm, ...]
    scale_u_rel: float
    offset_u_w: float
    load_u_rel: float = 0.0
    load_power_w: float | None = None
    loads: Loads | None = None

    def of(self, value: float, *, offset_duration: float = 0.0) -> float:
        """Return the systematic standard uncertainty of a figure proportional to power.

        Args:
            value: The figure.
            offset_duration: How much of its unit one watt of offset makes; 0 where it cancels,
                that is, in net energy.
        """
        u_rel = hypot(self.scale_u_rel, self._load_u_rel(net=offset_duration == 0))
        return hypot(u_rel * value, self.offset_u_w * offset_duration)

    def flatness(self, value: float, *, offset_duration: float = 0.0) -> float:
        """Return Σ u_i⁴ of the rectangular terms over (Σ u_i²)² of all: 1 for a single bound.

        Args:
            value: As in ``of``.
            offset_duration: As in ``of``.
        """
        load = self._load_share(net=offset_duration == 0)
        parts = (
            term.standard_uncertainty
            * (offset_duration if term.kind == "offset" else value)
            * (load if (term.kind, term.correlation) == ("scale", "load-dependent") else 1.0)
            for term in self.terms
            if term.distribution == "rectangular"
        )
        return flatness(parts, self.of(value, offset_duration=offset_duration))

    def _load_u_rel(self, *, net: bool) -> float:
        return self.load_u_rel * self._load_share(net=net)

    def _load_share(self, *, net: bool) -> float:
        """Return what the loads make of a term that is stated at the highest power."""
        if self.load_power_w is None:
            return 1.0
        loads = self.loads or Loads(idle_w=self.load_power_w, work_w=self.load_power_w)
        return (loads.net_w2 if net else loads.gross_w2) / self.load_power_w**2

    def between(self, one_w2: float, other_w2: float) -> float:
        """Return what changes with the load leaves in a ratio of two energies, relative.

        Args:
            one_w2: ``Loads.gross_w2`` or ``net_w2`` of one of them, W².
            other_w2: Of the other.
        """
        if self.load_power_w is None:
            return self.load_u_rel
        return self.load_u_rel * abs(one_w2 - other_w2) / self.load_power_w**2


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


def budget_of(accuracy: tuple[AccuracyTerm, ...], loads: Loads | None = None) -> SystematicBudget:
    """Return the budget of a sensor's accuracy terms (GUM 4.3.7, 5.1.2).

    Args:
        accuracy: The terms.
        loads: At which the figures were measured; None where that is not known.
    """

    def together(kind: str, correlation: str) -> float:
        return hypot(
            *(
                term.standard_uncertainty
                for term in accuracy
                if (term.kind, term.correlation) == (kind, correlation)
            )
        )

    return SystematicBudget(
        terms=tuple(_recorded(term) for term in accuracy),
        scale_u_rel=together("scale", "common"),
        offset_u_w=hypot(together("offset", "common"), together("offset", "load-dependent")),
        load_u_rel=together("scale", "load-dependent"),
        load_power_w=_load_power_w(accuracy),
        loads=loads,
    )


def _load_power_w(accuracy: Iterable[AccuracyTerm]) -> float | None:
    """Return the smallest power that a growing term is stated at, if each says so."""
    powers_w = [
        term.at_power_w
        for term in accuracy
        if (term.kind, term.correlation) == ("scale", "load-dependent")
    ]
    known_w = [power_w for power_w in powers_w if power_w is not None]
    return min(known_w) if known_w and len(known_w) == len(powers_w) else None


def _recorded(term: AccuracyTerm) -> BudgetTerm:
    return BudgetTerm(
        name=term.name,
        kind=term.kind,
        standard_uncertainty=term.standard_uncertainty,
        source=term.source,
        half_width=term.half_width,
        distribution=term.distribution,
        correlation=term.correlation,
        at_power_w=term.at_power_w,
    )


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


def with_interval(
    estimate: Estimate, unit: str, u_sys: float, *, flatness: float = 0.0
) -> Quantity:
    """Return an estimate as a quantity, given its systematic standard uncertainty in ``unit``.

    Args:
        estimate: Value and its statistics, in ``unit``.
        unit: SI unit.
        u_sys: Systematic standard uncertainty, in ``unit``.
        flatness: Of what that is made of, see ``SystematicBudget.flatness``; 0 for a normal
            distribution, whose tails are longer.

    Raises:
        EstimateError: The statistics have no degree of freedom.
    """
    half_width = of_windows(half_width_of)(estimate, u_sys, flatness)
    freedom = estimate.degrees_of_freedom
    return Quantity(
        value=estimate.value,
        unit=unit,
        ci95=(estimate.value - half_width, estimate.value + half_width),
        u_stat=estimate.u_stat,
        u_sys=u_sys,
        n=estimate.n,
        degrees_of_freedom=freedom if isfinite(freedom) else None,
    )


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
