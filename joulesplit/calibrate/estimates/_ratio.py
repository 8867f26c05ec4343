"""E_d/E_c: the one number the choice of a split depends on, without the sensor's scale. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

from joulesplit.calibrate.errors import EstimateError
from joulesplit.calibrate.estimates._by_pace import stated_bit
from joulesplit.calibrate.estimates._fitting import fit_blocks, fit_latency
from joulesplit.calibrate.estimates._stats import coverage_factor
from joulesplit.calibrate.estimates._uncertainty import Estimate
from joulesplit.calibrate.profile import Account, Quantity
from joulesplit.calibrate.windows import Observation
from joulesplit.metrology import (
    Loads,
    RatioVariance,
    SystematicBudget,
    effective_degrees_of_freedom,
    fieller_interval,
)
from joulesplit.metrology.errors import UndeterminedError


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkAndBit:
    """The two energies whose quotient is wanted.

    Attributes:
        network: Energy of all blocks together, J.
        network_s: Their duration, s.
        bit: Energy of one more bit, J/bit.
        bit_s: Its airtime, s.
    """

    network: Estimate
    network_s: float
    bit: Estimate
    bit_s: float

    @property
    def pairs(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Both energies with their durations, J and s."""
        return (self.network.value, self.network_s), (self.bit.value, self.bit_s)


def work_and_bit(
    compute: Sequence[Observation],
    uploads: Sequence[Observation],
    block_count: int,
    rate_bit_per_s: float,
    account: Account,
) -> WorkAndBit:
    """Return the energy of the network and of a bit from their windows.

    Raises:
        EstimateError: The windows do not determine them.
    """
    every_block = (0.0, *([1.0] * block_count))
    bit = stated_bit(uploads, rate_bit_per_s, account)
    return WorkAndBit(
        network=fit_blocks(compute, block_count, account).combine(every_block),
        network_s=fit_latency(compute, block_count).combine(every_block).value,
        bit=bit.energy,
        bit_s=bit.duration_s,
    )


def ratio_of(
    flop: int,
    energies: WorkAndBit,
    account: Account,
    budget: SystematicBudget,
    *,
    idle: Estimate,
    own_u_rel: Sequence[float] = (),
) -> Quantity:
    """Return E_d/E_c = (Σ N_l / Σ e_l) / (1 / e_bit), FLOP/bit.

    Every joule carries the same unknown scale factor, so it cancels. What grows with the load is
    in both, each at its own power, and the difference is left. The offset of the sensor adds the
    same power to both and cancels in net energy; in gross energy what is left of it is its share
    in the bit less its share in the network. The same holds for P_0, which all gross energies
    are stated at. The interval is Fieller's (J. R. Stat. Soc. B 16, 1954): all ratios ρ for which
    e_bit − ρ · Σ e_l may be nought.

    Args:
        flop: Σ N_l.
        energies: Of the network and of a bit.
        account: Which energies these are.
        budget: The sensor's.
        idle: P_0, W.
        own_u_rel: What the campaign leaves open of each of the two, relative.

    Raises:
        EstimateError: An energy is not positive, or that of the network may be nought.
    """
    network, bit = energies.network, energies.bit
    if network.value <= 0 or bit.value <= 0:
        raise EstimateError(
            f"E_d/E_c is not defined: the network takes {network.value:.3g} J and a bit "
            f"{bit.value:.3g} J; lengthen the work, or check which rail is measured"
        )
    value = flop * bit.value / network.value
    parts = (network.u_stat / network.value, bit.u_stat / bit.value)
    share = energies.bit_s / bit.value - energies.network_s / network.value
    common = value * abs(share) if account == "gross" else 0.0
    load_u_rel = budget.between(*(_load_w2(e, s, account, idle) for e, s in energies.pairs))
    load_u_rel = hypot(load_u_rel, *own_u_rel)
    u_sys = hypot(common * budget.offset_u_w, value * load_u_rel)
    u_stat = hypot(value * hypot(*parts), common * idle.u_stat)
    known = (network.degrees_of_freedom, bit.degrees_of_freedom)
    scatter = [(value * u, freedom) for u, freedom in zip(parts, known, strict=True)]
    scatter.append((common * idle.u_stat, idle.degrees_of_freedom))
    factor = coverage_factor(effective_degrees_of_freedom(scatter, u_sys))
    common_u_w = hypot(budget.offset_u_w, idle.u_stat) if account == "gross" else 0.0
    low, high = _fieller(energies, factor, common_u_w, load_u_rel)
    interval, n = (flop * low, flop * high), network.n + bit.n
    return Quantity(value=value, unit="FLOP/bit", ci95=interval, u_stat=u_stat, u_sys=u_sys, n=n)


def _load_w2(energy_j: float, duration_s: float, account: Account, idle: Estimate) -> float:
    """Return what errors that grow with the load are multiplied by in an energy, W²."""
    above_w = energy_j / duration_s
    if account == "gross":
        return Loads(idle_w=idle.value, work_w=above_w).gross_w2
    return Loads(idle_w=idle.value, work_w=idle.value + above_w).net_w2


def _fieller(
    energies: WorkAndBit, factor: float, common_u_w: float, load_u_rel: float
) -> tuple[float, float]:
    """Return the ends of the interval of e_bit / Σ e_l, 1/bit.

    They solve (b − ρ n)² = k² · (u_b² + (l b)² + ρ² u_n² + (t_b − ρ t_n)² u_w²) for ρ, with the
    durations t and the power u_w that both energies have in common.

    Args:
        energies: n and b with their uncertainties and durations.
        factor: k.
        common_u_w: u_w, W.
        load_u_rel: l.

    Raises:
        EstimateError: The energy of the network may be nought, so that the ratio has no bound.
    """
    n, b = energies.network, energies.bit
    n_s, b_s = energies.network_s, energies.bit_s
    u_bit = hypot(b.u_stat, b.value * load_u_rel, b_s * common_u_w)
    variance = RatioVariance(
        numerator=u_bit**2,
        denominator=n.u_stat**2 + (n_s * common_u_w) ** 2,
        covariance=n_s * b_s * common_u_w**2,
    )
    try:
        return fieller_interval(b.value, n.value, variance, factor)
    except UndeterminedError as error:
        raise EstimateError(
            f"E_d/E_c has no bound: the network takes {n.value:.3g} J and that is not "
            "distinguishable from zero; measure more work per window or more windows"
        ) from error
