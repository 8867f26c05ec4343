"""What a prefix cut costs, in every form in which a user may weigh it: work against bits.

A *form* says how what crosses is written (as it is, float16, int8, int8-channel; what zlib saves
depends on the data) and whether the network's inputs may be uploaded. Its *places* are the cuts
that it allows, each with work and bits in whole numbers.

Work that is not known is not 0 but between bounds, from least to most. All cuts between two
operators of unknown work share the same unknown sum, and every later cut has a larger one: these
stretches are the *epochs*. A cut can be the best for some unknown sums exactly if it is so with
those before it at their least and those after it at their most. Where these have no limit, that is
among the cuts of its own epoch and the ones before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

from joulesplit.partition._encoding import ENCODINGS, FLOATS, Encoding, encoded_bits
from joulesplit.partition._network import Cut, Network, Operator, Tensor
from joulesplit.partition.cutting._lower_hull import lower_left_hull

SIZED = tuple(encoding for encoding in ENCODINGS.values() if not encoding.compressed)
"""The encodings whose size is known beforehand."""
MAX_LIMITS = 64
"""Operators of unknown work whose limits are looked at: each makes all later cuts be weighed again.
Of more than that none is taken to have a limit, which lets more cuts win, never fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cut with what it costs.

    Attributes:
        position: Position among the prefix cuts.
        point: Bits that cross (0 after the last operator) and the head's least work, FLOP.
        epoch: How many operators of unknown work are in the head.
        unlimited: How many of these have no limit.
        slack: How much more the others may take together, FLOP.
    """

    position: int
    point: tuple[int, int]
    epoch: int
    unlimited: int = 0
    slack: int = 0

    def as_seen_from(self, other: Place) -> Place:
        """Return the place with the work between the other one's epoch and its own at its most."""
        bits, work = self.point
        return replace(self, point=(bits, work + self.slack - other.slack))


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A way to weigh cuts.

    Attributes:
        encoding: Name of what is sent.
        keep_input: True if the network's inputs must not be uploaded.
        places: The cuts that it allows, in the network's order.
    """

    encoding: str
    keep_input: bool
    places: tuple[Place, ...]


def forms(network: Network, cuts: Sequence[Cut]) -> tuple[Form, ...]:
    """Return all ways to weigh a network's prefix cuts."""
    return tuple(
        Form(encoding=encoding.name, keep_input=kept, places=allowed)
        for encoding in SIZED
        for every in [places(network, cuts, encoding)]
        for kept, allowed in ((False, every), (True, _keeping_input(network, cuts, every)))
    )


def corners(
    places: Sequence[Place], every: Sequence[Place] | None = None
) -> Iterator[tuple[int, tuple[Place, ...]]]:
    """Yield each epoch with the corners of the hull of the places as seen from it.

    Those up to it at their least work, those after it at their most, if that has a limit; fewest
    bits last.

    Args:
        places: The places, in the network's order.
        every: More of them, that say which epochs there are; the same if None.
    """
    by_epoch = {epoch: list(own) for epoch, own in groupby(places, key=lambda place: place.epoch)}
    before: list[Place] = []
    for epoch, group in groupby(every or places, key=lambda place: place.epoch):
        here = next(group)
        before = _corners([*before, *by_epoch.get(epoch, ())])
        yield epoch, tuple(_corners([*before, *_still_to_come(by_epoch, here)]))


def _still_to_come(by_epoch: Mapping[int, Sequence[Place]], here: Place) -> Iterator[Place]:
    """Yield the places of later epochs that are reached at a work that has a limit."""
    for epoch, own in by_epoch.items():
        if epoch > here.epoch:
            if own[0].unlimited > here.unlimited:
                return
            yield from (place.as_seen_from(here) for place in own)


def _corners(places: Sequence[Place]) -> list[Place]:
    in_order = sorted(places, key=lambda place: place.position)
    return [in_order[i] for i in lower_left_hull([place.point for place in in_order])]


def places(network: Network, cuts: Sequence[Cut], encoding: Encoding) -> tuple[Place, ...]:
    """Return the cuts without an obstacle, with what they cost if sent so."""
    crossing = {tensor for cut in cuts for tensor in cut.tensors}
    size = {tensor: _sent_bits(network.tensors[tensor], encoding) for tensor in crossing}
    bits = [sum(size[tensor] for tensor in cut.tensors) for cut in cuts]
    bits[-1] = 0
    unknown = sum(operator.flop is None for operator in network.operators)
    bounds = [_bounds(operator, limits=unknown <= MAX_LIMITS) for operator in network.operators]
    columns = (
        accumulate((least for least, _ in bounds), initial=0),
        accumulate((operator.flop is None for operator in network.operators), initial=0),
        accumulate((most is None for _, most in bounds), initial=0),
        accumulate((0 if most is None else most - least for least, most in bounds), initial=0),
    )
    return tuple(
        Place(position=at, point=(own, done), epoch=epoch, unlimited=unlimited, slack=slack)
        for at, (own, done, epoch, unlimited, slack) in enumerate(zip(bits, *columns, strict=True))
        if not cuts[at].obstacle
    )


def _bounds(operator: Operator, *, limits: bool) -> tuple[int, int | None]:
    """Return least and most work; without limit if there are too many operators to weigh."""
    least, most = operator.bounds_flop
    return least, most if limits or operator.flop is not None else None


def _sent_bits(tensor: Tensor, encoding: Encoding) -> int:
    if tensor.dtype not in FLOATS:
        return tensor.bits
    return encoded_bits(encoding, tensor.shape, tensor.dtype) or tensor.bits


def _keeping_input(
    network: Network, cuts: Sequence[Cut], every: Iterable[Place]
) -> tuple[Place, ...]:
    """Leave out the cuts that upload one of the network's inputs.

    An input that was only copied, padded or reshaped is an input still.
    """
    inputs = frozenset(network.inputs)
    last = len(cuts) - 1
    return tuple(
        place
        for place in every
        if place.position == last
        or ((place.point[1] or place.epoch) and inputs.isdisjoint(cuts[place.position].tensors))
    )
