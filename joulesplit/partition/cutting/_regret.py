"""What is lost at most by choosing among blocks' ends instead of all prefix cuts.

At one E_d/E_c the best block end costs as much as the best prefix cut or more. Both costs are
lower envelopes of straight lines in E_d/E_c, so between two of their corners their quotient is
monotone: the worst one is at a corner, or where E_d/E_c tends to 0 or to infinity. All in whole
numbers and fractions: a regret of 0 is none at all, not a small one.

Operators of unknown work count as whatever within their bounds makes the loss largest
(``_prices.py``: epochs).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from joulesplit.partition._network import Block, Cut, Network
from joulesplit.partition.cutting._cuts import prefix_cuts
from joulesplit.partition.cutting._prices import Form, Place, corners, forms

Ratio = Fraction | int
BEYOND_EVERY_RATIO = Fraction(10**100)
"""Stands for what costs something over what costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """What a choice among blocks' ends costs at most over a choice among all prefix cuts.

    Attributes:
        share: The best block end's cost over the best prefix cut's, less 1; 0 if no block end is
            ever dearer, infinite if what a cut gives for nothing costs something here.
        ratio_flop_per_bit: E_d/E_c at which it is so large, FLOP/bit.
        best: The best prefix cut there.
        encoding: How what crosses is sent in that case.
    """

    share: float
    ratio_flop_per_bit: float
    best: Cut
    encoding: str


def block_regret(network: Network, blocks: Sequence[Block], *, keep_input: bool) -> Regret:
    """Return the regret of blocks over every E_d/E_c and every encoding of known size.

    Args:
        network: The network.
        blocks: The blocks; the network's start, full offload, is always among their ends.
        keep_input: Weigh only cuts that do not upload the network's inputs themselves.
    """
    cuts = prefix_cuts(network)
    offered = frozenset({-1, *(block.last_operator for block in blocks)})
    loss, ratio, best, form = max(
        (
            (_quotient(own, every, ratio), ratio, _best(every, ratio), form)
            for form in forms(network, cuts)
            if form.keep_input == keep_input
            for every, own in _envelopes(form, cuts, offered)
            for ratio in (0, *_swaps(every), *_swaps(own), None)
        ),
        key=lambda entry: entry[0],
    )
    return Regret(
        share=float("inf") if loss == BEYOND_EVERY_RATIO else float(loss - 1),
        ratio_flop_per_bit=float("inf") if ratio is None else float(ratio),
        best=cuts[best.position],
        encoding=form.encoding,
    )


def _envelopes(
    form: Form, cuts: Sequence[Cut], offered: frozenset[int]
) -> Iterator[tuple[tuple[Place, ...], tuple[Place, ...]]]:
    """Yield, epoch by epoch, the corners of all cuts and of those that are offered."""
    ends = [place for place in form.places if cuts[place.position].after_operator in offered]
    pairs = zip(corners(form.places), corners(ends, form.places), strict=True)
    yield from ((every, own) for (_, every), (_, own) in pairs)


def _swaps(hull: Sequence[Place]) -> list[Ratio]:
    return [Fraction(b.point[1] - a.point[1], a.point[0] - b.point[0]) for a, b in pairwise(hull)]


def _best(hull: Sequence[Place], ratio: Ratio | None) -> Place:
    return min(hull, key=lambda place: _cost(place, ratio))


def _cost(place: Place, ratio: Ratio | None) -> tuple[Ratio, int]:
    """Return what a cut costs, and what tells apart cuts for which that is 0.

    Where bits cost nothing, a ratio of 0, that is the bits; where work does, None, the work.
    """
    bits, work = place.point
    return (bits, work) if ratio is None else (work + ratio * bits, bits)


def _quotient(own: Sequence[Place], every: Sequence[Place], ratio: Ratio | None) -> Ratio:
    """Return the cost of the best offered cut over that of the best one."""
    if not own:
        return BEYOND_EVERY_RATIO
    pairs = zip(_cost(_best(own, ratio), ratio), _cost(_best(every, ratio), ratio), strict=True)
    for ours, least in pairs:
        if least:
            return Fraction(ours) / least
        if ours:
            return BEYOND_EVERY_RATIO
    return Fraction(1)
