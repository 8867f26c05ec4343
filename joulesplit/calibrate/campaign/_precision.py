"""How well E_d and E_c are known so far, and which subjects that depends on. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from joulesplit.calibrate.campaign._plan import Plan
from joulesplit.calibrate.campaign._schedule import block_key
from joulesplit.calibrate.campaign._stopping import Assess, Precision
from joulesplit.calibrate.estimates import (
    fit_blocks,
    link_problem,
    sent_weights,
    stated_bit,
    stated_pace,
    told_paces,
    undisturbed_uploads,
    upload_problem,
)
from joulesplit.calibrate.windows import WindowRecord


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
    observations = [record.observation for record in undisturbed_uploads(records)]
    bit = stated_bit(observations, rate_bit_per_s, "net").energy
    return Precision(
        name="E_c",
        u_rel=bit.u_stat / abs(bit.value),
        degrees_of_freedom=bit.degrees_of_freedom,
        variances=uplink_gains(records, rate_bit_per_s, (0.0, 1.0 / rate_bit_per_s, 1.0, 0.0)),
        windows=len(observations),
    )


def uplink_gains(
    records: Sequence[WindowRecord],
    rate_bit_per_s: float,
    weights: tuple[float, float, float, float],
) -> dict[str, float]:
    """Return how much one more window of each upload would take off the variance of w·β at most.

    One more window with row x and variance s² takes (w·C·x)²/(s² + x·C·x) off it (the update of
    a least-squares fit by one row, Sherman and Morrison 1950).

    Args:
        records: Every window so far.
        rate_bit_per_s: That E_c is stated at where nothing went unpaced, bit/s.
        weights: w of uploads, airtime, bits and bursts.

    Returns:
        By subject key, in the unit of (w·β)².

    Raises:
        EstimateError: The windows do not determine the figures.
    """
    windows = undisturbed_uploads(records)
    observations = [record.observation for record in windows]
    pace = stated_pace(observations, rate_bit_per_s)
    told = told_paces(observations)
    if pace is not None:
        windows = [record for record in windows if record.pace in told]
        observations = [record.observation for record in windows]
        problem = upload_problem(observations, "net")
        by_coefficient = sent_weights(observations, pace, weights)
    else:
        problem = link_problem(observations, "net")
        by_coefficient = np.array(weights[: problem.design.shape[1]])
    fit = problem.fit()
    along = problem.design @ fit.covariance
    own = np.sum(along * problem.design, axis=1)
    taken = (along @ by_coefficient) ** 2
    gains: dict[str, float] = {}
    for record, gain in zip(
        windows, taken / ((fit.scale * problem.spread) ** 2 + own), strict=True
    ):
        subject = record.task.subject
        gains[subject] = max(gains.get(subject, 0.0), float(gain))
    return gains
