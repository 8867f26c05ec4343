"""How many inferences a battery pays for: everything the device draws from one to the next. Pure.

Energy above idle alone empties no battery: the idle power goes on all the time. A period of T, from
one inference to the next, costs E_net + P_0·T, and the same by the gross account,
E_gross + P_0·(T − t), with t the time whose idle power is in E_gross already.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from joulesplit.calibrate.profile import DeviceProfile, Quantity, degrees_of_freedom_of
from joulesplit.metrology import Error, error_of_scatter, interval_of
from joulesplit.optimizer._linear_figures import apart_from, offset_left
from joulesplit.optimizer._result import Candidate, Decision
from joulesplit.optimizer._texts import battery_text
from joulesplit.optimizer._uncertainty import energy_error, without_scale
from joulesplit.optimizer.errors import InvalidInputError, PeriodTooShortError


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
        inferences: How many; at most so many if something is left out.
        period_s: T, from one inference to the next, s; None if it is not known.
        back_to_back: T is as long as an inference lasts, because none was given.
        period_energy_j: What the device draws in a period, J.
        idle_j: The idle power's part in it beyond what an inference's own energy holds, J.
        left_out: What is not counted, and why; empty if nothing is.
    """

    energy_j: float
    inferences: Inferences
    period_s: float | None
    back_to_back: bool
    period_energy_j: float
    idle_j: float
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        """Return how many inferences it pays for."""
        return battery_text(self)


def battery_life(
    decision: Decision, profile: DeviceProfile, battery_j: float, *, period_s: float | None = None
) -> BatteryLife:
    """Give the inferences that a battery pays for at the chosen split.

    Args:
        decision: The choice.
        profile: What it was made from; its P_0 is what the device draws in between.
        battery_j: B, J.
        period_s: T, s; None for back to back, as long as the inference lasts.

    Raises:
        InvalidInputError: ``battery_j`` or ``period_s`` is not a positive number.
        PeriodTooShortError: An inference takes longer than the period.
    """
    best = decision.best
    _require_sensible(best, battery_j, period_s)
    lasting_s = best.latency_s if period_s is None else period_s
    idle_w = profile.idle.power_w if profile.idle else None
    beside_s = None
    if idle_w is not None and lasting_s is not None and best.idle_s is not None:
        beside_s = lasting_s - best.idle_s
    idle_j = idle_w.value * beside_s if idle_w is not None and beside_s is not None else 0.0
    period_j = best.energy_j + idle_j
    error = _error_j(decision, idle_w, beside_s)
    return BatteryLife(
        energy_j=battery_j,
        inferences=_inferences(battery_j, period_j, error),
        period_s=lasting_s,
        back_to_back=period_s is None,
        period_energy_j=period_j,
        idle_j=idle_j,
        left_out=tuple(_left_out(decision, idle_w, beside_s, stated=period_s is not None)),
    )


def _require_sensible(best: Candidate, battery_j: float, period_s: float | None) -> None:
    if not (math.isfinite(battery_j) and battery_j > 0.0):
        raise InvalidInputError(f"a battery of {battery_j} J runs nothing; give a positive energy")
    if period_s is None:
        return
    if not (math.isfinite(period_s) and period_s > 0.0):
        raise InvalidInputError(f"a period of {period_s} s cannot be; give a positive time")
    if best.latency_s is not None and period_s < best.latency_s:
        raise PeriodTooShortError(
            f"an inference every {period_s:g} s cannot be: one takes {best.latency_s:.3g} s on the "
            "device and on the air; give a longer period, or none for back to back"
        )


def _error_j(decision: Decision, idle_w: Quantity | None, beside_s: float | None) -> Error | None:
    """Give what a period's energy may be off by, J; None if a figure states no uncertainty.

    The scale is common to both parts, and so is the sensor's offset, which adds up. P_0's
    statistical error is one for all the time that P_0 is counted in.
    """
    best, scale = decision.best, decision.scale_u_rel
    if best.u_stat_j is None or best.u_sys_j is None:
        return None
    idle_w = idle_w if beside_s is not None else None
    if idle_w is not None and (idle_w.u_stat is None or idle_w.u_sys is None):
        return None
    counted_s, idle_s, idle_u_w = best.idle_s or 0.0, beside_s or 0.0, 0.0
    offset_j, total_j = without_scale(best.u_sys_j, best.energy_j, scale), best.energy_j
    parts: list[tuple[float, float]] = []
    if idle_w is not None:
        idle_u_w = idle_w.u_stat or 0.0
        parts.append((idle_u_w * (counted_s + idle_s), 1 / degrees_of_freedom_of(idle_w)))
        offset_j += offset_left(idle_w, scale) * idle_s
        total_j += idle_w.value * idle_s
    own_j = apart_from(best.u_stat_j, idle_u_w * counted_s)
    parts.append((own_j, 1 / (best.degrees_of_freedom or inf)))
    scatter = error_of_scatter(parts)
    with_offset = scatter.with_systematic(offset_j, decision.rest_inverse_freedom)
    return energy_error(total_j, with_offset, scale, decision.scale_inverse_freedom)


def _inferences(battery_j: float, period_j: float, error: Error | None) -> Inferences:
    ci95 = None
    low_j, high_j = interval_of(period_j, error) or (0.0, 0.0)
    if low_j > 0.0:
        ci95 = (battery_j / high_j, battery_j / low_j)
    return Inferences(count=battery_j / period_j, ci95=ci95)


def _left_out(
    decision: Decision, idle_w: Quantity | None, beside_s: float | None, *, stated: bool
) -> Iterator[str]:
    """Name what a battery pays for besides and the count does not know."""
    best, net = decision.best, decision.account == "net"
    if beside_s is None and (net or stated):
        what = "the idle power" if net else "the idle power between inferences"
        why = "the profile has none" if idle_w is None else "the time of an inference is not known"
        yield f"{what} ({why})"
    if not stated and best.where != "device" and decision.usage.server_wait_s is None:
        yield "the wait for the server (not known: state --server-wait-s)"
