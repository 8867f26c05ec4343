"""Does everything that a profile counts stand once, and in its place? Pure.

Energies are added up by place: one that stands twice would be counted twice, one in another's
place as that one's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from joulesplit.calibrate.profile._compute import Compute


def out_of_order(compute: Compute) -> tuple[str, ...]:
    """Name what stands twice, or out of its place, in one phrase each; empty if nothing does."""
    return tuple(_out_of_order(compute))


def _out_of_order(compute: Compute) -> Iterator[str]:
    indices = [block.index for block in compute.blocks]
    if indices != list(range(1, len(indices) + 1)):
        yield f"blocks {_listed(indices)} are not 1, 2, … in this order"
    ends = [block.last_operator for block in compute.blocks]
    if ends != sorted(set(ends)):
        yield f"the blocks' last operators {_listed(ends)} do not rise from one to the next"
    lasts = [head.last_block for head in compute.heads]
    if lasts != sorted(set(lasts)) or not set(lasts) <= set(indices):
        yield f"heads {_listed(lasts)} do not each end once, and in order, at a block"
    phases = Counter(phase.name for phase in compute.phases)
    twice = [name for name, count in phases.items() if count > 1]
    if twice:
        yield f"phase {twice[0]!r} stands {phases[twice[0]]} times"
    last = max(len(compute.blocks) - 1, 0)
    yield from (
        f"making {one.encoding} at l = {one.block} is at no split that sends: l = 0 … {last} are"
        for one in compute.encodings
        if not 0 <= one.block <= last
    )
    made = Counter((one.encoding, one.block) for one in compute.encodings)
    yield from (
        f"making {name} at l = {block} stands {count} times"
        for (name, block), count in made.items()
        if count > 1
    )


def _listed(places: Sequence[int]) -> str:
    return ", ".join(str(place) for place in places)
