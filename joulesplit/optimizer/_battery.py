"""How many inferences a battery pays for: everything the device draws from one to the next. Pure.

The energies of a decision for a period, or for back to back, hold the idle power of all that time
(``_idle_cost``), so that a battery of B pays for B over such an energy, whichever the account.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from joulesplit.optimizer._result import Candidate, Decision
from joulesplit.optimizer._texts import battery_text
from joulesplit.optimizer.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Inferences:
    """How many inferences a battery pays for.

    Attributes:
        count: B over the energy of a period.
        ci95: With 95 % confidence; None if the energy has no interval, or one that reaches 0.
    """

    count: float
    ci95: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryLife:
    """A battery, and what it pays for.

    Attributes:
        energy_j: B, J.
        inferences: How many at the choice; at most so many if something is left out.
        by_split: How many at each candidate, at position l.
        moved_share: What the choice of l moves: how much fewer the worst allowed candidate pays
            for, relative to the choice.
        period_s: T, from one inference to the next, s; None if it is not known.
        back_to_back: T is as long as an inference lasts, because none was given.
        period_energy_j: What the device draws in a period, J.
        idle_j: The idle power's part in it beyond what an inference's own energy holds, J.
        left_out: What is not counted, and why; empty if nothing is.
    """

    energy_j: float
    inferences: Inferences
    by_split: tuple[Inferences, ...]
    moved_share: float
    period_s: float | None
    back_to_back: bool
    period_energy_j: float
    idle_j: float
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        """Return how many inferences it pays for."""
        return battery_text(self)


def battery_life(decision: Decision, battery_j: float) -> BatteryLife:
    """Give the inferences that a battery pays for, at every split.

    Args:
        decision: Made for inferences in a period or back to back.
        battery_j: B, J.

    Raises:
        InvalidInputError: ``battery_j`` is not a positive number, or the decision counts no idle
            power.
    """
    if not (math.isfinite(battery_j) and battery_j > 0.0):
        raise InvalidInputError(f"a battery of {battery_j} J runs nothing; give a positive energy")
    usage, best = decision.usage, decision.best
    if not usage.counts_idle:
        raise InvalidInputError(
            "what a battery pays for hangs on the idle power between inferences: decide for a "
            "period, or for back to back"
        )
    by_split = tuple(_inferences(battery_j, candidate) for candidate in decision.candidates)
    at_best = _inferences(battery_j, best)
    fewest = min(battery_j / c.energy_j for c in decision.candidates if not c.violates)
    return BatteryLife(
        energy_j=battery_j,
        inferences=at_best,
        by_split=by_split,
        moved_share=max(0.0, 1.0 - fewest / at_best.count),
        period_s=best.latency_s if usage.back_to_back else usage.period_s,
        back_to_back=usage.back_to_back,
        period_energy_j=best.energy_j,
        idle_j=best.idle_j,
        left_out=tuple(_left_out(decision)),
    )


def _inferences(battery_j: float, candidate: Candidate) -> Inferences:
    low_j, high_j = candidate.ci95_j or (0.0, 0.0)
    ci95 = (battery_j / high_j, battery_j / low_j) if low_j > 0.0 else None
    return Inferences(count=battery_j / candidate.energy_j, ci95=ci95)


def _left_out(decision: Decision) -> Iterator[str]:
    """Name what a battery pays for besides and the count does not know."""
    best, usage, net = decision.best, decision.usage, decision.account == "net"
    counted = decision.idle_power_w is not None and best.idle_s is not None
    counted = counted and (usage.period_s is not None or best.latency_s is not None)
    if not counted and (net or not usage.back_to_back):
        what = "the idle power" if net else "the idle power between inferences"
        why = "the time of an inference is not known"
        yield f"{what} ({'the profile has none' if decision.idle_power_w is None else why})"
    if usage.back_to_back and best.where != "device" and usage.server_wait_s is None:
        yield "the wait for the server (not known: state --server-wait-s)"
