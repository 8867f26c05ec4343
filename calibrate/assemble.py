"""Windows to profile: every figure of a calibration, from its recorded windows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calibrate.errors import EstimateError
from calibrate.fitting import (
    Observation,
    PerUnitFit,
    energy_per_bit,
    fit_blocks,
    fit_latency,
    fit_link,
)
from calibrate.profile import (
    BlockEnergy,
    Compute,
    GrossNet,
    Idle,
    LinkFit,
    ModelIdentity,
    Runtime,
    Uplink,
)
from calibrate.stats import mean_of_batches
from calibrate.uncertainty import (
    Estimate,
    SystematicBudget,
    quantity,
    reciprocal,
    with_interval,
)
from calibrate.window import WindowRecord
from partition.network import Block

FLOP_CONVENTION = "tflite-2mac"


def _observations(records: Sequence[WindowRecord], kind: str) -> list[Observation]:
    return [record.observation for record in records if record.task.kind == kind]


def idle_of(records: Sequence[WindowRecord], budget: SystematicBudget) -> Idle:
    """Return P_0 from the local idle powers of all windows."""
    mean = mean_of_batches(np.array([record.idle_power_w for record in records], dtype=np.float64))
    estimate = Estimate(
        value=mean.value,
        u_stat=mean.u_stat,
        degrees_of_freedom=mean.degrees_of_freedom,
        n=len(records),
    )
    return Idle(power_w=quantity(estimate, "W", budget, offset_duration=1.0))


def _positive(estimate: Estimate, what: str) -> Estimate:
    if estimate.value <= 0:
        raise EstimateError(
            f"{what} comes out as {estimate.value:.3g}: not above zero, so the work does not show "
            "above idle; lengthen the work, or check that the sensor measures the right rail"
        )
    return estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class _ComputeFits:
    net: PerUnitFit
    gross: PerUnitFit
    latency: PerUnitFit


def _block_energy(block: Block, fits: _ComputeFits, budget: SystematicBudget) -> BlockEnergy:
    what = f"the energy of block {block.index} ({block.name}) per inference, in J,"
    latency = fits.latency.one(block.index)
    return BlockEnergy(
        index=block.index,
        name=block.name,
        last_operator=block.last_operator,
        flop=block.flop,
        output_bits=block.output_bits,
        energy_j=GrossNet(
            gross=quantity(
                _positive(fits.gross.one(block.index), what),
                "J",
                budget,
                offset_duration=latency.value,
            ),
            net=quantity(_positive(fits.net.one(block.index), what), "J", budget),
        ),
        latency_s=with_interval(latency, "s", 0.0),
    )


def compute_of(
    records: Sequence[WindowRecord],
    blocks: Sequence[Block],
    budget: SystematicBudget,
    *,
    model: ModelIdentity,
    runtime: Runtime,
) -> Compute:
    """Return E_d and the blocks' energies.

    E_d = Σ N_l / Σ e_l, so that equation (1) of the paper is exact at l = L.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    observations = _observations(records, "compute")
    count = len(blocks)
    fits = _ComputeFits(
        net=fit_blocks(observations, count, "net"),
        gross=fit_blocks(observations, count, "gross"),
        latency=fit_latency(observations, count),
    )
    all_blocks = (0.0, *([1.0] * count))
    total_s = fits.latency.combine(all_blocks).value
    flop = sum(block.flop for block in blocks)
    net_total = quantity(fits.net.combine(all_blocks), "J", budget)
    gross_total = quantity(fits.gross.combine(all_blocks), "J", budget, offset_duration=total_s)
    return Compute(
        model=model,
        runtime=runtime,
        flop_convention=FLOP_CONVENTION,
        e_d_flop_per_j=GrossNet(
            gross=reciprocal(flop, gross_total, "FLOP/J"),
            net=reciprocal(flop, net_total, "FLOP/J"),
        ),
        blocks=tuple(_block_energy(block, fits, budget) for block in blocks),
        window_cost_j=quantity(fits.net.one(0), "J", budget),
    )


def uplink_of(
    records: Sequence[WindowRecord], rate_bit_per_s: float, budget: SystematicBudget
) -> Uplink:
    """Return E_c at the stated rate and the fit behind it.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    observations = _observations(records, "upload")
    net, gross = fit_link(observations, "net"), fit_link(observations, "gross")
    gross_bit = _positive(energy_per_bit(gross, rate_bit_per_s), "the gross energy per bit, J/bit,")
    net_bit = _positive(energy_per_bit(net, rate_bit_per_s), "the net energy per bit, J/bit,")
    return Uplink(
        rate_bit_per_s=rate_bit_per_s,
        e_c_bit_per_j=GrossNet(
            gross=reciprocal(
                1.0,
                quantity(gross_bit, "J/bit", budget, offset_duration=1 / rate_bit_per_s),
                "bit/J",
            ),
            net=reciprocal(1.0, quantity(net_bit, "J/bit", budget), "bit/J"),
        ),
        fit=LinkFit(
            upload_cost_j=quantity(net.one(0), "J", budget),
            air_power_w=quantity(net.one(1), "W", budget),
            bit_energy_j=quantity(net.one(2), "J/bit", budget),
            covariance=tuple(tuple(float(x) for x in row) for row in net.covariance),
            rates_bit_per_s=tuple(sorted({_rate(o) for o in observations})),
            payload_bits=tuple(sorted({o.payload_bits // o.repetitions for o in observations})),
        ),
    )


def _rate(observation: Observation) -> float:
    """Return the rate a window really had, to three digits."""
    return float(f"{observation.payload_bits / observation.airtime_s:.3g}")
