"""Which prefix cuts can be the best at some E_d/E_c, and which are beaten at every one.

A prefix cut costs N/E_d + P/E_c, with N the head's work and P what crosses. As E_d/E_c runs from
nothing (bits are free) to infinity (work is free) the winners are the corners of the lower-left
convex hull of the points (P, N); every other cut loses, or only ever ties. All in whole numbers.
Where the work of operators is unknown a cut can win if it does for some amounts of it, between
their bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from joulesplit.partition._encoding import ENCODINGS
from joulesplit.partition._network import Cut, Network
from joulesplit.partition.cutting._cuts import prefix_cuts
from joulesplit.partition.cutting._prices import Place, corners, places


@dataclass(frozen=True, slots=True, kw_only=True)
class HullCut:
    """A prefix cut that is the best one at some E_d/E_c.

    Attributes:
        cut: The cut.
        head_flop: The head's work, FLOP, of operators of unknown work the least.
        head_most_flop: The same with the most; None is without limit.
        upload_bits: What is uploaded, bit.
        from_flop_per_bit: Smallest E_d/E_c at which it wins (with a tie), FLOP/bit.
        to_flop_per_bit: Largest one; infinite for the last.
        unknown_operators: How many operators of unknown work are in the head. If the network has
            any, the range is the one where they take their least and those in the tail their most.
    """

    cut: Cut
    head_flop: int
    head_most_flop: int | None
    upload_bits: int
    from_flop_per_bit: float
    to_flop_per_bit: float
    unknown_operators: int = 0


def undominated_cuts(network: Network, *, results_uploaded: bool = False) -> tuple[HullCut, ...]:
    """Return the prefix cuts that win at some E_d/E_c.

    By increasing E_d/E_c, that is in the network's order. Cuts with an obstacle are left out.

    Args:
        network: The network.
        results_uploaded: Count the upload of the outputs after the last operator, as the paper
            does; otherwise what runs on the device alone uploads nothing.
    """
    cuts = prefix_cuts(network)
    *before, last = places(network, cuts, ENCODINGS["as-is"])
    if results_uploaded:
        last = replace(last, point=(cuts[-1].bits, last.point[1]))
    return tuple(
        entry
        for epoch, hull in corners([*before, last])
        for entry in _entries(cuts, hull)
        if entry.unknown_operators == epoch
    )


def _entries(cuts: Sequence[Cut], hull: Sequence[Place]) -> list[HullCut]:
    points = [place.point for place in hull]
    swaps = [(b[1] - a[1]) / (a[0] - b[0]) for a, b in pairwise(points)]
    return [
        HullCut(
            cut=cuts[place.position],
            head_flop=place.point[1],
            head_most_flop=None if place.unlimited else place.point[1] + place.slack,
            upload_bits=place.point[0],
            from_flop_per_bit=lowest,
            to_flop_per_bit=highest,
            unknown_operators=place.epoch,
        )
        for place, lowest, highest in zip(hull, [0.0, *swaps], [*swaps, float("inf")], strict=True)
    ]
