"""The best cuts of a network where one bit to upload is worth so much work: E_d/E_c is given."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from joulesplit.partition._network import Cut, Network
from joulesplit.partition.cutting._cuts import prefix_cuts
from joulesplit.partition.cutting._mincut import PricedCut, best_closed_cut

ROUNDING = 1e-12
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
        return saving if saving > ROUNDING else 0.0


def best_cuts(network: Network, ratio_flop_per_bit: float, *, keep_input: bool) -> BestCuts:
    """Return the best prefix and the best closed cut at one E_d/E_c.

    Args:
        network: The network; operators whose work is unknown count as no work.
        ratio_flop_per_bit: E_d/E_c, FLOP/bit.
        keep_input: Look only for cuts that do not upload the network's inputs themselves.
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
    return BestCuts(
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
