"""What a prefix cut costs, in every form in which a user may weigh it: work against bits.

A *form* says how what crosses is written (as it is, float16, int8, int8-channel; what zlib saves
depends on the data) and whether the network's inputs may be uploaded. Its *places* are the cuts
that it allows, each with work and bits in whole numbers.

Work that is not known is not 0. All cuts between two operators of unknown work share the same
unknown sum, and every later cut has a larger one: these stretches are the *epochs*. A cut can be
the best for some unknown sums exactly if it is so with those before it 0 and those after it
without limit, that is among the cuts of its own epoch and the ones before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from joulesplit.partition._encoding import ENCODINGS, FLOATS, Encoding, encoded_bits
from joulesplit.partition._network import Cut, Network, Tensor
from joulesplit.partition.cutting._lower_hull import lower_left_hull

SIZED = tuple(encoding for encoding in ENCODINGS.values() if not encoding.compressed)
"""The encodings whose size is known beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A cut with what it costs.

    Attributes:
        position: Position among the prefix cuts.
        point: Bits that cross (0 after the last operator) and the head's known work, FLOP.
        epoch: How many operators of unknown work are in the head.
    """

    position: int
    point: tuple[int, int]
    epoch: int


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


def corners(places: Iterable[Place]) -> Iterator[tuple[Place, ...]]:
    """Yield, epoch by epoch, the corners of the hull of all places up to it, fewest bits last."""
    hull: list[Place] = []
    for _epoch, own in groupby(places, key=lambda place: place.epoch):
        reached = [*sorted(hull, key=lambda place: place.position), *own]
        hull = [reached[i] for i in lower_left_hull([place.point for place in reached])]
        yield tuple(hull)


def reached(hull: Sequence[Place]) -> int:
    """Return the last epoch of some places."""
    return max(place.epoch for place in hull)


def places(network: Network, cuts: Sequence[Cut], encoding: Encoding) -> tuple[Place, ...]:
    """Return the cuts without an obstacle, with what they cost if sent so."""
    crossing = {tensor for cut in cuts for tensor in cut.tensors}
    size = {tensor: _sent_bits(network.tensors[tensor], encoding) for tensor in crossing}
    work = accumulate((operator.flop or 0 for operator in network.operators), initial=0)
    epochs = accumulate((operator.flop is None for operator in network.operators), initial=0)
    bits = [sum(size[tensor] for tensor in cut.tensors) for cut in cuts]
    bits[-1] = 0
    return tuple(
        Place(position=position, point=(own, done), epoch=epoch)
        for position, (own, done, epoch) in enumerate(zip(bits, work, epochs, strict=True))
        if not cuts[position].obstacle
    )


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
