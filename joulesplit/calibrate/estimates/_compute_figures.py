"""Windows to profile: every figure of a calibration, from its recorded windows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from joulesplit.calibrate.estimates._baseline import (
    at_idle,
    idle_estimate,
    observations_at_common_idle,
)
from joulesplit.calibrate.estimates._by_pace import upload_observations
from joulesplit.calibrate.estimates._campaign_terms import (
    COMPUTING_KINDS,
    campaign_error,
    with_campaign,
    with_idle_of,
)
from joulesplit.calibrate.estimates._fitting import PerUnitFit, fit_blocks, fit_latency
from joulesplit.calibrate.estimates._idle_temperature import idle_temperature
from joulesplit.calibrate.estimates._method_views import ComputeViews, compute_views
from joulesplit.calibrate.estimates._operator_classes import class_fit, class_flop
from joulesplit.calibrate.estimates._ratio import ratio_of, work_and_bit
from joulesplit.calibrate.estimates._uncertainty import (
    Estimate,
    quantity,
    reciprocal,
    require_positive,
    with_interval,
)
from joulesplit.calibrate.profile import (
    Account,
    BlockEnergy,
    Compute,
    GrossNet,
    Idle,
    ModelIdentity,
    Quantity,
    Runtime,
)
from joulesplit.calibrate.windows import Observation, WindowKind, WindowRecord
from joulesplit.metrology import Array, SystematicBudget, quadrature_rest
from joulesplit.partition import Block, Operator

FLOP_CONVENTION = "tflite-2mac"


def idle_of(records: Sequence[WindowRecord], budget: SystematicBudget) -> Idle:
    """Return P_0 from the local idle powers of all windows, and how it goes with temperature."""
    sensor, at = budget, idle_temperature(records)
    budget = with_idle_of(sensor, records)
    return Idle(
        power_w=quantity(idle_estimate(records), "W", budget, offset_duration=1.0),
        temperature_c=at.reference_c if at else None,
        temperature_coefficient_w_per_k=quantity(at.slope, "W/K", budget)
        if at and at.slope
        else None,
        campaign_u_w=quadrature_rest(budget.offset_u_w, sensor.offset_u_w),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _ComputeFits:
    net: PerUnitFit
    gross: PerUnitFit
    latency: PerUnitFit
    idle: Estimate

    @property
    def every_block(self) -> tuple[float, ...]:
        """Weights of the sum over all blocks."""
        return (0.0, *([1.0] * (len(self.net.values) - 1)))


def _block_energy(
    block: Block,
    fits: _ComputeFits,
    views: Mapping[Account, ComputeViews],
    budget: SystematicBudget,
) -> BlockEnergy:
    what = f"the energy of block {block.index} ({block.name}) per inference, in J,"
    latency = fits.latency.one(block.index)
    gross = require_positive(fits.gross.one(block.index), what)
    return BlockEnergy(
        index=block.index,
        name=block.name,
        last_operator=block.last_operator,
        flop=block.flop,
        output_bits=block.output_bits,
        energy_j=GrossNet(
            gross=quantity(
                at_idle(gross, latency.value, fits.idle),
                "J",
                budget,
                offset_duration=latency.value,
            ),
            net=quantity(require_positive(fits.net.one(block.index), what), "J", budget),
        ),
        latency_s=with_interval(latency, "s", 0.0),
        views=tuple(view for of in views.values() for view in of.blocks[block.index - 1]),
        start_cost_j=quantity(fits.net.starts[block.index - 1], "J", budget),
    )


def compute_of(
    records: Sequence[WindowRecord],
    blocks: Sequence[Block],
    budget: SystematicBudget,
    *,
    model: ModelIdentity,
    runtime: Runtime,
    operators: Sequence[Operator] = (),
) -> Compute:
    """Return E_d and the blocks' energies.

    E_d = Σ N_l / Σ e_l, so that equation (1) of the paper is exact at l = L.

    Args:
        records: Every window.
        blocks: Of the network.
        budget: The sensor's.
        model: The network.
        runtime: What ran it.
        operators: Of the network, in execution order; without them costs by class are left out.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    budget = with_campaign(budget, records)
    observations = observations_at_common_idle(records, "compute")
    fits = _compute_fits(observations, len(blocks), idle_estimate(records))
    flop = sum(block.flop for block in blocks)
    views = _views(observations, flop, fits)
    energies = tuple(_block_energy(block, fits, views, budget) for block in blocks)
    covariance_j2 = fits.net.covariance[1:, 1:]
    by_class = [class_flop(block, operators) for block in blocks]
    return Compute(
        model=model,
        runtime=runtime,
        flop_convention=FLOP_CONVENTION,
        e_d_flop_per_j=_flop_per_joule(flop, fits, budget),
        blocks=energies,
        window_cost_j=quantity(fits.net.one(0), "J", budget),
        covariance_j2=_lower_triangle(covariance_j2),
        views=tuple(view for of in views.values() for view in of.e_d),
        classes=class_fit(energies, by_class, covariance_j2, budget) if operators else None,
        campaign=campaign_error(budget),
    )


def _compute_fits(observations: Sequence[Observation], count: int, idle: Estimate) -> _ComputeFits:
    return _ComputeFits(
        net=fit_blocks(observations, count, "net"),
        gross=fit_blocks(observations, count, "gross"),
        latency=fit_latency(observations, count),
        idle=idle,
    )


def _views(
    observations: Sequence[Observation], flop: int, fits: _ComputeFits
) -> dict[Account, ComputeViews]:
    """Return the views by account; P_0 is in every gross e_l, for as long as the block lasts."""
    idle_half_j = fits.idle.half_width * fits.latency.values[1:]
    shared_half_j: dict[Account, Array] = {
        "net": np.zeros_like(idle_half_j),
        "gross": idle_half_j,
    }
    return {
        account: compute_views(observations, flop, account, shared_half_j=half_j)
        for account, half_j in shared_half_j.items()
    }


def _flop_per_joule(flop: int, fits: _ComputeFits, budget: SystematicBudget) -> GrossNet:
    total_s = fits.latency.combine(fits.every_block).value
    net_total = quantity(fits.net.combine(fits.every_block), "J", budget)
    gross = at_idle(fits.gross.combine(fits.every_block), total_s, fits.idle)
    gross_total = quantity(gross, "J", budget, offset_duration=total_s)
    return GrossNet(
        gross=reciprocal(flop, gross_total, "FLOP/J"),
        net=reciprocal(flop, net_total, "FLOP/J"),
    )


def _lower_triangle(matrix: Array) -> tuple[float, ...]:
    """Return the lower triangle with its diagonal, row by row, to six digits."""
    return tuple(float(f"{x:.6g}") for x in matrix[np.tril_indices(len(matrix))])


def ratio_of_e_d_and_e_c(
    records: Sequence[WindowRecord],
    blocks: Sequence[Block],
    rate_bit_per_s: float,
    budget: SystematicBudget,
) -> GrossNet:
    """Return E_d/E_c at a rate; scale errors of the sensor cancel in it.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    compute = observations_at_common_idle(records, "compute")
    uploads = upload_observations(records)
    flop, idle = sum(block.flop for block in blocks), idle_estimate(records)
    kinds: tuple[tuple[WindowKind, ...], ...] = (COMPUTING_KINDS, ("upload",))
    own = [campaign_error(with_campaign(budget, records, kind, of_a_bit=True)) for kind in kinds]

    def ratio(account: Account) -> Quantity:
        energies = work_and_bit(compute, uploads, len(blocks), rate_bit_per_s, account)
        own_u_rel = [error.of(account) for error in own]
        return ratio_of(flop, energies, account, budget, idle=idle, own_u_rel=own_u_rel)

    return GrossNet(gross=ratio("gross"), net=ratio("net"))
