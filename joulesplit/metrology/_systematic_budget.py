"""What an instrument's systematic terms do to a figure that is proportional to power. Pure.

A shunt that its own heat makes larger reads a power P as P·(1 + c·P²): the heat goes with the
square of the current, and the rail's voltage hardly moves. The gross energy of work at P is wrong
by c·P² then. Its net energy is wrong by more: (P³ − P0³)/(P − P0) = P² + P·P0 + P0² times c,
three times as much where the work is small. The heat is taken to follow the load at once; in a
shunt that is slower the errors are smaller.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Protocol

from joulesplit.metrology._freedom import flat_inverse_freedom, flatness


class SystematicTerm(Protocol):
    """One systematic (type B) term of an instrument: a bound, or a standard uncertainty."""

    @property
    def kind(self) -> str:
        """The way it acts: ``scale`` (factor of every power) or ``offset`` (added to it)."""

    @property
    def correlation(self) -> str:
        """The way it goes with itself: ``common`` to all figures, or ``load-dependent``."""

    @property
    def distribution(self) -> str | None:
        """The law between its bounds: ``rectangular`` or ``normal``; None if nobody says."""

    @property
    def standard_uncertainty(self) -> float:
        """Relative (1) for ``scale``, W for ``offset``."""

    @property
    def at_power_w(self) -> float | None:
        """Of a ``load-dependent`` scale: the power at which it holds, W; None if not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """Between which powers a figure's work happened.

    Attributes:
        idle_w: Without the work, W.
        work_w: While it lasts, W.
    """

    idle_w: float
    work_w: float

    @property
    def gross_w2(self) -> float:
        """What c is multiplied by in gross energy, W²."""
        return self.work_w**2

    @property
    def net_w2(self) -> float:
        """What c is multiplied by in net energy, W²."""
        return self.work_w**2 + self.work_w * self.idle_w + self.idle_w**2


@dataclass(frozen=True, slots=True, kw_only=True)
class SystematicBudget:
    """An instrument's systematic terms, ready for propagation.

    Attributes:
        terms: One by one.
        scale_u_rel: Common scale terms together, relative standard uncertainty.
        offset_u_w: Offset terms together, standard uncertainty, W.
        load_u_rel: Scale terms that change with the load together, relative.
        load_power_w: Power at which ``load_u_rel`` holds, W; it grows with the square of the
            power. None if it is not known how it grows: then it is the same at all powers.
        loads: At which the figures were measured; None takes ``load_power_w`` for idle and work
            alike, which bounds them.
        campaign_u_rel: What a campaign itself leaves open of net energies of one kind of work,
            relative standard uncertainty.
        net_share: Of gross energy in that kind of work, so much is net.
        counts_campaign: False leaves the former two alone, to look at scatter and sensor only.
    """

    terms: tuple[SystematicTerm, ...]
    scale_u_rel: float
    offset_u_w: float
    load_u_rel: float = 0.0
    load_power_w: float | None = None
    loads: Loads | None = None
    campaign_u_rel: float = 0.0
    net_share: float = 1.0
    counts_campaign: bool = True

    def of(self, value: float, *, offset_duration: float = 0.0) -> float:
        """Return the systematic standard uncertainty of a figure proportional to power.

        Args:
            value: The figure.
            offset_duration: How much of its unit one watt of offset makes; 0 where it cancels,
                that is, in net energy.
        """
        net = offset_duration == 0
        campaign = self.campaign_u_rel * (1.0 if net else self.net_share)
        u_rel = hypot(self.scale_u_rel, self._load_u_rel(net=net), campaign)
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

    @property
    def scale_inverse_freedom(self) -> float:
        """1/ν of the common scale terms together: −1/5 for a single bound (see ``_coverage``)."""
        bounds = [
            term.standard_uncertainty
            for term in _of_kind(self.terms, "scale", "common")
            if term.distribution == "rectangular"
        ]
        return flat_inverse_freedom(flatness(bounds, self.scale_u_rel))

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


def budget_of(terms: Sequence[SystematicTerm], loads: Loads | None = None) -> SystematicBudget:
    """Return the budget of an instrument's terms (GUM 4.3.7, 5.1.2).

    Args:
        terms: One by one.
        loads: At which the figures were measured; None where that is not known.
    """

    def together(kind: str, correlation: str) -> float:
        return hypot(*(term.standard_uncertainty for term in _of_kind(terms, kind, correlation)))

    return SystematicBudget(
        terms=tuple(terms),
        scale_u_rel=together("scale", "common"),
        offset_u_w=hypot(together("offset", "common"), together("offset", "load-dependent")),
        load_u_rel=together("scale", "load-dependent"),
        load_power_w=_load_power_w(terms),
        loads=loads,
    )


def _of_kind(terms: Iterable[SystematicTerm], kind: str, correlation: str) -> list[SystematicTerm]:
    return [term for term in terms if (term.kind, term.correlation) == (kind, correlation)]


def _load_power_w(terms: Iterable[SystematicTerm]) -> float | None:
    """Return the smallest power that a growing term is stated at, if each says so."""
    powers_w = [term.at_power_w for term in _of_kind(terms, "scale", "load-dependent")]
    known_w = [power_w for power_w in powers_w if power_w is not None]
    return min(known_w) if known_w and len(known_w) == len(powers_w) else None
