"""Which prefix cuts can be the best at some E_d/E_c, and which are beaten at every one.

A prefix cut costs N/E_d + P/E_c, with N the head's work and P what crosses. As E_d/E_c runs from
nothing (bits are free) to infinity (work is free) the winners are the corners of the lower-left
convex hull of the points (P, N); every other cut loses, or only ever ties. All in whole numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from joulesplit.partition._network import Cut, Network
from joulesplit.partition.cutting._cuts import prefix_cuts

Point = tuple[float, float]
"""Work on the device and bits that cross, of one cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HullCut:
    """A prefix cut that is the best one at some E_d/E_c.

    Attributes:
        cut: The cut.
        head_flop: The head's work, FLOP.
        upload_bits: What is uploaded, bit.
        from_flop_per_bit: Smallest E_d/E_c at which it wins (with a tie), FLOP/bit.
        to_flop_per_bit: Largest one; infinite for the last.
    """

    cut: Cut
    head_flop: int
    upload_bits: int
    from_flop_per_bit: float
    to_flop_per_bit: float


def undominated_cuts(network: Network, *, results_uploaded: bool = False) -> tuple[HullCut, ...]:
    """Return the prefix cuts that win at some E_d/E_c, by increasing E_d/E_c.

    Operators without a FLOP rule count as no work, as in ``network.flop``. Cuts with an obstacle
    are left out.

    Args:
        network: The network.
        results_uploaded: Count the upload of the outputs after the last operator, as the paper
            does; otherwise what runs on the device alone uploads nothing.
    """
    cuts = prefix_cuts(network)
    work = list(accumulate((o.flop or 0 for o in network.operators), initial=0))
    bits = [cut.bits for cut in cuts]
    if not results_uploaded:
        bits[-1] = 0
    possible = [index for index, cut in enumerate(cuts) if not cut.obstacle]
    hull = [possible[i] for i in lower_left_hull([(bits[i], work[i]) for i in possible])]
    swaps = [(work[b] - work[a]) / (bits[a] - bits[b]) for a, b in pairwise(hull)]
    return tuple(
        HullCut(
            cut=cuts[index],
            head_flop=work[index],
            upload_bits=bits[index],
            from_flop_per_bit=lowest,
            to_flop_per_bit=highest,
        )
        for index, lowest, highest in zip(hull, [0.0, *swaps], [*swaps, float("inf")], strict=True)
    )


def lower_left_hull(points: Sequence[Point]) -> tuple[int, ...]:
    """Find the points (x, y) that minimise y + a·x for some a ≥ 0.

    Points that only ever tie are left out; of equal points the first stays.

    Returns:
        Positions, from the winner at a = 0 (smallest y) to the one at a → ∞ (smallest x).
    """
    hull: list[int] = []
    lowest = float("inf")
    for index in sorted(range(len(points)), key=lambda i: (*points[i], i)):
        if points[index][1] >= lowest:
            continue
        lowest = points[index][1]
        while len(hull) > 1 and not _is_corner(points[hull[-2]], points[hull[-1]], points[index]):
            hull.pop()
        hull.append(index)
    return tuple(reversed(hull))


def _is_corner(left: Point, middle: Point, right: Point) -> bool:
    """Say whether ``middle`` lies strictly below the line from ``left`` to ``right``."""
    return (middle[0] - left[0]) * (right[1] - left[1]) > (right[0] - left[0]) * (
        middle[1] - left[1]
    )
