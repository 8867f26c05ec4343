"""The best cuts of a network where one bit to upload is worth so much work: E_d/E_c is given."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from joulesplit.partition._network import Cut, Network, Operator
from joulesplit.partition.cutting._cuts import prefix_cuts
from joulesplit.partition.cutting._mincut import PricedCut, best_closed_cut
from joulesplit.partition.errors import UnknownWorkError

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
        prefix_most_flop: The same if operators of unknown work take their most, whose least is in
            ``prefix_cost_flop``; None is without limit.
        closed: The best of all.
        closed_most_flop: Its cost likewise.
    """

    ratio_flop_per_bit: float
    prefix: Cut
    prefix_bits: int
    prefix_cost_flop: float
    prefix_most_flop: float | None
    closed: PricedCut
    closed_most_flop: float | None

    @property
    def saving(self) -> float:
        """Share of the prefix's cost that the closed cut saves; 0 if it is no better."""
        if not self.prefix_cost_flop:
            return 0.0
        saving = 1 - self.closed.cost / self.prefix_cost_flop
        return saving if saving > COST_ROUNDING else 0.0


def best_cuts(network: Network, ratio_flop_per_bit: float, *, keep_input: bool) -> BestCuts:
    """Return the best prefix and the best closed cut at one E_d/E_c.

    Work that is unknown but within bounds makes the costs intervals; the cuts are then the best
    ones whatever it is.

    Args:
        network: The network.
        ratio_flop_per_bit: E_d/E_c, FLOP/bit.
        keep_input: Look only for cuts that do not upload the network's inputs themselves.

    Raises:
        UnknownWorkError: An operator of unknown work is in the head that would be the best one if
            it took its least, and what it takes decides.
    """
    search = _Search(network, ratio_flop_per_bit, frozenset(network.inputs if keep_input else ()))
    least = [float(operator.bounds_flop[0]) for operator in network.operators]
    prefix, closed = search.prefix(least), search.closed(least)
    # The worst for a head is that its own operators take their most, and all others their least.
    most = search.with_most(least, range(prefix))
    search.require_best(
        search.prefix_cost(prefix, most), search.prefix_cost(search.prefix(most), most), most
    )
    own = search.with_most(least, closed.cut.operators)
    closed_most = closed.cost + sum(own[i] - least[i] for i in closed.cut.operators)
    search.require_best(closed_most, search.closed(own).cost, own)
    return BestCuts(
        ratio_flop_per_bit=ratio_flop_per_bit,
        prefix=search.cuts[prefix],
        prefix_bits=search.bits[prefix],
        prefix_cost_flop=search.prefix_cost(prefix, least),
        prefix_most_flop=_if_limited(network, range(prefix), search.prefix_cost(prefix, most)),
        closed=closed,
        closed_most_flop=_if_limited(network, closed.cut.operators, closed_most),
    )


def _if_limited(network: Network, head: Iterable[int], cost: float) -> float | None:
    limited = all(network.operators[index].bounds_flop[1] is not None for index in head)
    return cost if limited else None


def _undecided(network: Network, operator: Operator) -> UnknownWorkError:
    most = operator.most_flop
    known = "" if most is None else f" ({operator.least_flop:,} to {most:,} FLOP)"
    return UnknownWorkError(
        f"{network.name}: no cut is the best at this E_d/E_c, for the work of operator "
        f"{operator.index}, {operator.kind}, is unknown{known} and what it costs decides; choose "
        "among the cuts that can win, or calibrate this network and let `joulesplit optimize` "
        "decide by measured energies"
    )


class _Search:
    """Cuts of a network at one E_d/E_c, whatever its operators' work is taken to be.

    Args:
        network: The network.
        ratio_flop_per_bit: E_d/E_c, FLOP/bit.
        forbidden: Tensors that must not be uploaded.
    """

    def __init__(
        self, network: Network, ratio_flop_per_bit: float, forbidden: frozenset[int]
    ) -> None:
        self._network, self._ratio, self._forbidden = network, ratio_flop_per_bit, forbidden
        self.cuts = prefix_cuts(network)
        self.bits = [cut.bits for cut in self.cuts[:-1]] + [0]
        self._allowed = [
            index
            for index, cut in enumerate(self.cuts)
            if not cut.obstacle and (forbidden.isdisjoint(cut.tensors) or not self.bits[index])
        ]

    def prefix(self, work: Sequence[float]) -> int:
        """Return the position of the best prefix cut."""
        costs = self._costs(work)
        return min(self._allowed, key=lambda index: costs[index])

    def prefix_cost(self, position: int, work: Sequence[float]) -> float:
        """Return the cost of a prefix cut, FLOP."""
        return self._costs(work)[position]

    def closed(self, work: Sequence[float]) -> PricedCut:
        """Return the best closed cut."""
        dear = dict.fromkeys(self._forbidden, FORBIDDEN_BITS)
        return best_closed_cut(self._network, work, self._ratio, tensor_bits=dear)

    def with_most(self, least: Sequence[float], head: Iterable[int]) -> list[float]:
        """Return the work of all operators, FLOP, with the most of those in a head.

        What has no limit counts as more than all else together.
        """
        limits = [operator.bounds_flop[1] for operator in self._network.operators]
        bits = sum(tensor.bits for tensor in self._network.tensors)
        beyond = 1 + sum(most for most in limits if most is not None) + self._ratio * bits
        work = list(least)
        for index in head:
            most = limits[index]
            work[index] = least[index] + beyond if most is None else float(most)
        return work

    def require_best(self, cost: float, cheapest: float, work: Sequence[float]) -> None:
        """Check that nothing is cheaper than a cut at its most.

        Args:
            cost: Of the cut, FLOP.
            cheapest: Of the cheapest one of its kind, FLOP.
            work: Of all operators for both, FLOP: the worst for the cut.

        Raises:
            UnknownWorkError: Another cut is cheaper.
        """
        unknown = [o for o in self._network.operators if work[o.index] != o.bounds_flop[0]]
        if unknown and cost > cheapest * (1 + COST_ROUNDING):
            raise _undecided(self._network, unknown[0])

    def _costs(self, work: Sequence[float]) -> list[float]:
        return [
            head + self._ratio * upload
            for head, upload in zip(accumulate(work, initial=0.0), self.bits, strict=True)
        ]
