"""Energies of heads, from their windows and those of the blocks together. Pure.

One fit holds heads and blocks: they scatter alike. What it costs to start a head is not what it
costs to start a block, which has less to fetch into the caches, so their starts have means of
their own. What a choice depends on are differences between heads and blocks, so their covariance
is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from joulesplit.calibrate.estimates._baseline import (
    at_idle,
    idle_estimate,
    observations_at_common_idle,
)
from joulesplit.calibrate.estimates._campaign_terms import with_campaign
from joulesplit.calibrate.estimates._fitting import PerUnitFit, fit_blocks, fit_latency
from joulesplit.calibrate.estimates._uncertainty import (
    Estimate,
    quantity,
    require_positive,
    with_interval,
)
from joulesplit.calibrate.profile import GrossNet, HeadEnergy
from joulesplit.calibrate.windows import WindowKind, WindowRecord
from joulesplit.metrology import Array, SystematicBudget

HEAD_KINDS: tuple[WindowKind, ...] = ("compute", "head", "whole")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What was measured of heads.

    Attributes:
        energies: By the last block.
        covariance_j2: Of their net energies with e_1 … e_L and with the heads up to themselves,
            J², shape (H, L + H), float64; what lies right of a head itself is 0.
    """

    energies: tuple[HeadEnergy, ...]
    covariance_j2: Array

    @property
    def triangle_j2(self) -> tuple[float, ...]:
        """The triangle's rows as far as the head itself, one after the other, J², to six digits."""
        first = self.covariance_j2.shape[1] - len(self.energies) + 1
        return tuple(
            float(f"{value:.6g}")
            for rank, row in enumerate(self.covariance_j2)
            for value in row[: first + rank]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fits:
    """Blocks in columns 1 … L, heads behind them."""

    last_blocks: tuple[int, ...]
    blocks: PerUnitFit
    net: PerUnitFit
    gross: PerUnitFit
    latency: PerUnitFit
    idle: Estimate

    @property
    def block_count(self) -> int:
        return len(self.blocks.values) - 1

    def cross_covariance(self) -> Array:
        """Return rows of heads over columns of blocks and heads, J².

        The profile states the blocks from a fit of their own. Its errors are those of the common
        fit and others independent of them (the common fit is the best one, Gauss–Markov), so the
        covariance with the heads is the common fit's. The two fits estimate the scatter of the
        windows apart: the smaller one keeps the whole matrix a covariance.
        """
        rows = self.net.covariance[1 + self.block_count :, 1:].copy()
        if self.net.scale > 0:
            rows[:, : self.block_count] *= min(1.0, (self.blocks.scale / self.net.scale) ** 2)
        return np.asarray(np.tril(rows, self.block_count))


def heads_of(
    records: Sequence[WindowRecord], block_count: int, budget: SystematicBudget
) -> Heads | None:
    """Return what was measured of several blocks as one network; None if nothing was.

    Args:
        records: Every window of the campaign, in order of time.
        block_count: L.
        budget: The sensor's systematic terms.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    last_blocks = {r.task.block for r in records if r.task.kind in ("head", "whole")}
    if not last_blocks:
        return None
    budget = with_campaign(budget, records)
    fits = _fit(records, block_count, tuple(sorted(last_blocks)))
    covariance = fits.cross_covariance()
    return Heads(
        energies=tuple(
            _head(fits, row, covariance[row], budget) for row in range(len(fits.last_blocks))
        ),
        covariance_j2=covariance,
    )


def _fit(records: Sequence[WindowRecord], block_count: int, last_blocks: tuple[int, ...]) -> _Fits:
    columns = {last: block_count + rank for rank, last in enumerate(last_blocks, start=1)}
    windows = [record for record in records if record.task.kind in HEAD_KINDS]
    observations = [
        observation
        if record.task.kind == "compute"
        else replace(observation, block=columns[record.task.block])
        for record, observation in zip(
            windows, observations_at_common_idle(records, *HEAD_KINDS), strict=True
        )
    ]
    count = block_count + len(last_blocks)
    alone = [o for o in observations if o.block <= block_count]
    kinds = [0] * block_count + [1] * len(last_blocks)
    return _Fits(
        last_blocks=last_blocks,
        blocks=fit_blocks(alone, block_count, "net"),
        net=fit_blocks(observations, count, "net", kinds=kinds),
        gross=fit_blocks(observations, count, "gross", kinds=kinds),
        latency=fit_latency(observations, count, kinds=kinds),
        idle=idle_estimate(records),
    )


def _head(fits: _Fits, row: int, shared_j2: Array, budget: SystematicBudget) -> HeadEnergy:
    column, last = 1 + fits.block_count + row, fits.last_blocks[row]
    what = f"the energy of blocks 1 to {last} as one network per inference, in J,"
    net, latency = require_positive(fits.net.one(column), what), fits.latency.one(column)
    gross = at_idle(require_positive(fits.gross.one(column), what), latency.value, fits.idle)
    first_blocks = [float(1 <= place <= last) for place in range(fits.block_count + 1)]
    blocks = fits.blocks.combine(first_blocks)
    over_blocks = net.value / blocks.value
    variance = (
        net.u_stat**2
        - 2 * over_blocks * float(shared_j2[:last].sum())
        + (over_blocks * blocks.u_stat) ** 2
    )
    return HeadEnergy(
        last_block=last,
        energy_j=GrossNet(
            gross=quantity(gross, "J", budget, offset_duration=latency.value),
            net=quantity(net, "J", budget),
        ),
        latency_s=with_interval(latency, "s", 0.0),
        net_over_blocks=over_blocks,
        net_over_blocks_u=max(variance, 0.0) ** 0.5 / abs(blocks.value),
        start_cost_j=quantity(fits.net.starts[column - 1], "J", budget),
    )
