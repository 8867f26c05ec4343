"""The best cuts of a network where one bit to upload is worth so much work: E_d/E_c is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from joulesplit.partition._network import Cut, Network
from joulesplit.partition.cutting._cuts import prefix_cuts
from joulesplit.partition.cutting._mincut import PricedCut, best_closed_cut
from joulesplit.partition.errors import CutError

COST_ROUNDING = 1e-12
"""Costs closer than this, relatively, differ only by how they were added up."""
FORBIDDEN_BITS = 10**18
"""What an input that must not be uploaded counts as: dearer than any network's work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BestCuts:
    """The best cuts at one E_d/E_c; costs are FLOP on the device plus ratio times bits.

    Attributes:
        ratio_flop_per_bit: E_d/E_c.
        prefix: The best of those in the file's order.
        prefix_bits: What it uploads, bit.
        prefix_cost_flop: Its cost.
        closed: The best of all.
    """

    ratio_flop_per_bit: float
    prefix: Cut
    prefix_bits: int
    prefix_cost_flop: float
    closed: PricedCut

    @property
    def saving(self) -> float:
        """Share of the prefix's cost that the closed cut saves; 0 if it is no better."""
        if not self.prefix_cost_flop:
            return 0.0
        saving = 1 - self.closed.cost / self.prefix_cost_flop
        return saving if saving > COST_ROUNDING else 0.0


def best_cuts(network: Network, ratio_flop_per_bit: float, *, keep_input: bool) -> BestCuts:
    """Return the best prefix and the best closed cut at one E_d/E_c.

    Args:
        network: The network.
        ratio_flop_per_bit: E_d/E_c, FLOP/bit.
        keep_input: Look only for cuts that do not upload the network's inputs themselves.

    Raises:
        CutError: An operator of unknown work is in the head that would be the best one if it
            cost nothing, so that what it costs decides.
    """
    work = [float(operator.flop or 0) for operator in network.operators]
    forbidden = frozenset(network.inputs if keep_input else ())
    cuts = prefix_cuts(network)
    bits = [cut.bits for cut in cuts[:-1]] + [0]
    costs = [
        head + ratio_flop_per_bit * upload
        for head, upload in zip(accumulate(work, initial=0.0), bits, strict=True)
    ]
    allowed = [
        index
        for index, cut in enumerate(cuts)
        if not cut.obstacle and (forbidden.isdisjoint(cut.tensors) or not bits[index])
    ]
    best = min(allowed, key=lambda index: costs[index])
    found = BestCuts(
        ratio_flop_per_bit=ratio_flop_per_bit,
        prefix=cuts[best],
        prefix_bits=bits[best],
        prefix_cost_flop=costs[best],
        closed=best_closed_cut(
            network,
            work,
            ratio_flop_per_bit,
            tensor_bits=dict.fromkeys(forbidden, FORBIDDEN_BITS),
        ),
    )
    _require_known(network, [*range(best), *found.closed.cut.operators])
    return found


def _require_known(network: Network, head: Iterable[int]) -> None:
    """Refuse a head with an operator of unknown work.

    A head without any is the best whatever they cost: all others only get dearer.
    """
    unknown = sorted({index for index in head if network.operators[index].flop is None})
    if unknown:
        operator = network.operators[unknown[0]]
        raise CutError(
            f"{network.name}: no cut is the best at this E_d/E_c, for the work of operator "
            f"{operator.index}, {operator.kind}, is unknown and what it costs decides; choose "
            "among the cuts that can win, or calibrate this network and let `joulesplit optimize` "
            "decide by measured energies"
        )
