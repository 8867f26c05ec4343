"""Which candidates can ever win, and at which price of a bit the winner changes.

Every candidate costs y + a·x, with y what it costs whatever a bit costs, x its upload in bits and
a = 1/E_c the price of a bit. The candidates that win for some a ≥ 0 are the lower-left convex
hull of the points (x, y); the slopes between its neighbours are the prices at which they swap.
With y in FLOP instead of joules, the slopes are E_d/E_c in FLOP/bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from joulesplit.calibrate.profile import LinkFit
from joulesplit.optimizer._cost import SplitEnergy
from joulesplit.partition.cutting import Point, lower_left_hull


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakpoint:
    """Where the winner changes when E_d/E_c does.

    Attributes:
        ratio_flop_per_bit: E_d/E_c at which both cost the same, FLOP/bit.
        e_c_bit_per_j: The same as E_c with the device's E_d kept, bit/J.
        block_below: l that wins at a smaller ratio (a bit costs less).
        block_above: l that wins at a larger ratio.
    """

    ratio_flop_per_bit: float
    e_c_bit_per_j: float
    block_below: int
    block_above: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """How far the measured link may change before the choice does.

    Attributes:
        bit_becomes: ``dearer`` or ``cheaper`` than measured.
        e_c_bit_per_j: E_c at which the choice changes, bit/J.
        rate_bit_per_s: Rate at which the measured link has that E_c, bit/s; None if it has it
            at no rate, or the profile has no fit for this account.
        measured_range: False if that rate lies outside the rates that were measured.
        block: l that wins beyond.
    """

    bit_becomes: Literal["dearer", "cheaper"]
    e_c_bit_per_j: float
    rate_bit_per_s: float | None
    measured_range: bool
    block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What would change the choice, the limits kept as they are.

    Attributes:
        hull: The l that win at some E_d/E_c, by increasing ratio.
        breakpoints: Where neighbours on the hull swap, by increasing ratio.
        crossovers: How far the price of a bit may move either way.
    """

    hull: tuple[int, ...]
    breakpoints: tuple[Breakpoint, ...]
    crossovers: tuple[Crossover, ...]


def swap_price(points: Sequence[Point], below: int, above: int) -> float:
    """Give the price a at which two points cost the same; ``below`` wins for less."""
    (x_below, y_below), (x_above, y_above) = points[below], points[above]
    return (y_above - y_below) / (x_below - x_above)


def hull_points(energies: Sequence[SplitEnergy]) -> list[Point]:
    """Place candidates in the plane of upload, bit, and what they cost besides bits, J."""
    return [(float(energy.upload_bits), energy.without_bits_j) for energy in energies]


def breakpoints(
    energies: Sequence[SplitEnergy], feasible: Sequence[int], *, e_d_flop_per_j: float
) -> tuple[tuple[int, ...], tuple[Breakpoint, ...]]:
    """Find the candidates that can ever win and where they swap.

    Args:
        energies: Candidates at position l.
        feasible: Which of them are allowed.
        e_d_flop_per_j: The device's E_d, FLOP/J.

    Returns:
        The hull as l, and the swaps by increasing ratio.
    """
    points = hull_points([energies[block] for block in feasible])
    hull = lower_left_hull(points)
    swaps = []
    for below, above in pairwise(hull):
        price_j = swap_price(points, below, above)
        swap = Breakpoint(
            ratio_flop_per_bit=e_d_flop_per_j * price_j,
            e_c_bit_per_j=1.0 / price_j,
            block_below=feasible[below],
            block_above=feasible[above],
        )
        swaps.append(swap)
    return tuple(feasible[index] for index in hull), tuple(swaps)


def crossovers(
    energies: Sequence[SplitEnergy], feasible: Sequence[int], best: int, fit: LinkFit | None
) -> tuple[Crossover, ...]:
    """Find how far the price of a bit may move either way before ``best`` loses.

    Which candidates are allowed is taken as it is at the profile's rate.

    Args:
        energies: Candidates at position l.
        feasible: Which of them are allowed.
        best: l that wins now.
        fit: The link's fit by the same account, if there is one.

    Returns:
        At most one each way; none where ``best`` wins at any price.
    """
    points = hull_points(energies)
    fewer_bits = [b for b in feasible if points[b][0] < points[best][0]]
    # A cheaper bit can only help candidates that also cost less besides their bits.
    more_bits = [
        b for b in feasible if points[b][0] > points[best][0] and points[b][1] < points[best][1]
    ]
    found = []
    if more_bits:
        price_j, _, block = max((swap_price(points, b, best), points[b][0], b) for b in more_bits)
        found.append(_crossover("cheaper", price_j, block, fit))
    if fewer_bits:
        price_j, _, block = min((swap_price(points, best, b), points[b][0], b) for b in fewer_bits)
        found.append(_crossover("dearer", price_j, block, fit))
    return tuple(found)


def _crossover(
    direction: Literal["dearer", "cheaper"], price_j: float, block: int, fit: LinkFit | None
) -> Crossover:
    rate_bit_per_s = _rate_at(price_j, fit)
    rates = fit.rates_bit_per_s if fit else ()
    return Crossover(
        bit_becomes=direction,
        e_c_bit_per_j=1.0 / price_j,
        rate_bit_per_s=rate_bit_per_s,
        measured_range=rate_bit_per_s is not None
        and bool(rates)
        and min(rates) <= rate_bit_per_s <= max(rates),
        block=block,
    )


def _rate_at(price_j: float, fit: LinkFit | None) -> float | None:
    """Solve P_air / r + e_bit = a for r, bit/s."""
    if fit is None:
        return None
    air_j = price_j - fit.bit_energy_j.value
    power_w = fit.air_power_w.value
    return power_w / air_j if air_j > 0.0 and power_w > 0.0 else None
