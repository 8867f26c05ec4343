"""Windows to profile: every figure of a calibration, from its recorded windows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calibrate.errors import EstimateError
from calibrate.estimate_records import RateCost
from calibrate.estimates.common_idle import at_idle, idle_estimate, observations_at_common_idle
from calibrate.estimates.fitting import (
    Account,
    PerUnitFit,
    energy_per_bit,
    fit_blocks,
    fit_latency,
    fit_link,
)
from calibrate.estimates.link_diagnostics import link_diagnostics
from calibrate.estimates.operator_classes import class_fit, class_flop
from calibrate.estimates.ratio import ratio_of, work_and_bit
from calibrate.estimates.stats import Array
from calibrate.estimates.uncertainty import (
    Estimate,
    SystematicBudget,
    quantity,
    reciprocal,
    with_interval,
)
from calibrate.estimates.views import e_d_views
from calibrate.profile import (
    BlockEnergy,
    Compute,
    GrossNet,
    Idle,
    LinkFit,
    ModelIdentity,
    Quantity,
    Runtime,
    Uplink,
)
from calibrate.windows.observation import Observation
from calibrate.windows.window import WindowRecord
from partition.network import Block, Operator

FLOP_CONVENTION = "tflite-2mac"

SAME_RATE = 1.05
"""Rates closer than this are listed as one: an unpaced link is never twice exactly as fast."""


def idle_of(records: Sequence[WindowRecord], budget: SystematicBudget) -> Idle:
    """Return P_0 from the local idle powers of all windows."""
    return Idle(power_w=quantity(idle_estimate(records), "W", budget, offset_duration=1.0))


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
    idle: Estimate


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
                at_idle(_positive(fits.gross.one(block.index), what), latency.value, fits.idle),
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
    observations = observations_at_common_idle(records, "compute")
    fits = _compute_fits(observations, len(blocks), idle_estimate(records))
    flop = sum(block.flop for block in blocks)
    energies = tuple(_block_energy(block, fits, budget) for block in blocks)
    by_class = [class_flop(block, operators) for block in blocks] if operators else None
    return Compute(
        model=model,
        runtime=runtime,
        flop_convention=FLOP_CONVENTION,
        e_d_flop_per_j=_flop_per_joule(flop, fits, budget),
        blocks=energies,
        window_cost_j=quantity(fits.net.one(0), "J", budget),
        covariance_j2=_lower_triangle(fits.net.covariance[1:, 1:]),
        views=(
            *e_d_views(observations, len(blocks), flop, "net"),
            *e_d_views(observations, len(blocks), flop, "gross"),
        ),
        classes=class_fit(energies, by_class, budget) if by_class else None,
    )


def _compute_fits(observations: Sequence[Observation], count: int, idle: Estimate) -> _ComputeFits:
    return _ComputeFits(
        net=fit_blocks(observations, count, "net"),
        gross=fit_blocks(observations, count, "gross"),
        latency=fit_latency(observations, count),
        idle=idle,
    )


def _flop_per_joule(flop: int, fits: _ComputeFits, budget: SystematicBudget) -> GrossNet:
    all_blocks = (0.0, *([1.0] * (len(fits.net.values) - 1)))
    total_s = fits.latency.combine(all_blocks).value
    net_total = quantity(fits.net.combine(all_blocks), "J", budget)
    gross = at_idle(fits.gross.combine(all_blocks), total_s, fits.idle)
    gross_total = quantity(gross, "J", budget, offset_duration=total_s)
    return GrossNet(
        gross=reciprocal(flop, gross_total, "FLOP/J"),
        net=reciprocal(flop, net_total, "FLOP/J"),
    )


def _lower_triangle(matrix: Array) -> tuple[float, ...]:
    """Return the lower triangle with its diagonal, row by row, to six digits."""
    return tuple(float(f"{x:.6g}") for x in matrix[np.tril_indices(len(matrix))])


@dataclass(frozen=True, slots=True, kw_only=True)
class _LinkFits:
    net: PerUnitFit
    gross: PerUnitFit
    idle: Estimate


def uplink_of(
    records: Sequence[WindowRecord], rate_bit_per_s: float, budget: SystematicBudget
) -> Uplink:
    """Return E_c at the stated rate and the fit behind it.

    Raises:
        EstimateError: The windows do not determine the figures, or an energy is not positive.
    """
    observations = observations_at_common_idle(records, "upload")
    fits = _LinkFits(
        net=fit_link(observations, "net"),
        gross=fit_link(observations, "gross"),
        idle=idle_estimate(records),
    )
    net, rates = fits.net, _rates(observations)
    return Uplink(
        rate_bit_per_s=rate_bit_per_s,
        e_c_bit_per_j=_bits_per_joule(fits, rate_bit_per_s, budget),
        fit=LinkFit(
            upload_cost_j=quantity(net.one(0), "J", budget),
            air_power_w=quantity(net.one(1), "W", budget),
            bit_energy_j=quantity(net.one(2), "J/bit", budget),
            covariance=tuple(tuple(float(x) for x in row[:3]) for row in net.covariance[:3]),
            rates_bit_per_s=rates,
            payload_bits=tuple(sorted({o.payload_bits // o.repetitions for o in observations})),
            burst_cost_j=quantity(net.one(3), "J", budget) if len(net.values) > 3 else None,
            diagnostics=link_diagnostics(observations),
        ),
        at_rates=tuple(_at_rates(fits, rates, budget)),
    )


def _at_rates(
    fits: _LinkFits, rates: Sequence[float], budget: SystematicBudget
) -> Iterator[RateCost]:
    """Return E_c at each rate whose energy per bit is known to be above zero."""
    for rate in rates:
        try:
            e_c = _bits_per_joule(fits, rate, budget)
        except EstimateError:
            continue
        yield RateCost(rate_bit_per_s=rate, e_c_bit_per_j=e_c)


def _bits_per_joule(fits: _LinkFits, rate_bit_per_s: float, budget: SystematicBudget) -> GrossNet:
    at = f"at {rate_bit_per_s:.3g} bit/s, J/bit,"
    gross_bit, net_bit = (
        _positive(energy_per_bit(fit, rate_bit_per_s), f"the {account} energy per bit {at}")
        for account, fit in (("gross", fits.gross), ("net", fits.net))
    )
    bit_s = 1 / rate_bit_per_s
    gross_bit = at_idle(gross_bit, bit_s, fits.idle)
    gross_j = quantity(gross_bit, "J/bit", budget, offset_duration=bit_s)
    return GrossNet(
        gross=reciprocal(1.0, gross_j, "bit/J"),
        net=reciprocal(1.0, quantity(net_bit, "J/bit", budget), "bit/J"),
    )


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
    uploads = observations_at_common_idle(records, "upload")
    flop, idle = sum(block.flop for block in blocks), idle_estimate(records)

    def ratio(account: Account) -> Quantity:
        energies = work_and_bit(compute, uploads, len(blocks), rate_bit_per_s, account)
        return ratio_of(flop, energies, account, budget, idle_u_w=idle.u_stat)

    return GrossNet(gross=ratio("gross"), net=ratio("net"))


def _rates(observations: Sequence[Observation]) -> tuple[float, ...]:
    """Return the rates that the windows really had, to three digits, near ones as one."""
    rates = sorted(o.payload_bits / o.airtime_s for o in observations)
    groups = [[rates[0]]]
    for rate in rates[1:]:
        if rate > SAME_RATE * groups[-1][0]:
            groups.append([])
        groups[-1].append(rate)
    return tuple(float(f"{sum(group) / len(group):.3g}") for group in groups)
