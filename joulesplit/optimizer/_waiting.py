"""What it costs that TCP's window opens anew after a pause: apart from a burst's other costs.

A profile's E_burst has the wait of a first upload of average size in it. Here it is taken out, and
each size gets its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from joulesplit.calibrate.profile import LinkFit, Quantity, UploadCosts, UploadTime
from joulesplit.optimizer._uncertainty import FloatArray

BURST_PLACE = 3
"""Of E_burst in (E_0, P_air, e_bit, E_burst)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waiting:
    """Waiting for TCP's window.

    Attributes:
        power: P_late, W; by the gross account it holds P_0.
        covariance: Of P_late with (E_0, P_air, e_bit, E_burst) and itself; float64, shape (5,).
    """

    power: Quantity
    covariance: FloatArray


def usual_wait_s(time: UploadTime | None) -> float:
    """Return how long the first upload waits that a profile's E_burst has in it, s."""
    return float(np.mean([one.late_s for one in time.alone])) if time and time.alone else 0.0


def waiting_apart(
    fit: LinkFit, costs: UploadCosts, time: UploadTime | None, *, idle_w: float = 0.0
) -> tuple[LinkFit, Waiting | None]:
    """Return what uploads cost with a burst that waits for nothing, and what waiting costs.

    Args:
        fit: What uploads cost at a pace, see ``costs``.
        costs: The profile's own.
        time: How long uploads take.
        idle_w: What a wait costs at least by the account, W: P_0 by the gross one.

    Returns:
        None, where the profile does not tell the two apart, and the fit with a burst that is known
        no better than by what the sizes wait more or less than on average.
    """
    if time is None or not time.alone:
        return fit, None
    if costs.waiting_power_w is None:
        return _of_unequal_waits(fit, time, idle_w), None
    power = costs.waiting_power_w
    place = 2 + (fit.burst_cost_j is not None)
    known = np.array(costs.covariance, dtype=np.float64)[place, : place + 1]
    covariance = np.zeros(5)
    covariance[[0, 2, BURST_PLACE][:place]] = known[:-1]
    covariance[-1] = known[-1]
    if fit.burst_cost_j is None:
        return fit, Waiting(power=power, covariance=covariance)
    return _apart(fit, fit.burst_cost_j, Waiting(power=power, covariance=covariance), time)


def _apart(
    fit: LinkFit, burst: Quantity, wait: Waiting, time: UploadTime
) -> tuple[LinkFit, Waiting]:
    """Take the mean wait out of a burst, and with it what sizes differ by from its uncertainty."""
    power, covariance = wait.power, wait.covariance
    late_s = np.array([one.late_s for one in time.alone])
    usual_s, spread_s = usual_wait_s(time), float(late_s.std(ddof=1)) if len(late_s) > 1 else 0.0
    left = np.array(fit.covariance, dtype=np.float64)
    left[BURST_PLACE, BURST_PLACE] -= (power.value**2 + covariance[-1]) * spread_s**2
    taken = np.eye(5)
    taken[BURST_PLACE, -1] = -usual_s
    joint = np.block([[left, covariance[:-1, None]], [covariance[None, :]]])
    joint = taken @ joint @ taken.T
    fit = msgspec.structs.replace(
        fit,
        burst_cost_j=_less(burst, usual_s * power.value, joint[BURST_PLACE, BURST_PLACE]),
        covariance=tuple(tuple(float(x) for x in row) for row in joint[:-1, :-1]),
    )
    return fit, Waiting(power=power, covariance=joint[-1])


def _of_unequal_waits(fit: LinkFit, time: UploadTime, idle_w: float) -> LinkFit:
    """Return a fit whose burst may be off by the idle energy of the wait farthest from the mean.

    Every size is billed for the mean of all waits; nothing tells what else waiting draws.
    """
    late_s = np.array([one.late_s for one in time.alone])
    unequal_j = idle_w * float(np.abs(late_s - late_s.mean()).max())
    if fit.burst_cost_j is None or not unequal_j:
        return fit
    covariance = np.array(fit.covariance, dtype=np.float64)
    covariance[BURST_PLACE, BURST_PLACE] += unequal_j**2
    return msgspec.structs.replace(
        fit,
        burst_cost_j=_less(fit.burst_cost_j, 0.0, covariance[BURST_PLACE, BURST_PLACE]),
        covariance=tuple(tuple(float(x) for x in row) for row in covariance),
    )


def _less(burst: Quantity, wait_j: float, variance_j2: float) -> Quantity:
    """Return a burst's cost without that of its wait, its interval as wide for its uncertainty."""
    value, u_stat = burst.value - wait_j, float(max(variance_j2, 0.0) ** 0.5)
    u_sys = (burst.u_sys or 0.0) * abs(value / burst.value if burst.value else 1.0)
    before = float(np.hypot(burst.u_stat or 0.0, burst.u_sys or 0.0))
    ci95 = burst.ci95
    if ci95 is not None and before > 0.0:
        half = (ci95[1] - ci95[0]) / 2 / before * float(np.hypot(u_stat, u_sys))
        ci95 = (value - half, value + half)
    return msgspec.structs.replace(burst, value=value, u_stat=u_stat, u_sys=u_sys, ci95=ci95)
