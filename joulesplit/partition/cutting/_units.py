"""Where a network's blocks end, by its graph; names play no part.

The rule, in this order:
    1. A block may end only where the fewest tensors cross, which is one in most networks: never
       inside a residual, a branch or anything else that runs side by side.
    2. A stretch between two such places that holds more than half of the multiply-accumulates
       of what it is a stretch of is no block yet: it is divided where the fewest tensors cross
       inside it, and of these places where something was just joined, if there are such. So
       what passes by for long (a skip of a U-Net, a mask of a transformer, the last but one
       cell of NASNet) does not hide the units beside it.
    3. A depthwise-separable convolution and an inverted bottleneck stay in one block
       (``_separable.py``).
    4. The trailing operators whose outputs have no spatial extent any more (global pooling,
       classifier, softmax) are one block, the head, unless they do more than half of the work.
    5. Every cut that can win ends a block, whatever the rules before say (``_winning.py``).
    6. What does no multiply-accumulate work (padding, a change of quantisation, a lone
       activation) joins the neighbour that leaves the smaller tensor to cross, unless rule 5
       parts them. An operator whose work is unknown is not taken to do none.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod

from joulesplit.partition._network import Cut, Network
from joulesplit.partition.cutting._separable import separable_seams
from joulesplit.partition.cutting._winning import winning_ends

LARGE = 2
"""A stretch with more than one in so many of the multiply-accumulates is divided further."""


def unit_ends(network: Network, cuts: Sequence[Cut]) -> list[int]:
    """Return the last operator of every unit; see the module's rule.

    Args:
        network: The network.
        cuts: All its prefix cuts.
    """
    head, last = head_start(network), len(network.operators) - 1
    units = _outside_seams(_divided(network, cuts), network)
    winning = winning_ends(network, cuts)
    ends = winning.union((end for end in units if end < head), [last])
    return _without_idle(sorted(ends), winning, network, cuts)


def head_start(network: Network) -> int:
    """Return the first operator of the trailing part without spatial extent.

    It is one past the last operator if there is none, or if it would do most of the work.
    """
    count = len(network.operators)
    start = count
    while start and _is_flat(network, start - 1):
        start -= 1
    work = sum(operator.mac_flop for operator in network.operators[start:])
    return start if start and LARGE * work <= network.mac_flop else count


def _is_flat(network: Network, operator: int) -> bool:
    shapes = [network.tensors[index].shape for index in network.operators[operator].outputs]
    return all(len(s) <= 2 or (len(s) == 4 and prod(s[1:3]) == 1) for s in shapes)


def _divided(network: Network, cuts: Sequence[Cut]) -> list[int]:
    """Divide the operators by rules 1 and 2.

    Whatever is divided again lies between places where more tensors cross than where it was cut
    out, or just as many and nothing was joined: an operator is looked at no more than twice as
    often as tensors cross there.
    """
    done = list(accumulate((operator.mac_flop for operator in network.operators), initial=0))
    found: list[int] = []
    whole = (0, len(network.operators) - 1)
    waiting = [whole]
    while waiting:
        first, end = waiting.pop()
        work = done[end + 1] - done[first]
        inside = range(first + 1, end + 1)
        ends = _narrowest(cuts, inside, joined=(first, end) != whole)
        found += ends
        for start, last in pairwise([first - 1, *ends, end]):
            if LARGE * (done[last + 1] - done[start + 1]) > work and last - start <= end - first:
                waiting.append((start + 1, last))
    return sorted(found)


def _narrowest(cuts: Sequence[Cut], places: range, *, joined: bool) -> list[int]:
    """Return the operators behind which the fewest tensors cross; none counts as one.

    Args:
        cuts: All prefix cuts.
        places: Positions among them to choose from.
        joined: Choose only where fewer cross than one operator earlier, if there are such places.
    """
    widths = {place: max(len(cuts[place].tensors), 1) for place in places}
    possible = [place for place in places if not cuts[place].obstacle]
    least = min((widths[place] for place in possible), default=0)
    narrowest = [place for place in possible if widths[place] == least]
    arrivals = [place for place in narrowest if widths.get(place - 1, 0) > least]
    return [cuts[place].after_operator for place in (joined and arrivals) or narrowest]


def _outside_seams(ends: Sequence[int], network: Network) -> list[int]:
    """Drop ends inside a separable convolution or an inverted bottleneck."""
    spatial = [o for o in network.operators if o.mac_flop and not _is_flat(network, o.index)]
    seams = separable_seams(network, spatial)
    starts = [start for start, _after in seams]

    def is_inside(end: int) -> bool:
        place = bisect_right(starts, end) - 1
        return place >= 0 and end < seams[place][1]

    return [end for end in ends if not is_inside(end)]


def _without_idle(
    ends: Sequence[int], winning: frozenset[int], network: Network, cuts: Sequence[Cut]
) -> list[int]:
    """Join parts without work to a neighbour, keeping what can win, else the smaller cut."""
    working = [o.index for o in network.operators if o.mac_flop or o.flop is None]
    kept: list[int] = []
    for end in ends:
        first = kept[-1] + 1 if kept else 0
        place = bisect_left(working, first)
        idle = place == len(working) or working[place] > end
        before = kept[-1] if kept else -1
        may_move = before >= 0 and before not in winning
        smaller = end in winning or end == ends[-1] or cuts[end + 1].bits <= cuts[first].bits
        if idle and may_move and smaller:
            kept[-1] = end
        elif not idle or end in winning or end == ends[-1]:
            kept.append(end)
    return kept
