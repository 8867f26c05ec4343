"""How well E_d and E_c are known so far, and which subjects that depends on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calibrate.campaign.plan import Plan
from calibrate.campaign.schedule import block_key
from calibrate.campaign.stopping import Assess, Precision
from calibrate.estimates.fitting import (
    PerUnitFit,
    Problem,
    energy_per_bit,
    fit_blocks,
    fit_link,
    link_problem,
)
from calibrate.windows.window import WindowRecord


def assess_e_d_and_e_c(plan: Plan, block_count: int) -> Assess:
    """Return what says how well E_d and E_c are known, by net energy.

    Net energy is the smaller account, so its relative uncertainty is the larger one.

    Args:
        plan: States the rate of E_c.
        block_count: L.
    """

    def assess(records: Sequence[WindowRecord]) -> tuple[Precision, Precision]:
        return _e_d(records, block_count), _e_c(records, plan.stated_rate_bit_per_s)

    return assess


def _e_d(records: Sequence[WindowRecord], block_count: int) -> Precision:
    windows = [record.observation for record in records if record.task.kind == "compute"]
    fit = fit_blocks(windows, block_count, "net")
    total = fit.combine((0.0, *([1.0] * block_count)))
    variances = np.diag(fit.covariance)[1:]
    return Precision(
        name="E_d",
        u_rel=total.u_stat / abs(total.value),
        degrees_of_freedom=total.degrees_of_freedom,
        variances={block_key(index): float(v) for index, v in enumerate(variances, start=1)},
        windows=len(windows),
    )


def _e_c(records: Sequence[WindowRecord], rate_bit_per_s: float) -> Precision:
    windows = [record for record in records if record.task.kind == "upload"]
    observations = [record.observation for record in windows]
    fit = fit_link(observations, "net")
    bit = energy_per_bit(fit, rate_bit_per_s)
    gains = _gains(link_problem(observations, "net"), fit, rate_bit_per_s)
    return Precision(
        name="E_c",
        u_rel=bit.u_stat / abs(bit.value),
        degrees_of_freedom=bit.degrees_of_freedom,
        variances={record.task.subject: gain for record, gain in zip(windows, gains, strict=True)},
        windows=len(windows),
    )


def _gains(problem: Problem, fit: PerUnitFit, rate_bit_per_s: float) -> list[float]:
    """Return how much repeating each window would take off the variance of E_c.

    One more window with row x and variance s² takes (w·C·x)²/(s² + x·C·x) off the variance of
    w·β (the update of a least-squares fit by one row, Sherman and Morrison 1950).
    """
    weights = np.zeros(len(fit.values))
    weights[1:3] = 1.0 / rate_bit_per_s, 1.0
    along = problem.design @ fit.covariance
    own = np.sum(along * problem.design, axis=1)
    gains = (along @ weights) ** 2 / ((fit.scale * problem.spread) ** 2 + own)
    return [float(gain) for gain in gains]
