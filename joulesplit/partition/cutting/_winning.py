"""Where blocks must end so that no prefix cut that can win is hidden inside one.

    1. At every cut that wins at some E_d/E_c: with what crosses sent as it is or in any encoding
       of known size, and with the network's inputs free to be uploaded or kept on the device.
    2. Wherever fewer bits pass than at any cut before. Whatever the operators cost when they are
       measured, or when their work is unknown, no other cut sent as it is can win. Where no more
       than one part in `NEARLY_ALL` of the work is left, running it costs no more than that: it
       is not divided for this rule.

Of such cuts with nothing computed between them (a new shape, a copy) the last one ends a block, if
no more bits pass there. So the best block end is the best prefix cut at every E_d/E_c.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from joulesplit.partition._network import Cut, Network
from joulesplit.partition.cutting._prices import Place, corners, forms

NEARLY_ALL = 100
"""One part in so many of a network's work is its end."""


def winning_ends(network: Network, cuts: Sequence[Cut]) -> frozenset[int]:
    """Return the operators that must end a block; see the module's rule.

    Args:
        network: The network.
        cuts: All its prefix cuts.
    """
    weighed = forms(network, cuts)
    winners = {
        place.position
        for form in weighed
        for epoch, hull in corners(form.places)
        for place in hull
        if place.epoch == epoch
    }
    winners.update(cut.after_operator + 1 for cut in _narrowing(network, cuts))
    places = [{place.position: place for place in form.places} for form in weighed]
    last_copies = {_last_copy(position, places) for position in winners - {0}}
    return frozenset(cuts[position].after_operator for position in last_copies)


def _last_copy(position: int, places: Sequence[Mapping[int, Place]]) -> int:
    """Return the last cut that equals one: no work between them, and in no form more bits.

    Args:
        position: Of the one.
        places: What the cuts cost by position, in each form.
    """

    def is_copied(own: Mapping[int, Place]) -> bool:
        if position not in own:
            return True
        here, after = own[position], own.get(position + 1)
        return (
            after is not None
            and (after.epoch, after.point[1]) == (here.epoch, here.point[1])
            and after.point[0] <= here.point[0]
        )

    while all(map(is_copied, places)):
        position += 1
    return position


def _narrowing(network: Network, cuts: Sequence[Cut]) -> Iterator[Cut]:
    """Find the cuts of rule 2."""
    work = [operator.flop or 0 for operator in network.operators]
    left = [0, *accumulate(reversed(work))][::-1]
    unknown = [o.index for o in network.operators if o.flop is None]
    last_unknown = unknown[-1] if unknown else -1
    fewest: float = float("inf")
    for cut, rest in zip(cuts, left, strict=True):
        if cut.obstacle or cut.bits >= fewest:
            continue
        fewest = cut.bits
        if rest * NEARLY_ALL > left[0] or last_unknown > cut.after_operator:
            yield cut
